"""Image quality metrics: one file each, and one table of them in `registry`."""
