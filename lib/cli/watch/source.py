"""What the watch shows: the sessions as of the last poll."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from ...views import lookup, neighbours
from .. import formatting

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...views.changes import Change, Poller
    from ...views.session_view import SessionView

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

    def poll(self) -> Snapshot:
        """Return the sessions now; raise StoreError if the folder cannot be read."""
        now = time.time()
        changes = self._poller.poll(now)
        self._tell(changes)
        waiting = neighbours.annotate(lookup.awaiting_trust(now))
        sessions = self._select([*self._poller.sessions, *waiting])
        keys = [] if self._is_first else [key_of(c.session) for c in changes]
        self._is_first = False
        short = formatting.short_ids([*self._poller.sessions, *sessions])
        return Snapshot(sessions, short, frozenset(keys), now)


def key_of(session: SessionView) -> str:
    """Return what tells the session from any other: a client without one has a pid."""
    return f"{session['session_id']} {session['pid'] if not session['path'] else ''}"
