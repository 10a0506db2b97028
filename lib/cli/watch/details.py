"""What is known about the session at the cursor, beside the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.ansi import AnsiDecoder
from rich.text import Text

from ...fleet import hosts
from ...record import verdict
from ...text import printable
from ...views import session_view
from ..output import MAX_LINE
from ..terminal import facts
from . import actions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ...views.session_view import SessionView
    from .source import Snapshot

_INDENT = facts.NAME_COLUMNS + 1
_MIN_COLUMNS = 10


def text(
    session: SessionView, snapshot: Snapshot, console: Console, columns: int
) -> Text:
    """Return the facts of `headcount show`, and how to resume what has ended."""
    if not session["path"] and "on" in session:
        return Text(printable(f"{session['on']}: {session['label']}", MAX_LINE))
    if not session["path"]:
        state = session_view.state_text(session, snapshot.now)
        return Text(f"{state}\n{session['cwd'] or ''}")
    lines = [*_facts(session, snapshot, console, columns)]
    if session["verdict"] and session["verdict"] not in verdict.OPEN:
        command = actions.resume_command(session)
        lines += [Text(), Text(command or session_view.no_command(session))]
    return Text("\n").join(lines)


def _facts(
    session: SessionView, snapshot: Snapshot, console: Console, columns: int
) -> Iterator[Text]:
    """Yield the facts, the values wrapped beside their names."""
    details: dict[str, Any] = {**session}
    if not hosts.is_elsewhere(session):
        by_id = {s["session_id"]: s for s in snapshot.sessions if s["path"]}
        same_worktree = session["same_worktree"]
        details["same_worktree"] = [by_id[i] for i in same_worktree if i in by_id]
    room = max(columns - _INDENT, _MIN_COLUMNS)
    for line in facts.lines(details, snapshot.now, colour=True):
        decoded = AnsiDecoder().decode_line(line)
        name, value = decoded.divide([_INDENT])
        for part in value.wrap(console, room, overflow="fold"):
            yield name + part
            name = Text(" " * _INDENT)
