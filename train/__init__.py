"""Training by recipes: `python -m train RECIPE --data DIR --out DIR`.

schema     a recipe as typed data
engine     runs a recipe, stage after stage
stages     one stage: its start, its steps, its validation, the prune stage
context    what every stage of a run needs to know
networks   the networks of a recipe
losses     training losses
distill    a teacher's output as a second target
reparam    re-parameterisable convolutions
ema        the average of weights
schedule   learning rates
patches    which patches a step trains on
saving     the files of a run
report     lines, TensorBoard, history, summary
curves     draws a run: `python -m train.curves`
agreement  decisions that all processes take together
errors     errors of a run
"""
