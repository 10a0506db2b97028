"""Numbers and texts in words, as the verdicts and the tables give them."""

from __future__ import annotations

import time

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_JOINER = "\u200d"


def humanize(seconds: float) -> str:
    """Return *seconds* in the largest unit that fits: `42 s`, `3 min`, `2 h`, `5 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def printable(text: str, limit: int) -> str:
    """Return *text* as one line that a terminal shows as it stands.

    White space of any kind becomes a space, and whatever else does not print (escape
    sequences, direction marks, half characters) a replacement mark; a joiner stays
    where it joins (emoji of several parts, letters of some scripts). Longer than
    *limit*, it ends in an ellipsis.
    """
    shown = text[: limit + 1]
    if not shown.isprintable():
        parts = shown.split(_JOINER)
        shown = parts[0] = _printable(parts[0])
        for part in map(_printable, parts[1:]):
            shown += (_JOINER if _joins(shown, part) else "\ufffd") + part
    if len(shown) <= limit:
        return shown
    return shown[: limit - 1] + "\u2026"


def _joins(before: str, after: str) -> bool:
    """Whether a joiner between the two has anything to join."""
    beside = (before[-1:], after[:1])
    return not any(character.isascii() or character == "\ufffd" for character in beside)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else " "
        if character.isspace()
        else "\ufffd"  # a replacement mark
        for character in text
    )


def count(number: int, what: str) -> str:
    """Return `1 session`, `2 sessions`: *number* and as many of *what*."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def local_time(seconds: float, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return *seconds* since the epoch as local time; *form* is that of `strftime`."""
    return time.strftime(form, time.localtime(seconds))
