"""How the parent times a worker.

threads      whether a worker runs on more threads than it may
timed_pass   warm-ups, the timed requests, and what speaks against their times
calibration  the gap between the parent's clock and a worker's
"""
