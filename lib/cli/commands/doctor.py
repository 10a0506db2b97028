"""`headcount doctor`: is everything in place, and if not, what fixes it."""

from __future__ import annotations

import time

from ...doctor import examine
from ...doctor.finding import PROBLEM, Context
from ...text import count
from .. import formatting, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...doctor.finding import Finding

# One repair may bring to light what another can fix: a folder, then what is in it.
_MAX_ROUNDS = 3


def run(args: Namespace) -> int:
    """Say what was found; 1 if any of it is a problem, after --fix of what is left."""
    fixed = _fix() if args.fix else []
    found = examine.examine(Context(time.time(), quick=args.quick))
    told = fixed + found
    if args.json:
        output.write([formatting.as_json([finding.as_object() for finding in told])])
    else:
        output.write(examine.lines(told))
    problems = [finding for finding in found if finding.level == PROBLEM]
    if problems:
        output.message(f"{count(len(problems), 'problem')} found{_hint(problems)}")
    return 1 if problems else 0


def _fix() -> list[Finding]:
    """Fix what is safe to fix, and return what was; failures go to stderr."""
    done: list[Finding] = []
    for _ in range(_MAX_ROUNDS):
        fixed, failures = examine.fix(examine.examine(Context(time.time(), quick=True)))
        for failure in failures:
            output.message(f"could not {failure}")
        done += fixed
        if failures or not fixed:
            break
    return done


def _hint(problems: list[Finding]) -> str:
    fixable = sum(finding.repair is not None for finding in problems)
    return f"; `headcount doctor --fix` fixes {fixable}" if fixable else ""
