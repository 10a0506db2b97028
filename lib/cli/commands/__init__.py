"""The commands of `headcount`, a module each; `run` returns the exit code.

A command reads its arguments, calls `sessions`, and hands lines to `output`.
Errors are raised; `main` turns them into messages.
"""
