"""Restrictions that a confined process applies to itself. Everything here runs beside a team's code.

`launch` is the script that starts every sandboxed program: it sets limits and gives up every right. `privileges`
drops root. `landlock` decides which files can be opened. `seccomp_rules` says which system calls are refused,
`syscalls` has their numbers, and `seccomp` puts the finished filter on a process. `lockdown` forbids new processes;
the worker calls it before it loads a team's code. The parent's side is `eval.sandbox`.
"""
