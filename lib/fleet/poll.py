"""What changes among the sessions of many hosts from one poll to the next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..errors import HeadcountError
from ..views import changes, lookup, neighbours, session_view
from . import merge
from .hosts import LOCAL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..views.changes import Change
    from ..views.session_view import SessionView
    from .merge import Fleet


def of_hosts(hosts: Sequence[str]) -> Fleet:
    """Return the sessions of *hosts*, also of this machine if it is one of them."""
    now = time.time()
    fleet = merge.listed(hosts, ["list"], now)
    if LOCAL in hosts:
        live = lookup.discover(now, archived=False)
        fleet.add_local(neighbours.annotate(live), now)
    return fleet


def source(asked: Sequence[str], *, fleet: bool) -> Callable[[], Fleet]:
    """Return what asks the hosts *asked*, or for *fleet* reads what machines share.

    Raises UsageError if no server is configured.
    """
    if fleet:
        from .shared.reader import Reader

        return Reader().listed
    return lambda: of_hosts(asked)


class Poller:
    """Asks with *listed* at each poll; otherwise like `changes.Poller`.

    The sessions of a host that does not answer are unknown until it answers again; so
    are all if *listed* fails, unless it is the first time. `problems` says what was not
    so at the poll before, and `rows` has the hosts that did not answer, as if they were
    sessions.
    """

    def __init__(self, listed: Callable[[], Fleet]) -> None:
        self._listed = listed
        self._sessions: dict[str, SessionView] | None = None
        self._silent: set[str] = set()
        self.problems: list[str] = []
        self.rows: list[SessionView] = []

    @property
    def sessions(self) -> list[SessionView]:
        """The sessions as of the last poll, as `list --json` prints them."""
        return list((self._sessions or {}).values())

    def poll(self, now: float) -> list[Change]:
        """Return the changes since the last poll; at the first, each open session."""
        before = self._sessions or {}
        try:
            fleet = self._listed()
        except HeadcountError as error:
            if self._sessions is None:
                raise
            self._sessions = {key: _as_unknown(s, error) for key, s in before.items()}
            self.problems = [] if "" in self._silent else [str(error)]
            self._silent.add("")
        else:
            self._sessions = _by_key(fleet.sessions)
            self.problems = fleet.problems(now, besides=self._silent)
            self._silent = {h["on"] for h in fleet.hosts if h["status"] != merge.OK}
            self.rows = fleet.rows(now)
        return changes.between(before, self._sessions, {})


def _by_key(sessions: list[SessionView]) -> dict[str, SessionView]:
    """Return *sessions* by host and id, which may be the same on two hosts."""
    return {f"{s['on']}:{s['session_id']}": s for s in sessions}


def _as_unknown(session: SessionView, error: HeadcountError) -> SessionView:
    if session["verdict"] == "unknown":
        return session
    reasons = [f"{error}; last: {session_view.state_of(session)}"]
    return {**session, "verdict": "unknown", "reasons": reasons, "processes": []}
