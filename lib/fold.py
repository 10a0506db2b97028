"""What a session is now: its metadata entry, and what the entries after it make of it.

Each lifecycle entry carries what must not be lost from sight: the process, further
processes that have the session open (`others`), and a label or tasks set later. So the
last one, with line 1, is enough to go by.
"""

from __future__ import annotations

from . import clock, kinds, process
from .kinds import (
    CLOSE,
    HEARTBEAT,
    LATER_TEXTS,
    RESUME,
    TEXTS,
    TURN_CLOSE,
    UPDATE,
    is_lifecycle,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model import Process, SessionEntry, SessionMetadata, State


_NOTHING: frozenset[str] = frozenset()
_CARRIED = frozenset(["label", "tasks", *LATER_TEXTS])


class Fold:
    """The metadata entry *first* at *now*, to which later entries are applied in turn.

    Ten thousand of these make a list, so what most entries lack is looked for once.
    """

    __slots__ = (
        "_ahead",
        "_closed",
        "_host",
        "_known",
        "_last",
        "_latest",
        "_newest",
        "_open",
        "_start",
        "_updated",
    )

    def __init__(self, first: SessionEntry, now: float) -> None:
        self._latest = clock.latest_trusted(now)
        self._host = first.get("host")
        self._known: dict[str, object] = {"session_id": first["session_id"]}
        self._open: dict[str, Process] = {}
        self._closed: frozenset[str] = _NOTHING
        self._last: Process = {}
        self._newest = ""
        self._ahead = False
        self._updated: frozenset[str] = _NOTHING
        self._start = clock.canonical(first.get("start_time")) or ""
        if self._start:
            self._known["start_time"] = self._start
        self._copy_texts(first, TEXTS)
        self._see_label(first, carried=True)

    def begin(self, first: SessionEntry) -> None:
        """See the process of the metadata entry: nothing that came later is skipped."""
        self._see_time(first.get("last_heartbeat"))
        self._see_process(first, "idle")

    def apply(self, entries: Iterable[SessionEntry]) -> None:
        """Apply *entries* in the order of the file; those of others say nothing."""
        for entry in entries:
            if is_lifecycle(entry):
                self._see_time(entry.get("timestamp"))
                if not _CARRIED.isdisjoint(entry):
                    self._see_label(entry, carried=True)
                    self._copy_texts(entry, LATER_TEXTS)
                self._see_event(entry)
            elif entry.get("type") == UPDATE:
                self._see_label(entry, carried=False)

    def skip(self) -> None:
        """Have the file's own time to go by: of what it says last nothing is known."""
        self._ahead = True

    def result(self, modified: float) -> SessionMetadata:
        """Return the folded metadata; *modified* is the file's time, at most now."""
        current = self._current()
        self._known.update(current)
        metadata: SessionMetadata = self._known  # type: ignore[assignment]
        state = metadata.setdefault("state", "idle")
        for seen in self._open.values():
            if seen is not current:
                metadata.setdefault("others", []).append(seen)
        metadata["last_heartbeat"] = self._last_heartbeat(modified)
        if state != "closed":
            metadata.pop("close_reason", None)
        return metadata

    def _see_event(self, entry: SessionEntry) -> None:
        kind = entry["type"]
        if kind in (HEARTBEAT, TURN_CLOSE):
            self._see_process(entry, entry.get("state"))
        elif kind == CLOSE:
            self._close(entry)
        elif kind == RESUME:
            self._resume(entry)

    def _resume(self, entry: SessionEntry) -> None:
        # A compaction happens within a turn or between two; it changes no state.
        # What begins anew says nothing of the process that had it before.
        state: object = "idle"
        if entry.get("source") == "compact":
            state = entry.get("state")
        else:
            self._last = {}
        self._open.clear()
        self._closed = _NOTHING
        self._see_process(entry, state)

    def _see_process(self, entry: SessionEntry, state: object) -> None:
        if "others" in entry:
            self._see_others(entry)
        seen = self._process_of(entry) or self._last.copy()
        seen["state"] = _state(state) or self._state_before()
        self._last = seen
        if key := _key(seen):
            self._open[key] = seen
            if key in self._closed:
                self._closed -= {key}
            if len(self._open) > 1:
                self._forget_bare(seen)

    def _forget_bare(self, seen: Process) -> None:
        """Drop the process that was known by the pid of *seen* alone: it is the same.

        A record by hand, or by another tool, knows no more of it.
        """
        bare = self._open.get(str(seen["pid"]))
        if bare not in (None, seen) and bare.get("host") in (None, seen.get("host")):
            del self._open[str(seen["pid"])]

    def _state_before(self) -> State:
        before = self._last.get("state", "idle")
        return "idle" if before == "closed" else before

    def _close(self, entry: SessionEntry) -> None:
        closing = self._process_of(entry) or self._last.copy()
        closing["state"] = "closed"
        self._closed |= {_key(closing)}
        self._open.clear()
        self._see_others(entry)
        self._last = closing
        reason = entry.get("reason")
        self._known["close_reason"] = reason if isinstance(reason, str) else "other"

    def _see_others(self, entry: SessionEntry) -> None:
        others = entry.get("others")
        for other in others if isinstance(others, list) else []:
            seen = self._process_of(other) if isinstance(other, dict) else None
            if seen and _key(seen) not in self._closed:
                seen["state"] = _state(other.get("state")) or "idle"
                self._open.setdefault(_key(seen), seen)

    def _process_of(self, entry: SessionEntry) -> Process | None:
        """Return the process that the entry names, or None.

        Without a host it is the one of line 1: entries carry theirs where it differs.
        """
        pid = entry.get("pid")
        if not process.is_pid(pid):
            return None
        seen: Process = {"pid": pid}
        if isinstance(known := entry.get("process"), str):
            seen["process"] = known
        if isinstance(host := entry.get("host", self._host), str):
            seen["host"] = host
        return seen

    def _current(self) -> Process:
        """The process last heard of; if it closed and another has not, that one."""
        if self._open and self._last.get("state") == "closed":
            return list(self._open.values())[-1]
        return self._last

    def _see_time(self, value: object) -> None:
        when = self._start if value == self._start else clock.canonical(value)
        if when is None or when <= self._newest:
            return
        if clock.is_trusted(when, self._latest):
            self._newest = when
        else:
            self._ahead = True

    def _last_heartbeat(self, modified: float) -> str:
        """The newest time of all lifecycle entries.

        An entry from the future says nothing; then the file's own time does, which is
        never later than now. Without any, the start, and then the file's time.
        """
        if self._ahead:
            return max(self._newest, clock.stamp(modified))
        return self._newest or self._start or clock.stamp(modified)

    def _see_label(self, entry: SessionEntry, *, carried: bool) -> None:
        """Take label and tasks from an update, or as an entry of ours carries them.

        What is carried is never newer than an update that was read before it.
        """
        if "label" in entry:
            self._take(entry, "label", str, carried=carried)
            if not self._known.get("label"):
                self._known.pop("label", None)
        if "tasks" in entry:
            self._take(entry, "tasks", list, carried=carried)

    def _take(
        self, entry: SessionEntry, key: str, kind: type, *, carried: bool
    ) -> None:
        if not isinstance(entry[key], kind) or (carried and key in self._updated):
            return
        self._known[key] = entry[key]
        if not carried:
            self._updated |= {key}

    def _copy_texts(self, entry: SessionEntry, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key in entry and isinstance(entry[key], str):
                self._known[key] = entry[key]


def _state(value: object) -> State | None:
    if isinstance(value, str) and value in kinds.STATES:
        return value  # type: ignore[return-value]
    return None


def _key(seen: Process) -> str:
    """Return what tells a session's processes apart; empty if none is known."""
    return seen.get("process") or str(seen.get("pid", ""))
