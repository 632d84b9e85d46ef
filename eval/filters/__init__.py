"""Restrictions that a confined process applies to itself. Everything here runs beside a team's code.

    launch         the script that starts every sandboxed program and gives up every right
    privileges     drops root
    landlock       decides which files can be opened
    seccomp_rules  which system calls are refused
    seccomp        puts an assembled filter on a process
    syscalls       numbers of system calls
    lockdown       forbids new processes; the worker calls it before it loads a team's code

The parent's side is `eval.sandbox`.
"""
