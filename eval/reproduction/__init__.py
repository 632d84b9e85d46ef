"""Whether equal input gives equal output, and what moved between two records. Pure functions: nothing is run.

differences  two SR images compared: largest difference, share of differing pixels, PSNR between
tiles        where an image is cut into tiles, and where their seams lie
findings     what each rerun gave, with a verdict and the named cause
environment  how the environments of two records differ
bundle       the ZIP file that repeats an evaluation elsewhere: its content, written and read
public_record  a record as it leaves the machine
moved        which numbers and pixels of two records differ
"""
