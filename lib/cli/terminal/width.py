"""How many columns a text takes on a terminal, and how to truncate it to a width.

Unicode's rules are those of the package wcwidth: an emoji with its skin tone, variation
selector or joined by ZWJ takes two columns, a flag too, and combining marks none. It is
imported for text that needs it only. Without it, every character counts as one column.
"""

from __future__ import annotations

import functools

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType

ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
# One column each: Latin letters, and the characters that we add ourselves.
_NARROW = frozenset(map(chr, range(0x300))) | set(f"{ELLIPSIS}\u2588\u2591\ufffd")


def width(text: str) -> int:
    """Return how many columns *text*, already `printable`, takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(columns for _, columns in _graphemes(text))


def truncate(text: str, columns: int) -> str:
    """Return *text* in at most *columns*, ending in an ellipsis if it was longer."""
    if width(text) <= columns:
        return text
    return "".join(_fitting(_graphemes(text), columns - 1)) + ELLIPSIS[:columns]


def truncate_line(text: str, columns: int | None) -> str:
    """Return *text* in at most *columns* of any terminal, an ellipsis at its end.

    For whole lines: some terminals draw the parts of a joined emoji or a flag one by
    one, and would wrap a line that is too long for that. None means no limit.
    """
    if columns is None:
        return text
    if text.isascii():
        return truncate(text, columns)
    graphemes = [*_graphemes(text, apart=True)]
    if sum(own for _, own in graphemes) <= columns:
        return text
    return "".join(_fitting(graphemes, columns - 1)) + ELLIPSIS[:columns]


def truncate_middle(text: str, columns: int) -> str:
    """Return *text* in at most *columns*: its beginning, an ellipsis, and its end.

    The end has three quarters of them: of a path it says more.
    """
    if width(text) <= columns:
        return text
    graphemes = [*_graphemes(text)]
    start = "".join(_fitting(graphemes, max(0, columns - 1) // 4))
    room = columns - 1 - width(start)
    end = [*_fitting(reversed(graphemes), room)]
    return start + ELLIPSIS[: max(0, columns)] + "".join(reversed(end))


def _fitting(graphemes: Iterable[tuple[str, int]], columns: int) -> Iterator[str]:
    for grapheme, own in graphemes:
        columns -= own
        if columns < 0:
            return
        yield grapheme


def _graphemes(text: str, *, apart: bool = False) -> Iterator[tuple[str, int]]:
    """Yield what people see as one character each, and its columns.

    *apart*: as many as its parts take where they are drawn one by one.
    """
    library = None if _NARROW.issuperset(text) else _wcwidth()
    if library is None:
        yield from ((character, 1) for character in text)
        return
    for grapheme in library.iter_graphemes(text):
        columns = library.wcswidth(grapheme)
        if apart:
            columns = max(columns, sum(map(library.wcwidth, grapheme)))
        yield grapheme, columns


@functools.cache
def _wcwidth() -> ModuleType | None:
    """Return the package, None if it is not installed: a checkout without .venv."""
    try:
        import wcwidth
    except ImportError:
        return None
    return wcwidth
