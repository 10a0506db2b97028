"""The life of a session as its entries tell it: what happened when, and in which state.

This is the one place that decides what a missing state, a compaction, a process that
was replaced, or a clock that was set back means for the history of a session. (What a
session is now, `fold` computes from far fewer entries.)
"""

from __future__ import annotations

from typing import NamedTuple

from . import schema, timestamps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import SessionEntry, State

STARTED = "started"
RESUMED = "resumed"
COMPACTED = "compacted"
STATE = "state"  # a heartbeat, or the end of a turn
LEFT = "left"  # one process closed the session, which another still has open
CLOSED = "closed"
LOST = "lost"  # the process before this resume ended without a close
UPDATED = "updated"  # a label or tasks were set
CUSTOM = "custom"  # an entry of another tool

_EVENTS = {
    schema.METADATA: STARTED,
    schema.RESUME: RESUMED,
    schema.HEARTBEAT: STATE,
    schema.TURN_CLOSE: STATE,
    schema.CLOSE: CLOSED,
    schema.UPDATE: UPDATED,
}


class Transition(NamedTuple):
    """One event, and the state of the session after it.

    `time` is a timestamp of the record; times never decrease. It is None where the
    entry's own cannot be believed: such an entry changes no state. `last_seen` is when
    the session was last known to be alive, this event included (None if unknown).
    `entry` is the entry that says so; for LOST, the resume after it.
    """

    time: str | None
    event: str
    state: State
    last_seen: str | None
    entry: SessionEntry


def transitions(entries: Iterable[SessionEntry], now: float) -> Iterator[Transition]:
    """Yield what happened, a transition for each of *entries* in their order.

    A resume by another process of a session that was not closed yields two: LOST, at
    the time the session was last seen, then RESUMED. *now* is in epoch seconds; a time
    before the project, or after now (but for a little skew), is not believed.
    """
    history = _History(timestamps.latest_plausible(now))
    for entry in entries:
        yield from history.apply(entry)


class _History:
    """What is known of a session between two of its entries."""

    def __init__(self, latest: str) -> None:
        self._latest = latest
        self._last_seen: str | None = None
        self._state: State = "closed"
        self._process: object = None

    def apply(self, entry: SessionEntry) -> Iterator[Transition]:
        event = _event_of(entry)
        key = "start_time" if event == STARTED else "timestamp"
        time = self._believed(entry.get(key))
        if time is not None and event not in (UPDATED, CUSTOM):
            if self._is_lost(event, entry):
                lost, self._state = self._last_seen, "closed"
                yield Transition(lost, LOST, "closed", lost, entry)
            self._state = self._state_after(event, entry)
            self._process = entry.get("process", self._process)
            self._last_seen = time
            if event == STARTED:
                self._last_seen = self._believed(entry.get("last_heartbeat")) or time
        yield Transition(time, event, self._state, self._last_seen, entry)

    def _believed(self, value: object) -> str | None:
        """Return *value* as a timestamp that is not before the last; None if absurd."""
        time = timestamps.normalize(value)
        if time is None or not timestamps.is_plausible(time, self._latest):
            return None
        return max(time, self._last_seen or "")

    def _is_lost(self, event: str, entry: SessionEntry) -> bool:
        return (
            event in (STARTED, RESUMED, COMPACTED)
            and self._state != "closed"
            and ("process" not in entry or entry["process"] != self._process)
        )

    def _state_after(self, event: str, entry: SessionEntry) -> State:
        if event == CLOSED:
            return "closed"
        before = "idle" if self._state == "closed" else self._state
        if event in (STARTED, RESUMED):
            return "idle"
        state = schema.state_of(entry.get("state")) if event == STATE else None
        return before if state in (None, "closed") else state


def _event_of(entry: SessionEntry) -> str:
    kind = entry.get("type")
    event = _EVENTS.get(kind, CUSTOM) if isinstance(kind, str) else CUSTOM
    if event == RESUMED and entry.get("source") == "compact":
        return COMPACTED
    if event == CLOSED and isinstance(entry.get("others"), list) and entry["others"]:
        return LEFT
    return event
