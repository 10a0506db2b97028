"""`headcount doctor`: find what is wrong with store and hooks, and fix what is safe."""

from __future__ import annotations

import time

from ...doctor import examine
from ...doctor.finding import PROBLEM, Context
from ...fleet.sharing.check import check_sharing
from ...text import count
from .. import formatting, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...doctor.finding import Finding

# A repair may reveal the next fault: first the folder's mode, then that of its files.
_MAX_ROUNDS = 3


def run(args: Namespace) -> int:
    """Print the findings, after those that `--fix` fixed; 1 if any is a problem."""
    fixed = _fix() if args.fix else []
    if args.live:
        output.message("running `claude --init-only`; other hooks of yours run, too")
    context = Context(time.time(), quick=args.quick, live=args.live)
    remaining = examine.examine(context, check_sharing)
    findings = fixed + remaining
    if args.json:
        objects = [finding.as_object() for finding in findings]
        output.write(formatting.json_lines({"findings": objects}))
    else:
        output.write(examine.lines(findings))
    problems = [finding for finding in remaining if finding.level == PROBLEM]
    if problems:
        output.message(f"{count(len(problems), 'problem')} found{_hint(problems)}")
    return 1 if problems else 0


def _fix() -> list[Finding]:
    """Fix what is safe to fix, and return it; failures go to stderr."""
    all_fixed: list[Finding] = []
    for _ in range(_MAX_ROUNDS):
        fixed, failures = examine.fix(examine.examine(Context(time.time(), quick=True)))
        for failure in failures:
            output.message(f"could not {failure}")
        all_fixed += fixed
        if failures or not fixed:
            break
    return all_fixed


def _hint(problems: list[Finding]) -> str:
    fixable = sum(finding.repair is not None for finding in problems)
    return f"; `headcount doctor --fix` fixes {fixable}" if fixable else ""
