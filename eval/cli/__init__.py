"""The main command line, `test_demo.py`.

options       the options and their defaults, such as the time limit per image
chosen        which submissions the options name
planning      the plan of a batch: data, metrics, device, sandbox, limits
batch         one submission after the other, one record each
campaign      the rounds of protocol `interleaved`
verdicts      verdicts on the claims of the submissions that the options name
receipts      a participant's receipt beside the judge's own run
printing      consoles
command       options in, exit status out
verification  what `eval.verify` does beside verdicts on claims
"""

from eval.cli.command import main

__all__ = ["main"]
