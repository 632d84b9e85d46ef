"""Counts of parameters, operations and activations, made inside the worker.

counting        runs every counter of the table on one recorded pass
counter         what a counter is
fvcore_counter  fvcore, the official one
thop_counter    thop
torch_counter   torch's own
formulas        operators that fvcore does not know
products        work written as products and sums
weights         which weights a pass reads
dead_weight     parameters that no pass reads, by module
recorder        one forward pass, recorded
replay          a second pass without the work
dispatch        what all passes share
"""
