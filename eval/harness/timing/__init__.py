"""How the parent times a worker: the timed pass, the calibrated gap between two clocks, the machine's other work."""
