"""`headcount cleanup`: archive stale and dead sessions; delete old archived ones."""

from __future__ import annotations

import time

from ... import sessions
from ...errors import UsageError
from ...record import timestamps
from ...store import delete
from ...text import count, printable
from ...views import lookup
from .. import formatting, output, time_spec
from ..terminal.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...model import Session, SessionInfo

_MAX_DAYS = 36_500


def run(args: Namespace) -> int:
    """Archive finished sessions, then delete; 1 if anything could not be processed."""
    now = time.time()
    older_than = time_spec.span(args.older_than) if args.older_than else 0.0
    keep_days = None if args.keep_days is None else _days(args.keep_days)
    problems: list[str] = []
    live = sessions.discover_sessions()
    archived = _archive(
        live, now, older_than, dry_run=args.dry_run, on_problem=problems.append
    )
    removed: list[str] = []
    if keep_days is not None:
        removed = _remove(
            keep_days, now, dry_run=args.dry_run, on_problem=problems.append
        )
    if args.json:
        result = {
            "dry_run": args.dry_run,
            "sessions": len(live),
            "archived": archived,
            "removed": removed,
            "problems": problems,
        }
        output.write([formatting.as_json(result)])
    else:
        did = "would archive" if args.dry_run else "archived"
        summary = f"{did} {len(archived)} of {count(len(live), 'session')}"
        output.write([*map(_archived_line, archived), summary])
        if keep_days is not None:
            output.write(_removed_lines(removed, keep_days, dry_run=args.dry_run))
    for problem in problems:
        output.message(problem)
    return 1 if problems else 0


def _archive(
    live: list[SessionInfo],
    now: float,
    older_than: float,
    *,
    dry_run: bool,
    on_problem: Callable[[str], None],
) -> list[Session]:
    young = {info.id for info in live if not _is_older(info, now - older_than)}
    with Progress("archiving", len(live)) as progress:
        moved = sessions.cleanup_stale_sessions(
            dry_run=dry_run,
            keep=young if older_than else (),
            now=now,
            on_problem=on_problem,
            on_progress=progress.step,
        )
    return [lookup.judged(info, now, archived=not dry_run) for info in moved]


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
    """Return the days in *text*, a number or a time span; raise UsageError."""
    if text.isascii() and text.isdigit():
        text += "d"
    days = time_spec.span(text) / time_spec.span("1d")
    if not 1 <= days <= _MAX_DAYS or days != int(days):
        raise UsageError(
            f"--keep-days {ascii(text)[:80]} is not a number of days; try 30"
        )
    return int(days)


def _archived_line(session: Session) -> str:
    columns = (session["session_id"], session["verdict"], session["reasons"][0])
    return printable("  ".join(map(str, columns)), output.MAX_LINE)


def _removed_lines(removed: list[str], keep_days: int, *, dry_run: bool) -> list[str]:
    files = count(len(removed), "archived file")
    age = f"archived more than {count(keep_days, 'day')} ago"
    if not dry_run:
        return [f"deleted {files}, {age}"]
    lines = [printable(path, output.MAX_LINE) for path in removed]
    return [*lines, f"would delete {files}, {age}"]
