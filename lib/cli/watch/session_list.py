"""The list widget: draws only the rows that are in sight, and only what has changed."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

from rich.ansi import AnsiDecoder
from rich.style import Style
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from rich.console import Console
    from rich.segment import Segment
    from textual import events
    from textual.binding import BindingType

    from ...views.session_view import SessionView
    from .board import Row

_CURSOR = Style(reverse=True)
_EVENT = Style(bold=True, underline=True)
_GROUP = Style(bold=True)


class SessionList(ScrollView, can_focus=True):
    """The rows, one of which has the cursor. It stays with its session."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", show=False),
        Binding("down,j", "move(1)", show=False),
        Binding("pageup,ctrl+b", "move_page(-1)", show=False),
        Binding("pagedown,ctrl+f", "move_page(1)", show=False),
        Binding("home,g", "move(-1000000)", show=False),
        Binding("end,G", "move(1000000)", show=False),
    ]
    DEFAULT_CSS = "SessionList { overflow: hidden; }"

    class Moved(Message):
        """The cursor is on another session."""

    class Resized(Message):
        """The list has another size."""

        def can_replace(self, message: Message) -> bool:
            """Whether *message*, the next one, makes this one needless."""
            return isinstance(message, SessionList.Resized)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []
        self.cursor = 0
        self._events: AbstractSet[str] = frozenset()

    @property
    def session(self) -> SessionView | None:
        """The session at the cursor; None in an empty list."""
        return self.rows[self.cursor].session if self.rows else None

    def show(self, rows: list[Row], events: AbstractSet[str]) -> None:
        """Show *rows*, those whose keys are in *events* highlighted."""
        before, before_cursor, before_events = self.rows, self.cursor, self._events
        self.cursor = self._position_in(rows)
        self.rows, self._events = rows, events
        if len(rows) != len(before):
            self.virtual_size = Size(self.size.width, len(rows))
            self.refresh()
        for index, (old, new) in enumerate(zip(before, rows, strict=False)):
            changed = old.line != new.line or new.key in events ^ before_events
            if changed or old.key in before_events ^ events:
                self.refresh_line(index)
        if self.cursor != before_cursor:
            self.refresh_line(before_cursor)
            self.refresh_line(self.cursor)
        self._scroll_to_cursor()

    def _position_in(self, rows: list[Row]) -> int:
        """Return where the cursor's session is in *rows*, else the nearest session."""
        here = self.rows[self.cursor].key if self.rows else None
        found = next((n for n, row in enumerate(rows) if row.key == here), self.cursor)
        return _nearest_session(rows, found, 1)

    def render_line(self, y: int) -> Strip:
        """Draw one line of the terminal."""
        index, width = y + self.scroll_offset.y, self.size.width
        if index >= len(self.rows):
            return Strip.blank(width)
        row = self.rows[index]
        strip = Strip(_segments(row.line, self.app.console)).adjust_cell_length(width)
        if index == self.cursor and row.session:
            return strip.apply_style(_CURSOR)
        if row.session is None:
            return strip.apply_style(_GROUP)
        return strip.apply_style(_EVENT) if row.key in self._events else strip

    def action_move(self, number: int) -> None:
        """Move the cursor by so many rows, and on to a session."""
        if not self.rows:
            return
        target = min(max(0, self.cursor + number), len(self.rows) - 1)
        target = _nearest_session(self.rows, target, 1 if number > 0 else -1)
        if target != self.cursor:
            self.refresh_line(self.cursor)
            self.refresh_line(target)
            self.cursor = target
            self._scroll_to_cursor()
            self.post_message(self.Moved())

    def action_move_page(self, direction: int) -> None:
        """Move the cursor by a screen."""
        self.action_move(direction * max(1, self.size.height - 1))

    def on_resize(self, _: events.Resize) -> None:
        """Have the rows fitted to the new width."""
        self.virtual_size = Size(self.size.width, len(self.rows))
        self.post_message(self.Resized())

    def _scroll_to_cursor(self) -> None:
        """Scroll as little as brings the cursor, and a heading above it, in sight."""
        top = self.cursor
        if top and self.rows[top - 1].session is None:
            top -= 1
        y, height = self.scroll_offset.y, self.size.height
        if top < y:
            self.scroll_to(y=top, animate=False, force=True)
        elif self.cursor >= y + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)


def _nearest_session(rows: list[Row], index: int, step: int) -> int:
    """Return the first row from *index* on that is a session: forward, then back."""
    index = min(max(0, index), max(0, len(rows) - 1))
    for direction in (step, -step):
        position = index
        while 0 <= position < len(rows):
            if rows[position].session is not None:
                return position
            position += direction
    return index


@functools.lru_cache(maxsize=1024)
def _segments(line: str, console: Console) -> list[Segment]:
    """Return *line*, coloured by escape sequences, as what textual draws."""
    return [*AnsiDecoder().decode_line(line).render(console)]
