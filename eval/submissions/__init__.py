"""Submissions as data: manifests, repositories, checkpoints. Nothing here runs a team's code."""
