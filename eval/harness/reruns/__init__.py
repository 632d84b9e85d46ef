"""Runs a submission again under switches that ought not to change its pixels, and compares. No torch.

runs      one run over all images in a worker of its own
planned   which runs there are
compare   all runs of one submission, each beside the first
"""
