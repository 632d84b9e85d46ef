"""Training: losses, stages, recipes."""
