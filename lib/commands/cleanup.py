"""`headcount cleanup`: file the dead away now, however many."""

from __future__ import annotations

import time

from .. import lookup, output, render, sessions
from ..words import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import Session


def run(asked: Namespace) -> int:
    """Archive what is stale or dead; 1 if anything could not be judged or moved."""
    now = time.time()
    total = len(sessions.discover_sessions())
    problems: list[str] = []
    moved = [
        lookup.describe(info, now, archived=not asked.dry_run)
        for info in sessions.cleanup_stale_sessions(
            dry_run=asked.dry_run, now=now, on_problem=problems.append
        )
    ]
    if asked.json:
        result = {
            "dry_run": asked.dry_run,
            "sessions": total,
            "archived": moved,
            "problems": problems,
        }
        output.write([render.as_json(result)])
    else:
        output.write([_moved_line(session) for session in moved])
        did = "would archive" if asked.dry_run else "archived"
        output.write([f"{did} {len(moved)} of {output.count(total, 'session')}"])
    for problem in problems:
        output.say(problem)
    return 1 if problems else 0


def _moved_line(session: Session) -> str:
    told = (session["session_id"], session["verdict"], session["reasons"][0])
    return plain("  ".join(map(str, told)), output.LONGEST)
