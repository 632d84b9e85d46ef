"""Pure functions that judge what a worker states: claims in, flags out. No process, no file."""
