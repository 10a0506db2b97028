"""Hints for a mistyped word: the valid word it most resembles."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_MAX_LENGTH = 80
_HEX = frozenset("0123456789abcdef-")
_MIN_ID_LENGTH = 4


def did_you_mean(word: str, choices: Sequence[str]) -> str:
    """Return a hint at the one of *choices* that is most like *word*, else ``""``."""
    word = word[:_MAX_LENGTH].lower()
    matches = [choice for choice in choices if choice.startswith(word)]
    if len(matches) != 1:
        from difflib import get_close_matches

        matches = get_close_matches(word, choices, n=1)
    return f" (did you mean {matches[0]}?)" if matches else ""


def if_session(word: str) -> str:
    """Return a hint at `show` if *word* looks like a session id, else ``""``."""
    length_fits = _MIN_ID_LENGTH <= len(word) <= _MAX_LENGTH
    if length_fits and _HEX.issuperset(word) and any(map(str.isdigit, word)):
        return f" (did you mean `headcount show {word}`?)"
    return ""
