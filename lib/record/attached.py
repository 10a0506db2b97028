"""The processes that have a session open: which, and in what state each is."""

from __future__ import annotations

from ..system import process
from .schema import state_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Process, SessionEntry, SessionMetadata, State


class Openers:
    """A session's processes after *last*, the one it was known by so far.

    *host* is that of line 1, where an entry names none.
    """

    __slots__ = ("_closed", "_host", "_open", "last")

    def __init__(self, last: Process, host: object) -> None:
        self.last = last
        self._host = host
        self._open: dict[str, Process] = {}
        self._closed: set[str] = set()
        if key := _key(last):
            self._open[key] = last

    def see(self, entry: SessionEntry, state: object) -> None:
        """See the process that *entry* names, else the last one again, in *state*."""
        self._see_others(entry)
        seen = process.process_of(entry, self._host) or self.last.copy()
        seen["state"] = state_of(state) or self._state_before()
        self.last = seen
        if key := _key(seen):
            self._open[key] = seen
            self._closed.discard(key)
            self._forget_bare(seen)

    def begin_anew(self, entry: SessionEntry) -> None:
        """See only who is named from now on, as *entry*, a `session_resume`, says."""
        # A compaction happens within a turn or between two; it changes no state.
        # What begins anew says nothing of the process that had it before.
        state: object = "idle"
        if entry.get("source") == "compact":
            state = entry.get("state")
        else:
            self.last = {}
        self._open.clear()
        self._closed.clear()
        self.see(entry, state)

    def close(self, entry: SessionEntry) -> None:
        """See the process that *entry* names, else the last one, leave the session."""
        closing = process.process_of(entry, self._host) or self.last.copy()
        closing["state"] = "closed"
        self._closed.add(_key(closing))
        self._open.clear()
        self._see_others(entry)
        self.last = closing

    def current(self) -> Process:
        """Return the one last heard of; if it closed and another has not, that one."""
        if self._open and self.last.get("state") == "closed":
            return list(self._open.values())[-1]
        return self.last

    def others(self) -> list[Process]:
        """Return the further ones that have the session open."""
        current = self.current()
        return [seen for seen in self._open.values() if seen is not current]

    def _forget_bare(self, seen: Process) -> None:
        """Drop the process that was known by the pid of *seen* alone: it is the same.

        A record by hand, or by another tool, knows no more of it.
        """
        bare = self._open.get(str(seen["pid"]))
        if bare not in (None, seen) and bare.get("host") in (None, seen.get("host")):
            del self._open[str(seen["pid"])]

    def _state_before(self) -> State:
        before = self.last.get("state", "idle")
        return "idle" if before == "closed" else before

    def _see_others(self, entry: SessionEntry) -> None:
        others = entry.get("others")
        for other in others if isinstance(others, list) else []:
            if not isinstance(other, dict):
                continue
            seen = process.process_of(other, self._host)
            if seen and _key(seen) not in self._closed:
                seen["state"] = state_of(other.get("state")) or "idle"
                self._open.setdefault(_key(seen), seen)


def processes_of(metadata: SessionMetadata) -> list[Process]:
    """Return the processes of a session: the one last heard of, then the others.

    The first is *metadata* itself, which has the keys of a process among its own.
    """
    others = metadata.get("others")
    if not isinstance(others, list):
        return [metadata]
    return [metadata, *(other for other in others if isinstance(other, dict))]


def _key(seen: Process) -> str:
    """Return what tells a session's processes apart; empty if none is known."""
    return seen.get("process") or str(seen.get("pid", ""))
