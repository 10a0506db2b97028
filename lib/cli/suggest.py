"""What somebody may have meant by a word that means nothing here."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST = 80
_HEX = frozenset("0123456789abcdef-")
_SHORTEST_ID = 4


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return a hint at the one of *known* that is most like *word*, else nothing."""
    word = word[:_LONGEST].lower()
    begun = [one for one in known if one.startswith(word)]
    if len(begun) == 1:
        return f" (did you mean {begun[0]}?)"
    from difflib import get_close_matches

    close = get_close_matches(word, known, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


def if_session(word: str) -> str:
    """Return a hint at `show` if *word* looks like a session's id, else nothing."""
    long_enough = _SHORTEST_ID <= len(word) <= _LONGEST
    if long_enough and _HEX.issuperset(word) and any(map(str.isdigit, word)):
        return f" (did you mean `headcount show {word}`?)"
    return ""
