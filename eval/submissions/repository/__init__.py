"""NTIRE-style repositories, read as text: entry points, checkpoints, whose file is whose."""
