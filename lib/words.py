"""Numbers in words: durations as the verdicts and the tables give them."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def duration(seconds: float) -> str:
    """Return *seconds* in the largest unit that fits: `42 s`, `3 min`, `2 h`, `5 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def plain(text: str, limit: int) -> str:
    """Return *text* as one line that a terminal shows as it stands.

    White space of any kind becomes a space, and whatever else does not print (escape
    sequences, direction marks, half characters) a replacement mark. Longer than
    *limit*, it ends in an ellipsis.
    """
    shown = "".join(
        character
        if character.isprintable()
        else " "
        if character.isspace()
        else "\ufffd"  # a replacement mark
        for character in text[: limit + 1]
    )
    if len(shown) <= limit:
        return shown
    return shown[: limit - 1] + "\u2026"
