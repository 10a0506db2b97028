"""Days of the local time zone, however long: 23 or 25 hours, or beginning at one."""

from __future__ import annotations

import time

from ..text import local_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_TWO_DAYS = 2 * 86_400


def start_of(moment: float) -> int:
    """Return when the local day of *moment* began, both in epoch seconds."""
    day = name(moment)
    return _first(int(moment) - _TWO_DAYS, int(moment), lambda t: name(t) >= day)


def next_after(moment: float) -> int:
    """Return when the local day after that of *moment* begins."""
    day = name(moment)
    return _first(int(moment), int(moment) + _TWO_DAYS, lambda t: name(t) > day)


def between(since: float, until: float) -> list[int]:
    """Return when each local day began, from that of *since* to that of *until*."""
    days = [start_of(since)]
    while (following := next_after(days[-1])) <= until:
        days.append(following)
    return days


def name(moment: float) -> str:
    """Return the local day of *moment* as YYYY-MM-DD."""
    return local_time(moment, "%Y-%m-%d")


def midnight(day: str) -> int | None:
    """Return when the local day *day*, YYYY-MM-DD, began; None if it is not a day."""
    try:
        noon = time.mktime(time.strptime(f"{day} 12", "%Y-%m-%d %H"))
    except (ValueError, OverflowError):
        return None
    return start_of(noon)


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the first second after *low* at which *holds* is true, as it is at *high*.

    Midnight is looked for, not computed: some days have none, or two.
    """
    while high - low > 1:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle
    return high
