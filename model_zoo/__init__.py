"""Checkpoints: released ones (fetched), and under `reproduced/` the ones this project trained."""
