"""Times as people type them: a span such as `90s` or `2h30m`, a day, or an ISO time."""

from __future__ import annotations

from ..errors import UsageError
from ..record import timestamps
from ..views import local_days

_UNITS = {
    **dict.fromkeys(("s", "sec", "second"), 1),
    **dict.fromkeys(("m", "min", "minute"), 60),
    **dict.fromkeys(("h", "hour"), 3600),
    **dict.fromkeys(("d", "day"), 86_400),
    **dict.fromkeys(("w", "week"), 604_800),
}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_MAX_DIGITS = 9


def span(text: str) -> float:
    """Return the seconds in *text*, numbers with units: `90s`, `12h`, `2h30m`, `1w`.

    Raises UsageError.
    """
    seconds, rest = 0, text.lower().strip()
    while rest:
        letters = rest.lstrip("0123456789")
        number = rest[: len(rest) - len(letters)]
        rest = letters.lstrip().lstrip(_LETTERS)
        unit = letters[: len(letters) - len(rest)].strip()
        size = _UNITS.get(unit) or _UNITS.get(unit.removesuffix("s"))
        if not size or not 0 < len(number) <= _MAX_DIGITS:
            break
        seconds += int(number) * size
        rest = rest.lstrip()
        if not rest:
            return float(seconds)
    raise UsageError(
        f"{ascii(text)[:80]} is not a valid time span; try 90s, 2h30m, 7d or 1w"
    )


def moment(text: str, now: float) -> float:
    """Return epoch seconds for *text*: a span before *now*, a day, or an ISO time.

    A day is a date, `today` or `yesterday`; it stands for its beginning. A time without
    an offset is local time. Raises UsageError.
    """
    if text in ("today", "yesterday"):
        today = local_days.start_of(now)
        return today if text == "today" else local_days.start_of(today - 1)
    try:
        return now - span(text)
    except UsageError:
        seconds = timestamps.parse(text, local=True)
    if seconds is None:
        raise UsageError(
            f"{ascii(text)[:80]} is not a valid time; try a span back from now, such "
            "as 2h30m or 7d, yesterday, or a date, such as 2026-11-01"
        )
    return seconds
