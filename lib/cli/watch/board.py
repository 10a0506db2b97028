"""The rows of the watch: which sessions, in which order, and their text."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ...views import session_view
from .. import formatting
from ..terminal import session_table
from ..terminal.columns import DEFAULT, DEFAULT_OF_HOSTS
from .source import key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ...views.session_view import SessionView
    from .source import Snapshot

_NEWS_SECONDS = 5.0


class Row(NamedTuple):
    """A line of the list, coloured by escape sequences; headings have no session."""

    key: str
    line: str
    session: SessionView | None


class Board:
    """Arranges the sessions of the last snapshot.

    Rows are sorted by state as in `list`, but not by time: a row moves only if the
    state of its session changes, and not with each heartbeat.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.filter = ""
        self.is_grouped = False
        self._order: dict[str, int] = {}
        self._changed: dict[str, float] = {}  # when, by key
        self.take(snapshot)

    def take(self, snapshot: Snapshot) -> None:
        """Arrange the sessions of *snapshot*; new ones come first."""
        self.snapshot = snapshot
        self._changed.update(dict.fromkeys(snapshot.changed, time.monotonic()))
        latest = session_table.ordered(snapshot.sessions)
        latest.sort(key=lambda session: self._order.get(key_of(session), -1))
        self.sessions = sorted(latest, key=session_table.urgency)
        self._order = {key_of(s): n for n, s in enumerate(self.sessions)}

    def news(self) -> frozenset[str]:
        """Return the keys of the sessions that have changed just now."""
        since = time.monotonic() - _NEWS_SECONDS
        self._changed = {k: when for k, when in self._changed.items() if when > since}
        return frozenset(self._changed)

    def matches(self) -> list[SessionView]:
        """Return the sessions in which every word of the filter occurs."""
        words = self.filter.casefold().split()
        if not words:
            return self.sessions
        return [s for s in self.sessions if all(_has(s, word) for word in words)]

    def table(self, columns: int, *, colour: bool) -> tuple[str, list[Row]]:
        """Return the headings and the rows; if grouped, a row for each worktree too."""
        sessions = self.matches()
        if self.is_grouped:
            sessions = sorted(sessions, key=_group)
        heading, *lines = session_table.table(
            sessions,
            self.snapshot.short,
            now=self.snapshot.now,
            columns=columns,
            colour=colour,
            names=DEFAULT_OF_HOSTS if _has_hosts(self.sessions) else DEFAULT,
        )
        pairs = zip(sessions, lines, strict=True)
        rows = [Row(key_of(session), line, session) for session, line in pairs]
        return heading, [*_with_groups(rows)] if self.is_grouped else rows


def _has_hosts(sessions: list[SessionView]) -> bool:
    return any("on" in session for session in sessions)


def _group(session: SessionView) -> str:
    """Return the worktree, and the host that it is on if hosts were asked."""
    host = f"{session['on']}: " if "on" in session else ""
    return host + formatting.where(session)


def _has(session: SessionView, word: str) -> bool:
    """Whether the id begins with *word*, or it is in what the row says."""
    texts = (
        session_view.state_of(session),
        session["waiting_for"],
        session_view.name_of(session),
        formatting.where(session),
        session.get("on"),
    )
    found = any(word in text.casefold() for text in texts if text)
    return found or session["session_id"].casefold().startswith(word)


def _with_groups(rows: list[Row]) -> Iterator[Row]:
    """Yield *rows*, those of each worktree below a row that names it."""
    group = None
    for row in rows:
        where = _group(row.session) if row.session else None
        if where and where != group:
            group = where
            yield Row(f"worktree {where}", where, None)
        yield row
