"""`headcount doctor`: is everything in place, and if not, what mends it."""

from __future__ import annotations

import time

from .. import doctor, output, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(asked: Namespace) -> int:
    """Say what was found; 1 if any of it is a problem."""
    findings = doctor.examine(time.time())
    if asked.json:
        output.write([render.as_json([finding._asdict() for finding in findings])])
    else:
        output.write(doctor.lines(findings))
    problems = sum(finding.level == doctor.PROBLEM for finding in findings)
    if problems:
        output.say(f"{output.count(problems, 'problem')} found")
    return 1 if problems else 0
