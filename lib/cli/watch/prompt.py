"""The last line while it asks for a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    Receive = Callable[[str], None]


class Prompt(Horizontal):
    """Asks one question at a time; hidden otherwise."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "cancel")]
    DEFAULT_CSS = """
    Prompt { height: 1; display: none; }
    Prompt Static { width: auto; }
    Prompt Input { width: 1fr; }
    """

    def compose(self) -> ComposeResult:
        """Lay the line out."""
        yield Static(markup=False)
        yield Input(compact=True, select_on_focus=False)

    class Closed(Message):
        """The question was answered, or the person left it."""

    def ask(
        self,
        question: str,
        value: str,
        *,
        typed: Receive | None,
        done: Receive | None,
    ) -> None:
        """Ask *question* with *value* as the answer so far.

        *typed* gets each new text while the person types, *done* the answer. Escape
        leaves with the empty text typed, and without an answer.
        """
        self._typed, self._done = typed, done
        self.query_one(Static).update(question)
        entry = self.query_one(Input)
        with entry.prevent(Input.Changed):
            entry.value = value
        entry.cursor_position = len(value)
        self.display = True
        entry.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Pass on what was typed so far."""
        event.stop()
        if self._typed is not None:
            self._typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Pass on the answer."""
        event.stop()
        self._close()
        if self._done is not None:
            self._done(event.value)

    def action_cancel(self) -> None:
        """Ask no more."""
        self._close()
        if self._typed is not None:
            self._typed("")

    def _close(self) -> None:
        self.display = False
        self.post_message(self.Closed())
