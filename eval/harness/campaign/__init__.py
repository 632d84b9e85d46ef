"""Protocol `interleaved`: rounds in which every submission is timed in a fresh process, beside the baseline."""
