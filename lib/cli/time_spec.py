"""Times as people type them: a span such as `90s` or `7d`, a date, or an ISO time."""

from __future__ import annotations

from ..errors import UsageError
from ..record import timestamps

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span(text: str) -> float:
    """Return the seconds in *text*, a number and a unit: s, m, min, h, d or w.

    Raises UsageError.
    """
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    if number.isascii() and number.isdigit() and unit in _UNITS:
        return float(int(number) * _UNITS[unit])
    raise UsageError(
        f"{ascii(text)[:80]} is not a valid time span; try 90s, 30min, 12h or 7d"
    )


def moment(text: str, now: float) -> float:
    """Return epoch seconds for *text*: a span before *now*, a date, or an ISO time.

    A time without an offset is local time. Raises UsageError.
    """
    try:
        return now - span(text)
    except UsageError:
        seconds = timestamps.parse(text, local=True)
    if seconds is None:
        raise UsageError(
            f"{ascii(text)[:80]} is not a valid time; try a span back from now, such "
            "as 12h or 7d, or a date, such as 2026-11-01"
        )
    return seconds
