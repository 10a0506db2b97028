"""What changes among the sessions of many hosts from one poll to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..views import changes, lookup, neighbours
from . import merge
from .hosts import LOCAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..views.changes import Change
    from ..views.session_view import SessionView


class Poller:
    """Asks the hosts at each poll; otherwise like `changes.Poller`.

    The sessions of a host that does not answer are unknown until it answers again.
    `problems` says which hosts did not answer for the first time at the last poll.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self._hosts = hosts
        self._sessions: dict[str, SessionView] = {}
        self._silent: set[str] = set()
        self.problems: list[str] = []

    @property
    def sessions(self) -> list[SessionView]:
        """The sessions as of the last poll, as `list --json` prints them."""
        return list(self._sessions.values())

    def poll(self, now: float) -> list[Change]:
        """Return the changes since the last poll; at the first, each open session."""
        fleet = merge.listed(self._hosts, ["list"], now)
        if LOCAL in self._hosts:
            live = lookup.discover(now, archived=False)
            fleet.add_local(neighbours.annotate(live), now)
        self.problems = fleet.problems(now, besides=self._silent)
        self._silent = {h["on"] for h in fleet.hosts if h["status"] != merge.OK}
        before, self._sessions = self._sessions, _by_key(fleet.sessions)
        return changes.between(before, self._sessions, {})


def _by_key(sessions: list[SessionView]) -> dict[str, SessionView]:
    """Return *sessions* by host and id, which may be the same on two hosts."""
    return {f"{s['on']}:{s['session_id']}": s for s in sessions}
