"""Facts about this machine: processor, GPU, processes, disks.

gpu                which GPU is taken: found once, for record, sandbox and worker alike
gpu_state          the GPU at one moment: memory, clocks, temperature, processes
nvml               NVIDIA's management library
machine            what a record says of the machine
packages           versions of packages that can change a number
load               how much of the machine other programs use
procfs             processes of a sandbox, their usage, survivors
disk               use and removal of folders that untrusted code filled
environment_check  graded checks before timing: `python -m eval.host`
"""
