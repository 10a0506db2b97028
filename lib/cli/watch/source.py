"""What the watch shows: the sessions as of the last poll."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ...views import changes, lookup, neighbours
from .. import formatting

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...fleet import poll
    from ...views.changes import Change
    from ...views.session_view import SessionView

    Poller = changes.Poller | poll.Poller
    Select = Callable[[list[SessionView]], list[SessionView]]
    Tell = Callable[[list[Change]], None]


class Snapshot(NamedTuple):
    """The sessions at one moment.

    *short* has the short form of each id, *changed* the keys of the sessions that have
    started or changed since the snapshot before.
    """

    sessions: list[SessionView]
    short: dict[str, str]
    changed: frozenset[str]
    now: float


class Source:
    """Polls for the sessions that *select* returns; *tell* gets each poll's changes."""

    def __init__(self, poller: Poller, *, select: Select, tell: Tell) -> None:
        self._poller = poller
        self._select = select
        self._tell = tell
        self._is_first = True
        self.problems: list[str] = []  # new ones, of hosts, at the last poll

    def poll(self) -> Snapshot:
        """Return the sessions now, and rows for clients and hosts without a session.

        Raises StoreError if the folder cannot be read.
        """
        now = time.time()
        news = self._poller.poll(now)
        self._tell(news)
        if isinstance(self._poller, changes.Poller):
            others = neighbours.annotate(lookup.awaiting_trust(now))
        else:
            others, self.problems = self._poller.rows, self._poller.problems
        sessions = self._select([*self._poller.sessions, *others])
        keys = [] if self._is_first else [key_of(change.session) for change in news]
        self._is_first = False
        short = formatting.short_ids([*self._poller.sessions, *sessions])
        return Snapshot(sessions, short, frozenset(keys), now)


def key_of(session: SessionView) -> str:
    """Return what tells the session from any other: a client without one has a pid."""
    pid = session["pid"] if not session["path"] else ""
    return f"{session.get('on', '')} {session['session_id']} {pid}"
