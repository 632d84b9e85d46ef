"""The main command line, `test_demo.py`: options, the plan of a batch, the batch, exit status."""

from eval.cli.command import main

__all__ = ["main"]
