"""What is known about the session at the cursor, beside the list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.ansi import AnsiDecoder
from rich.text import Text

from ...record import verdict
from ...views import session_view
from ..commands import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from ...views.session_view import SessionView
    from .source import Snapshot

_INDENT = show.NAME_COLUMNS + 1
_MIN_COLUMNS = 10


def text(
    session: SessionView, snapshot: Snapshot, console: Console, columns: int
) -> Text:
    """Return the facts of `headcount show`, and how to resume what has ended."""
    if not session["path"]:
        state = session_view.state_text(session, snapshot.now)
        return Text(f"{state}\n{session['cwd'] or ''}")
    lines = [*_facts(session, snapshot, console, columns)]
    if session["verdict"] and session["verdict"] not in verdict.OPEN:
        command = session_view.resume_command(session)
        lines += [Text(), Text(command or session_view.no_command(session))]
    return Text("\n").join(lines)


def _facts(
    session: SessionView, snapshot: Snapshot, console: Console, columns: int
) -> Iterator[Text]:
    """Yield the facts, the values wrapped beside their names."""
    by_id = {other["session_id"]: other for other in snapshot.sessions}
    same_worktree = [by_id[i] for i in session["same_worktree"] if i in by_id]
    facts = {**session, "same_worktree": same_worktree}
    room = max(columns - _INDENT, _MIN_COLUMNS)
    for line in show.fact_lines(facts, snapshot.now, colour=True):
        decoded = AnsiDecoder().decode_line(line)
        name, value = decoded.divide([_INDENT])
        for part in value.wrap(console, room, overflow="fold"):
            yield name + part
            name = Text(" " * _INDENT)
