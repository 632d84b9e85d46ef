"""Whether a worker's word is believed. Pure functions: claims in, flags out. No process, no file.

    clocks       when a time is not believed
    outputs      whether the timed network is the scored one
    complexity   when counted operations (FLOPs) or parameters are in doubt
    recount      the count compared with that of a process without the team's code
    device_peak  whether count and time imply more than the device can do

docs/integrity.md explains the rules.
"""
