"""`headcount show`: everything about one session."""

from __future__ import annotations

import time

from .. import lookup, output, render, sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ..model import SessionEntry

_SHOWN_ENTRIES = 10
_SHOWN_WARNINGS = 3


def run(asked: Namespace) -> int:
    """Show the session."""
    now = time.time()
    session = lookup.find(asked.id, now)
    entries = _entries(session["path"])
    if asked.json:
        output.write([render.as_json({**session, "entries": entries})])
        return 0
    columns, _ = output.terminal()
    last = entries[-_SHOWN_ENTRIES:]
    lines = [*render.facts(session, now), ""]
    lines += [f"last {len(last)} of {len(entries)} entries"]
    lines += [render.entry_line(entry, now, columns) for entry in last]
    if session["verdict"] is not None:
        lines += ["", "resume it with", render.resume_line(session)]
    output.write(lines)
    return 0


def _entries(path: str) -> list[SessionEntry]:
    """Return the entries of the file at *path*; what is damaged is said on stderr."""
    import logging

    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("headcount")
    logger.addHandler(handler)
    try:
        entries = sessions.load_session_jsonl(path)
    finally:
        logger.removeHandler(handler)
    for message in said[:_SHOWN_WARNINGS]:
        output.say(message)
    if len(said) > _SHOWN_WARNINGS:
        output.say(f"{path}: {len(said) - _SHOWN_WARNINGS} more such lines")
    return entries
