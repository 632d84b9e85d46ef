"""Ways to load a submission inside the worker, one module each.

native               a model script and a checkpoint, described by a manifest
ensemble             x8 of any submission, and native submissions fused
repository           a submission of an NTIRE-style repository
folder_program       a program that turns a folder of images into another
spandrel_checkpoint  a bare checkpoint of a known architecture
traced_graph         a network as a graph of operators, without a team's code
control              a model that does nothing, to calibrate the clocks
checkpoints          reads checkpoints: tensors only, so that no pickle runs code
beside               further files beside a model script
loaded_model         what every adapter returns
"""
