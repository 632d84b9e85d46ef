"""How runtime is measured: inputs that never repeat, and statistics. Pure functions.

inputs      changed copies of images (mirrored, turned, shifted) and their order
statistics  medians, intervals and means of measured times
"""
