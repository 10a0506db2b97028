"""The processes that have a session open: which, in what state, and since when."""

from __future__ import annotations

from ..system.process import process_of
from .schema import (
    CLOSE,
    HEARTBEAT,
    LIVE_STATES,
    RESUME,
    TURN_CLOSE,
    state_of,
    wait_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model import Process, SessionEntry, SessionMetadata


_BEATS = frozenset([HEARTBEAT, TURN_CLOSE])
_PLAIN_STATES = ("busy", "idle")  # which need no other field


def last_and_others(
    before: SessionEntry | None, lifecycle: list[SessionEntry], first: SessionEntry
) -> tuple[Process, list[Process]]:
    """Return the process last heard of, and the others that have the session open.

    *first* is the metadata entry, and so is *before*, which is None if entries between
    it and the *lifecycle* entries are missing.
    """
    if process := _only_process(before, lifecycle, first):
        return process, []
    attached = AttachedProcesses(first)
    if before is not None:
        attached.attach(before, "idle")
    for entry in lifecycle:
        attached.apply(entry)
    return attached.current(), attached.others()


def _only_process(
    before: SessionEntry | None, lifecycle: list[SessionEntry], first: SessionEntry
) -> Process | None:
    """Return the process if every entry is a plain heartbeat of the same one.

    Most sessions are like that, and it saves a tenth of the time of a long list.
    """
    last = lifecycle[-1] if lifecycle else before
    if last is None:
        return None
    pid, name, state, since = last.get("pid"), last.get("process"), "idle", None
    if before is not None:
        if before.get("process") != name or before.get("pid") != pid:
            return None
        since = before.get("start_time")
    for entry in lifecycle:
        new = entry.get("state")
        if (
            entry["type"] not in _BEATS
            or entry.get("process") != name
            or entry.get("pid") != pid
            or new not in _PLAIN_STATES
            or "others" in entry
            or "host" in entry
        ):
            return None
        if new != state or not since or entry.get("state_since"):
            state, since = new, entry.get("state_since") or entry.get("timestamp")
    process = process_of(last, first)
    if process is not None:
        process["state"] = state  # type: ignore[typeddict-item]
        process["state_since"] = since  # type: ignore[typeddict-item]
    return process


class AttachedProcesses:
    """The processes of a session, as its entries name them one after the other."""

    __slots__ = ("_attached", "_detached", "_first", "_last")

    def __init__(self, first: SessionEntry) -> None:
        self._first = first
        self._last: Process = {}
        self._attached: dict[str, Process] = {}
        self._detached: tuple[str, ...] = ()

    def apply(self, entry: SessionEntry) -> None:
        """Apply the lifecycle *entry*; others change no process."""
        kind = entry["type"]
        if kind in _BEATS:
            self.attach(entry, entry.get("state"))
        elif kind == CLOSE:
            self.detach(entry)
        elif kind == RESUME:
            self.reset(entry)

    def attach(self, entry: SessionEntry, state: object) -> None:
        """Note that the process *entry* names, else the last one, is in *state*."""
        if "others" in entry:
            self._attach_others(entry)
        process = process_of(entry, self._first) or self._last.copy()
        before = self._before(process)
        if not before and state_of(state) is None:
            before = self._last
        _set_state(process, entry, state, before)
        self._last = process
        if key := _key(process):
            self._attached[key] = process
            if self._detached:
                self._detached = tuple(k for k in self._detached if k != key)
            if len(self._attached) > 1:
                self._forget_bare(process)

    def reset(self, entry: SessionEntry) -> None:
        """Start over with those that *entry*, a `session_resume`, names."""
        # A compaction happens within a turn or between two; it changes no state.
        # Any other resume says nothing of the process that had the session before.
        state: object = "idle"
        if entry.get("source") == "compact":
            state = entry.get("state")
        else:
            self._last = {}
        self._attached.clear()
        self._detached = ()
        self.attach(entry, state)

    def detach(self, entry: SessionEntry) -> None:
        """Note that the process *entry* names, else the last one, left the session.

        An entry that closes names in its `others` all that still have it open.
        """
        process = process_of(entry, self._first) or self._last.copy()
        _set_state(process, entry, "closed", self._before(process))
        self._detached = (*self._detached, _key(process))
        self._attached.clear()
        self._attach_others(entry)
        self._last = process

    def current(self) -> Process:
        """Return the one last heard of; if it closed and another has not, that one."""
        if self._attached and self._last.get("state") == "closed":
            return list(self._attached.values())[-1]
        return self._last

    def others(self) -> list[Process]:
        """Return the further ones that have the session open."""
        current = self.current()
        return [other for other in self._attached.values() if other is not current]

    def _forget_bare(self, process: Process) -> None:
        """Drop the one that was known by the pid of *process* alone: it is the same.

        A record by hand, or by another tool, may know nothing but the pid.
        """
        pid, host = str(process["pid"]), process.get("host")
        bare = self._attached.get(pid)
        if bare not in (None, process) and bare.get("host") in (None, host):
            del self._attached[pid]

    def _before(self, process: Process) -> Process:
        """Return *process* as it was until now; {} if it was not heard of."""
        key = _key(process)
        return self._last if key == _key(self._last) else self._attached.get(key, {})

    def _attach_others(self, entry: SessionEntry) -> None:
        for other in _others_of(entry):
            process = process_of(other, self._first)
            if process and _key(process) not in self._detached:
                since = {"state_since": entry.get("timestamp"), **other}
                _set_state(process, since, other.get("state"), {})
                self._attached.setdefault(_key(process), process)


def processes_of(metadata: SessionMetadata) -> list[Process]:
    """Return the processes of a session: the one last heard of, then the others.

    The first is *metadata* itself, which has the keys of a process among its own.
    """
    return [metadata, *_others_of(metadata)]


def _others_of(entry: Mapping[str, object]) -> list[Any]:
    others = entry.get("others")
    if not isinstance(others, list):
        return []
    return [other for other in others if isinstance(other, dict)]


def _key(process: Process) -> str:
    """Return what tells a session's processes apart; empty if none is known."""
    return process.get("process") or str(process.get("pid", ""))


def _set_state(
    process: Process, entry: SessionEntry, state: object, before: Process
) -> None:
    """Set *state* of *process*, what it waits for and since when, as *entry* says.

    Without a valid state, it stays as *before*, which is *process* until then; a closed
    one becomes idle. `state_since` is as in the entries, not yet validated.
    """
    old, waited_for = before.get("state", "idle"), before.get("waiting_for")
    new, waiting_for = state_of(state), None
    if new is None:
        new, waiting_for = (old if old in LIVE_STATES else "idle"), waited_for
    elif new == "waiting":
        waiting_for = wait_of(entry.get("waiting_for"))
    since = entry.get("state_since")
    if not since and (new, waiting_for) == (old, waited_for):
        since = before.get("state_since")
    process["state"] = new
    since = since or entry.get("timestamp") or entry.get("start_time")
    process["state_since"] = since  # type: ignore[typeddict-item]
    process.pop("waiting_for", None)
    if waiting_for is not None:
        process["waiting_for"] = waiting_for
