"""Times of another machine as the clock here would have shown them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...record import timestamps

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...views.session_view import SessionView

_TIMES = ("state_since", "start_time", "last_heartbeat", "usage_time")
_TOLERANCE = 2.0  # seconds by which clocks differ that agree, and requests take time


def corrected(sessions: Sequence[SessionView], seconds: float) -> list[SessionView]:
    """Return *sessions* with *seconds* added to their times, unless that is next to 0.

    So many seconds is the clock that wrote them behind the clock here.
    """
    if abs(seconds) <= _TOLERANCE:
        return [*sessions]
    return [_corrected(session, seconds) for session in sessions]  # type: ignore[misc]


def _corrected(values: Mapping[str, Any], seconds: float) -> dict[str, Any]:
    times = {key: _added(values[key], seconds) for key in _TIMES if values.get(key)}
    others = [_corrected(process, seconds) for process in values.get("others", ())]
    return {**values, **times, **({"others": others} if others else {})}


def _added(timestamp: str, seconds: float) -> str:
    moment = timestamps.parse(timestamp)
    if moment is None or moment + seconds < 0:
        return timestamp
    return timestamps.from_epoch(moment + seconds)
