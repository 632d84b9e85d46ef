"""One stage of a training: where it starts, its steps, its validation, its pruning.

preparation     everything before the first step
start           the network and weights that it starts with
trainee         the network, its optimiser, its average of weights
stage_run       the steps
validation      PSNR on image pairs
prune_stage     prune, fine-tune, compare, go on or go back
prune_channels  removes whole channels
"""
