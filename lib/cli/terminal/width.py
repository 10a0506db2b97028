"""How many columns a text takes on a terminal, and what of it fits into how many.

Counted are the characters that people see, as terminals of today draw them: an emoji
with its skin tone, variation selector or joined by ZWJ takes two columns, a flag (two
regional indicators) too, and combining marks none.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_JOINER = "\N{ZERO WIDTH JOINER}"
_EMOJI_STYLE = "\N{VARIATION SELECTOR-16}"
_LETTER_EMOJI = "\N{INFORMATION SOURCE}"
_WIDE = 2
_TONES = map(chr, range(0x1F3FB, 0x1F400))
_REGIONAL = frozenset(map(chr, range(0x1F1E6, 0x1F200)))
# Without these every character is counted by itself.
_JOINING = frozenset([_JOINER, _EMOJI_STYLE, *_TONES]) | _REGIONAL


class _Columns(dict[str, int]):
    """The columns of each character by itself, looked up when first asked for."""

    def __missing__(self, character: str) -> int:
        self[character] = columns = _look_up(character)
        return columns


_COLUMNS = _Columns()
_columns_of = _COLUMNS.__getitem__


def width(text: str) -> int:
    """Return how many columns *text*, already `plain`, takes on a terminal."""
    if text.isascii():
        return len(text)
    if _JOINING.isdisjoint(text):
        return sum(map(_columns_of, text))
    return sum(columns for _, columns in _clusters(text))


def truncate(text: str, columns: int) -> str:
    """Return *text* in at most *columns*, ending in an ellipsis if it was longer."""
    if width(text) <= columns:
        return text
    return "".join(_fitting(_clusters(text), columns - 1)) + ELLIPSIS[:columns]


def truncate_line(text: str, columns: int) -> str:
    """Return *text* in at most *columns* of any terminal, an ellipsis at its end.

    For whole lines: some terminals draw the parts of a joined emoji or a flag one by
    one, and what is too long for them would be wrapped.
    """
    if text.isascii() or _JOINING.isdisjoint(text):
        return truncate(text, columns)
    apart = [
        (cluster, _columns_apart(cluster, own)) for cluster, own in _clusters(text)
    ]
    if sum(own for _, own in apart) <= columns:
        return text
    return "".join(_fitting(apart, columns - 1)) + ELLIPSIS[:columns]


def truncate_start(text: str, columns: int) -> str:
    """Return *text* in at most *columns*; what is left out is its beginning."""
    if width(text) <= columns:
        return text
    end = [*_fitting(reversed([*_clusters(text)]), columns - 1)]
    return ELLIPSIS[:columns] + "".join(reversed(end))


def _columns_apart(cluster: str, joined: int) -> int:
    """Return the columns of a cluster where its parts are not drawn as one."""
    parts = (_WIDE if part in _REGIONAL else _columns_of(part) for part in cluster)
    return max(joined, sum(parts))


def _fitting(clusters: Iterable[tuple[str, int]], columns: int) -> Iterator[str]:
    for cluster, taken in clusters:
        columns -= taken
        if columns < 0:
            return
        yield cluster


def _clusters(text: str) -> Iterator[tuple[str, int]]:
    """Yield what is seen as one character each, and its columns."""
    start = columns = 0
    for index, character in enumerate(text):
        own = _columns_of(character)
        if index == start:
            columns = own
        elif _belongs(text, start, index, own):
            if _widens(character, text[start]):
                columns = _WIDE
        else:
            yield text[start:index], columns
            start, columns = index, own
    if start < len(text):
        yield text[start:], columns


def _belongs(text: str, start: int, index: int, own: int) -> bool:
    """Whether the character at *index* is drawn into the cluster begun at *start*."""
    if own == 0:
        return True
    character, first = text[index], text[start]
    if text[index - 1] == _JOINER or "\U0001f3fb" <= character <= "\U0001f3ff":
        emoji = _columns_of(first) == _WIDE or _EMOJI_STYLE in text[start:index]
        return emoji and not (first.isalpha() or character.isalpha())
    return index == start + 1 and first in _REGIONAL and character in _REGIONAL


def _widens(character: str, first: str) -> bool:
    """Whether a cluster that begins with *first* is wide because of *character*."""
    styled = character == _EMOJI_STYLE and _may_be_emoji(first)
    return styled or character in _REGIONAL


def _may_be_emoji(character: str) -> bool:
    return not character.isalpha() or character == _LETTER_EMOJI


def _look_up(character: str) -> int:
    from unicodedata import category, east_asian_width

    # Vowels and endings of Hangul, which are drawn into the syllable's first letter:
    # as macOS writes file names.
    if "\u1160" <= character <= "\u11ff" or "\ud7b0" <= character <= "\ud7ff":
        return 0
    if character == _JOINER or category(character) in {"Mn", "Me"}:
        return 0
    return _WIDE if east_asian_width(character) in "WF" else 1
