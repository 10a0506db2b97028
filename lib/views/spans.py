"""When a session was open, and in which state, according to its entries.

A session has one or more open periods. Each begins with the metadata or a resume, and
ends with a close, or else with the last heartbeat.
"""

from __future__ import annotations

from typing import NamedTuple

from ..record import timestamps, transitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import SessionEntry

# How an open period ended: with a close; without one, the process is gone; not at all,
# it is alive; not known; or it continues beyond the time that it was cut to.
CLOSED, LOST = transitions.CLOSED, transitions.LOST
ALIVE, UNKNOWN = "alive", "unknown"
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

    *verdict* says how the last period ended if it was not closed. *now* is in epoch
    seconds.
    """
    periods = _Periods()
    last_seen: str | None = None
    for transition in transitions.transitions(entries, now):
        if transition.time is not None:
            when = _seconds(transition.time, now)
            periods.enter(transition.state, when, transition.event)
            last_seen = transition.last_seen
    ending = _ENDINGS.get(verdict or "", UNKNOWN)
    end = now if ending == ALIVE else _seconds(last_seen, now)
    periods.enter("closed", end, ending)
    return periods.finished


def _seconds(timestamp: str | None, now: float) -> float:
    return min(timestamps.parse(timestamp) or 0.0, now)


class _Periods:
    """Builds the open periods from one state after the other."""

    def __init__(self) -> None:
        self.finished: list[OpenPeriod] = []
        self._spans: list[Span] = []
        self._state = "closed"
        self._since = 0.0

    def enter(self, state: str, when: float, event: str) -> None:
        """Change to *state*; if that is `closed`, *event* says how the period ended."""
        if state == self._state:
            return
        closes = state == "closed"
        is_open = self._state != "closed"
        if is_open and (when > self._since or (closes and not self._spans)):
            self._spans.append(Span(self._since, when, self._state))
        if closes:
            self.finished.append(OpenPeriod(self._spans, event))
            self._spans = []
        self._state, self._since = state, when


def cut(periods: list[OpenPeriod], since: float, until: float) -> list[OpenPeriod]:
    """Return the parts of *periods* from *since* to *until*."""
    parts = [_cut(period, since, until) for period in periods]
    return [part for part in parts if part.spans]


def _cut(period: OpenPeriod, since: float, until: float) -> OpenPeriod:
    spans = [
        Span(max(begin, since), min(end, until), state)
        for begin, end, state in period.spans
        if end >= since and begin < until
    ]
    ending = CONTINUES if period.end > until else period.ending
    return OpenPeriod(spans, ending)
