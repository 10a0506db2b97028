"""Spans and moments as people type them: `90s`, `30min`, `12h`, `7d`, `2026-11-01`."""

from __future__ import annotations

from ..errors import UsageError
from ..record import timestamps

_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def span(text: str) -> float:
    """Return the seconds that *text* means, a number and a unit: s, m(in), h, d, w.

    Raises UsageError.
    """
    number = text.rstrip("abcdefghijklmnopqrstuvwxyz ")
    unit = text[len(number) :].strip()
    if number.isascii() and number.isdigit() and unit in _UNITS:
        return float(int(number) * _UNITS[unit])
    raise UsageError(
        f"{ascii(text)[:80]} is no span of time: such as 90s, 30min, 12h, 7d"
    )


def moment(text: str, now: float) -> float:
    """Return when *text* was, in epoch seconds: a span before *now*, or an ISO time.

    A time without an offset is that of the person's time zone. Raises UsageError.
    """
    try:
        return now - span(text)
    except UsageError:
        seconds = timestamps.parse(text, local=True)
    if seconds is None:
        raise UsageError(
            f"{ascii(text)[:80]} is no time: a span back from now, such as 12h or 7d, "
            "or a date, such as 2026-11-01"
        )
    return seconds
