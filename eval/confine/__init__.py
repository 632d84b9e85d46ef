"""How a stranger's process is confined: `eval.sandbox` is the public face, SECURITY.md the theory."""
