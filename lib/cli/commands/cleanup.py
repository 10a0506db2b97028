"""`headcount cleanup`: archive stale and dead sessions; delete old archived ones."""

from __future__ import annotations

import time
from collections import Counter

from ... import sessions
from ...errors import UsageError
from ...record import timestamps
from ...store import delete
from ...text import count, printable
from ...views import lookup, session_view
from .. import formatting, output, time_spec
from ..terminal.progress import Progress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterator
    from typing import Any

    from ...model import SessionInfo
    from ...views.session_view import SessionView

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
    removed = []
    if keep_days is not None:
        removed = _remove(
            keep_days, now, dry_run=args.dry_run, on_problem=problems.append
        )
    result = {
        "dry_run": args.dry_run,
        "sessions": len(live),
        "archived": archived,
        "left": _left(live, archived, now),
        "removed": removed,
        "problems": problems,
    }
    if args.json:
        output.write(formatting.json_lines(result))
    else:
        output.write([*_lines(result, keep_days)])
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
) -> list[SessionView]:
    young = {info.id for info in live if not _is_older(info, now - older_than)}
    with Progress("archiving", len(live)) as progress:
        moved = sessions.cleanup_stale_sessions(
            dry_run=dry_run,
            keep=young if older_than else (),
            now=now,
            on_problem=on_problem,
            on_progress=progress.step,
        )
    return lookup.judged(moved, now, archived=not dry_run)


def _is_older(info: SessionInfo, moment: float) -> bool:
    beat = timestamps.parse((info.metadata or {}).get("last_heartbeat"))
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


def _lines(result: dict[str, Any], keep_days: int | None) -> Iterator[str]:
    would = "would " if result["dry_run"] else ""
    ending = "" if would else "d"
    for session in result["archived"]:
        cells = (
            session["session_id"],
            session_view.state_of(session),
            session_view.name_of(session),
            session["cwd"] and formatting.where(session),
            session_view.reason_of(session),
        )
        yield printable("  ".join(filter(None, cells)), output.MAX_LINE)
    sessions_examined = count(result["sessions"], "session")
    archived = (
        f"{would}archive{ending} {len(result['archived'])} of {sessions_examined}"
    )
    left = ", ".join(f"{number} {word}" for word, number in result["left"].items())
    yield f"{archived}; left: {left}" if left else archived
    if keep_days is None:
        return
    if would:
        yield from (printable(path, output.MAX_LINE) for path in result["removed"])
    files = count(len(result["removed"]), "archived file")
    days = count(keep_days, "day")
    yield f"{would}delete{ending} {files}, archived more than {days} ago"


def _left(
    live: list[SessionInfo], archived: list[SessionView], now: float
) -> dict[str, int]:
    """Return how many of the *live* sessions stay, by verdict."""
    gone = {session["session_id"] for session in archived}
    left = (info.metadata for info in live if info.id not in gone)
    return Counter(
        sessions.verdict(metadata, now=now).verdict if metadata else "unreadable"
        for metadata in left
    )
