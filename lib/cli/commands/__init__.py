"""The commands of `headcount`, a module each; `run` returns the exit code.

A command reads what it was args, calls `sessions`, and hands lines to `output`.
Errors are raised; `cli` turns them into words.
"""
