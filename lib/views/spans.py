"""When a session was open, and in which state, as its entries tell it.

A session is open in one or more parts: each begins with its metadata or a resume, and
ends with a close, or, if it was never closed, with its last sign of life.
"""

from __future__ import annotations

from typing import NamedTuple

from ..record import schema, timestamps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import SessionEntry

# How a part ended: said so; the process went without a word; it is alive; not known;
# and of one that was cut, it goes on.
CLOSED, LOST, ALIVE, UNSEEN = "closed", "lost", "alive", "unseen"
GOES_ON = "goes on"
ENDS = {"alive": ALIVE, "dead": LOST}  # by verdict, for what was not closed


class Span(NamedTuple):
    """From when to when, in epoch seconds, a session was in one state."""

    begin: float
    end: float
    state: str


class Part(NamedTuple):
    """A stretch in which the session was open: at least one span, without gaps."""

    spans: list[Span]
    how: str

    @property
    def begin(self) -> float:
        """When it began, in epoch seconds."""
        return self.spans[0].begin

    @property
    def end(self) -> float:
        """When it ended, in epoch seconds; of what is alive, now."""
        return self.spans[-1].end


def parts_of(
    entries: Iterable[SessionEntry], verdict: str | None, now: float
) -> list[Part]:
    """Return the parts of the session whose *entries* these are, in order.

    Times that nobody can believe are passed over, and a clock that was set back stands
    still until it has caught up.
    """
    reader = _Reader(now)
    for entry in entries:
        reader.see(entry)
    return reader.result(ENDS.get(verdict or "", UNSEEN))


class _Reader:
    def __init__(self, now: float) -> None:
        self._now = now
        self._parts: list[Part] = []
        self._spans: list[Span] = []
        self._state = ""  # none: it is not open
        self._since = 0.0
        self._last = 0.0
        self._process: object = None

    def see(self, entry: SessionEntry) -> None:
        kind = entry.get("type")
        if not schema.is_lifecycle(entry):
            return
        first = kind == schema.METADATA
        when = self._time(entry.get("start_time" if first else "timestamp"))
        if when is None:
            return
        if kind in (schema.METADATA, schema.RESUME):
            self._begin(entry, when)
        elif kind == schema.CLOSE:
            self._close(entry, when)
        else:
            self._enter(str(entry.get("state")), when)
        self._process = entry.get("process", self._process)
        self._last = when
        if first:
            self._last = self._time(entry.get("last_heartbeat")) or when

    def result(self, how: str) -> list[Part]:
        if self._state:
            self._end(self._now if how == ALIVE else self._last, how)
        return self._parts

    def _time(self, value: object) -> float | None:
        when = timestamps.normalize(value)
        if when is None or not timestamps.is_plausible(
            when, timestamps.latest_plausible(self._now)
        ):
            return None
        return min(max(timestamps.parse(when) or 0.0, self._last), self._now)

    def _begin(self, entry: SessionEntry, when: float) -> None:
        """A process goes on with the session: the same one, or the next."""
        same = entry.get("process", 0) == self._process
        if self._state and not same:
            self._end(self._last, LOST)
        if not (self._state and entry.get("source") == "compact"):
            self._enter("idle", when)

    def _enter(self, state: str, when: float) -> None:
        state = state if state in schema.LIVE_STATES else self._state or "idle"
        if state == self._state:
            return
        if self._state and when > self._since:
            self._spans.append(Span(self._since, when, self._state))
        self._state, self._since = state, when

    def _close(self, entry: SessionEntry, when: float) -> None:
        others = entry.get("others")
        if isinstance(others, list) and others:
            return  # another process has it open still
        if self._state:
            self._end(when, CLOSED)

    def _end(self, when: float, how: str) -> None:
        if when > self._since or not self._spans:
            self._spans.append(Span(self._since, when, self._state))
        self._parts.append(Part(self._spans, how))
        self._spans, self._state = [], ""


def cut(part: Part, since: float, until: float) -> Part | None:
    """Return what of *part* lies between *since* and *until*; None if nothing does."""
    if part.end < since or part.begin >= until:
        return None
    spans = [
        Span(max(begin, since), min(end, until), state)
        for begin, end, state in part.spans
        if end >= since and begin < until
    ]
    how = GOES_ON if part.end > until else part.how
    return Part(spans, how) if spans else None
