"""`headcount cleanup`: file the dead away now, however many; delete the long filed."""

from __future__ import annotations

import time

from ... import sessions
from ...errors import UsageError
from ...record import timestamps
from ...store import delete
from ...text import count, printable
from ...views import lookup, session_view
from .. import output, time_spec
from ..terminal.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...model import Session, SessionInfo

_MOST_DAYS = 36_500


def run(args: Namespace) -> int:
    """Archive what is over; 1 if anything could not be judged, moved or deleted."""
    now = time.time()
    older_than = time_spec.span(args.older_than) if args.older_than else 0.0
    keep_days = None if args.keep_days is None else _days(args.keep_days)
    problems: list[str] = []
    known = sessions.discover_sessions()
    moved = _archive(
        known, now, older_than, dry_run=args.dry_run, on_problem=problems.append
    )
    removed: list[str] = []
    if keep_days is not None:
        removed = _remove(
            keep_days, now, dry_run=args.dry_run, on_problem=problems.append
        )
    if args.json:
        result = {
            "dry_run": args.dry_run,
            "sessions": len(known),
            "archived": moved,
            "removed": removed,
            "problems": problems,
        }
        output.write([session_view.as_json(result)])
    else:
        output.write([*map(_moved_line, moved), _moved_sum(moved, known, args)])
        if keep_days is not None:
            output.write(_removed_lines(removed, keep_days, dry_run=args.dry_run))
    for problem in problems:
        output.message(problem)
    return 1 if problems else 0


def _archive(
    known: list[SessionInfo],
    now: float,
    older_than: float,
    *,
    dry_run: bool,
    on_problem: Callable[[str], None],
) -> list[Session]:
    young = {info.id for info in known if not _is_older(info, now - older_than)}
    with Progress("archiving", len(known)) as progress:
        moved = sessions.cleanup_stale_sessions(
            dry_run=dry_run,
            keep=young if older_than else (),
            now=now,
            on_problem=on_problem,
            on_progress=progress.step,
        )
    return [lookup.describe(info, now, archived=not dry_run) for info in moved]


def _is_older(info: SessionInfo, moment: float) -> bool:
    beat = (
        timestamps.parse(info.metadata.get("last_heartbeat")) if info.metadata else None
    )
    return beat is not None and beat < moment


def _remove(
    keep_days: int, now: float, *, dry_run: bool, on_problem: Callable[[str], None]
) -> list[str]:
    files = delete.expired(keep_days, now)
    if dry_run:
        return list(delete.removable(files, now))
    with Progress("deleting", len(files)) as progress:
        return delete.remove_all(
            files, now, on_problem=on_problem, on_progress=progress.step
        )


def _days(text: str) -> int:
    """Return the days that *text* means, a number or a span; raise UsageError."""
    if text.isascii() and text.isdigit():
        text += "d"
    days = time_spec.span(text) / time_spec.span("1d")
    if not 1 <= days <= _MOST_DAYS or days != int(days):
        raise UsageError(f"--keep-days {text[:80]}: whole days, at least 1, such as 30")
    return int(days)


def _moved_line(session: Session) -> str:
    told = (session["session_id"], session["verdict"], session["reasons"][0])
    return printable("  ".join(map(str, told)), output.MAX_LINE)


def _moved_sum(moved: list[Session], known: list[SessionInfo], args: Namespace) -> str:
    did = "would archive" if args.dry_run else "archived"
    return f"{did} {len(moved)} of {count(len(known), 'session')}"


def _removed_lines(removed: list[str], keep_days: int, *, dry_run: bool) -> list[str]:
    files = count(len(removed), "archived file")
    more_than = f"filed away more than {count(keep_days, 'day')} ago"
    if not dry_run:
        return [f"deleted {files}, {more_than}"]
    told = [printable(path, output.MAX_LINE) for path in removed]
    return [*told, f"would delete {files}, {more_than}"]
