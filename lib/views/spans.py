"""When a session was open, and in which state, according to its entries.

A session has one or more open periods. Each begins with the metadata or a resume, and
ends with a close, or else with the last heartbeat.
"""

from __future__ import annotations

from typing import NamedTuple

from ..record import schema, timestamps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import SessionEntry

# How an open period ended: with a close; without one, the process is gone; not at all,
# it is alive; not known; or it continues beyond the time that it was cut to.
CLOSED, LOST, ALIVE, UNKNOWN = "closed", "lost", "alive", "unknown"
CONTINUES = "continues"
_ENDINGS = {"alive": ALIVE, "dead": LOST}  # by verdict, if it was not closed


class Span(NamedTuple):
    """From when to when, in epoch seconds, a session was in one state."""

    begin: float
    end: float
    state: str


class OpenPeriod(NamedTuple):
    """A time in which the session was open: one span or more, without gaps."""

    spans: list[Span]
    ending: str

    @property
    def begin(self) -> float:
        """When it began, in epoch seconds."""
        return self.spans[0].begin

    @property
    def end(self) -> float:
        """When it ended, in epoch seconds; now if the session is alive."""
        return self.spans[-1].end


def open_periods(
    entries: Iterable[SessionEntry], verdict: str | None, now: float
) -> list[OpenPeriod]:
    """Return the open periods of a session from its *entries*, in order.

    Implausible times are ignored. After the clock was set back, time stands still until
    it has caught up.
    """
    reader = _Reader(now)
    for entry in entries:
        reader.add(entry)
    return reader.result(_ENDINGS.get(verdict or "", UNKNOWN))


class _Reader:
    def __init__(self, now: float) -> None:
        self._now = now
        self._periods: list[OpenPeriod] = []
        self._spans: list[Span] = []
        self._state = ""  # empty while it is not open
        self._since = 0.0
        self._last = 0.0
        self._process: object = None

    def add(self, entry: SessionEntry) -> None:
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

    def result(self, ending: str) -> list[OpenPeriod]:
        if self._state:
            self._end(self._now if ending == ALIVE else self._last, ending)
        return self._periods

    def _time(self, value: object) -> float | None:
        when = timestamps.normalize(value)
        if when is None or not timestamps.is_plausible(
            when, timestamps.latest_plausible(self._now)
        ):
            return None
        return min(max(timestamps.parse(when) or 0.0, self._last), self._now)

    def _begin(self, entry: SessionEntry, when: float) -> None:
        """Begin a period, or continue the current one if the process is the same."""
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
            return  # another process still has it open
        if self._state:
            self._end(when, CLOSED)

    def _end(self, when: float, ending: str) -> None:
        if when > self._since or not self._spans:
            self._spans.append(Span(self._since, when, self._state))
        self._periods.append(OpenPeriod(self._spans, ending))
        self._spans, self._state = [], ""


def cut(period: OpenPeriod, since: float, until: float) -> OpenPeriod | None:
    """Return the part of *period* from *since* to *until*; None if there is none."""
    if period.end < since or period.begin >= until:
        return None
    spans = [
        Span(max(begin, since), min(end, until), state)
        for begin, end, state in period.spans
        if end >= since and begin < until
    ]
    ending = CONTINUES if period.end > until else period.ending
    return OpenPeriod(spans, ending) if spans else None
