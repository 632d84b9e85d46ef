"""What runs beside a team's code, inside the sandbox. The only package that imports torch.

    worker           one submission's life: inspect, load, forward, count
    adapters         ways to load a submission
    counters         counts of parameters, operations and activations
    switched         a submission under switches that ought not to change its pixels
    examine          the state of a network, for those who check a submission before they hand it in
    timers           times one forward pass
    memory           peak memory, on CUDA and on the CPU
    cpu_fallback     lets code for CUDA run on the CPU
    module_finder    shows the harness's modules, and hides them from a team's code
    failure_reasons  why something failed, in words

`__main__` is the entry point; the parent's side is `eval.harness.worker_process`.
"""
