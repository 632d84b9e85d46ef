"""Ways to load a submission inside the worker, one module each."""
