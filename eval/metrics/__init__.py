"""Image quality metrics and their protocols."""
