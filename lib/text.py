"""Formats durations, counts and untrusted texts for people to read."""

from __future__ import annotations

import time

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_JOINER = "\u200d"
_REPLACEMENT = "\ufffd"


def humanize(seconds: float) -> str:
    """Return *seconds* in the largest unit that fits: `42 s`, `3 min`, `2 h`, `5 d`."""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def printable(text: str, limit: int) -> str:
    """Return *text* as one line of at most *limit* characters, safe on a terminal.

    Each white space character becomes a space. Any other character that does not print
    (escape sequences, direction marks, lone surrogates) becomes a replacement mark,
    except a joiner between two characters that it can join (emoji of several parts,
    letters of some scripts). A longer text is cut, and ends in an ellipsis.
    """
    line = text[: limit + 1]
    if not line.isprintable():
        parts = line.split(_JOINER)
        line = parts[0] = _printable(parts[0])
        for part in map(_printable, parts[1:]):
            line += (_JOINER if _joins(line, part) else _REPLACEMENT) + part
    if len(line) <= limit:
        return line
    return line[: limit - 1] + "\u2026"


def _joins(before: str, after: str) -> bool:
    """Whether a joiner has something to join between these two texts."""
    ends = (before[-1:], after[:1])
    return not any(end.isascii() or end == _REPLACEMENT for end in ends)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else " "
        if character.isspace()
        else _REPLACEMENT
        for character in text
    )


def count(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the right form: `1 session`, `2 sessions`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def local_time(seconds: float, form: str = "%Y-%m-%d %H:%M") -> str:
    """Return *seconds* since the epoch as local time; *form* is that of `strftime`."""
    return time.strftime(form, time.localtime(seconds))
