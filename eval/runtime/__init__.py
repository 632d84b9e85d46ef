"""How runtime is measured: inputs that never repeat, and statistics. Pure functions.

inputs      changed copies of images (mirrored, turned, shifted) and their order
statistics  medians, intervals and means of measured times
design      the order inside a round of a campaign, and baseline brackets
stopping    how many repeats and rounds are needed
rank_sets   confidence sets of ranks
"""
