"""`python -m lib` in a checkout, `python -m headcount` when installed."""

from __future__ import annotations

from .cli.main import run

run()
