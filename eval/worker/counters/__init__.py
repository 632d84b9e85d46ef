"""Counts of parameters, operations and activations, made inside the worker."""
