"""Image pairs: reading, pairing, down-sampling, the demo set."""
