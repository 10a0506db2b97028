"""Headcount: one durable record for every Claude Code session on a machine.

`sessions` is the front door; the other modules serve it. The package is `lib` in
a checkout and `headcount` when installed with pip: the same modules.
"""

__version__ = "0.1.0"
