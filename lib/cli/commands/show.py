"""`headcount show`: everything about one session."""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque

from ... import sessions
from ...views import lineage, lookup, neighbours, session_view, timeline
from .. import facts, output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ...model import Session, SessionEntry

_MOST_MOMENTS = 20
_ENTRIES_OF_UNREADABLE = 10
_SHOWN_WARNINGS = 3


def run(args: Namespace) -> int:
    """Show the session."""
    now = time.time()
    session = lookup.find(args.id, now)
    around = _look_around(session, now)
    if args.json:
        output.write(
            [session_view.as_json({**session, **around, **_whole_life(session)})]
        )
    else:
        output.write(_lines(session, around, args.entries, now))
    return 0


def _look_around(session: Session, now: float) -> Session:
    """Return lineage, siblings and resume line; give the session its surroundings."""
    live = sessions.discover_sessions()
    on_record = lineage.known(live, sessions.discover_sessions(archived=True))
    others = [
        lookup.describe(info, now, archived=False)
        for info in live
        if os.fspath(info) != session["path"]
    ]
    neighbours.annotate([*others, session])
    resume = None if session["verdict"] is None else session_view.resume_line(session)
    return {
        "came_from": lineage.came_from(session, on_record),
        "went_on_as": lineage.went_on_as(session, on_record),
        "siblings": neighbours.siblings(session, others),
        "resume": resume,
    }


# ---- For people ------------------------------------------------------------------


def _lines(
    session: Session, around: Session, entries: int | None, now: float
) -> list[str]:
    columns, _ = output.terminal()
    if entries is None:
        entries = 0 if session["verdict"] else _ENTRIES_OF_UNREADABLE
    life = timeline.Timeline(_MOST_MOMENTS)
    last: deque[SessionEntry] = deque(maxlen=entries)
    total = 0
    for entry in _entries(session["path"]):
        life.add(entry)
        last.append(entry)
        total += 1
    alive = session["verdict"] == "alive"
    lines = [*facts.lines({**session, **around}, now), ""]
    lines += [f"timeline of {total} {'entry' if total == 1 else 'entries'}"]
    lines += timeline.lines(life, now, alive=alive, columns=columns)
    if entries:
        lines += ["", f"last {len(last)} of {total} entries"]
        lines += [session_view.entry_line(entry, now, columns) for entry in last]
    if around["resume"]:
        lines += ["", "resume it with", around["resume"]]
    return lines


# ---- For scripts -----------------------------------------------------------------


def _whole_life(session: Session) -> Session:
    entries = list(_entries(session["path"]))
    life = timeline.Timeline()
    for entry in entries:
        life.add(entry)
    return {
        "timeline": life.moments,
        "other_entries": life.others,
        "entries": entries,
    }


def _entries(path: str) -> Iterator[SessionEntry]:
    """Yield the entries of the file at *path*; what is damaged is said on stderr."""
    with _warnings_said(path):
        yield from sessions.iter_session_jsonl(path)


@contextlib.contextmanager
def _warnings_said(path: str) -> Iterator[None]:
    import logging

    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("headcount")
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
    for message in said[:_SHOWN_WARNINGS]:
        output.message(message)
    if len(said) > _SHOWN_WARNINGS:
        output.message(f"{path}: {len(said) - _SHOWN_WARNINGS} more such lines")
