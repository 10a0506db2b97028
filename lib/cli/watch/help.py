"""The keys of the watch, and the screen that lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.binding import BindingType

KEYS = (
    ("\N{UPWARDS ARROW} \N{DOWNWARDS ARROW}  j k", "move; also PgUp, PgDn, Home, End"),
    ("Enter", "show its terminal; if it has ended or is elsewhere, leave and go"),
    ("/", "filter by name, worktree, branch, state or id"),
    ("Esc", "show all sessions again"),
    ("l", "label the session; an empty label removes it"),
    ("a", "archive the session, if it has ended"),
    ("r", "copy the command that resumes the session"),
    ("t", "group by worktree, or not"),
    ("?", "these keys"),
    ("q", "quit"),
)


class Help(ModalScreen[None]):
    """Lists the keys until one is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape,q,question_mark,enter,space", "dismiss")
    ]
    DEFAULT_CSS = """
    Help { align: center middle; background: ansi_default; }
    Help Static { width: auto; padding: 1 2; border: round ansi_default; }
    """

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        width = max(len(key) for key, _ in KEYS)
        text = "\n".join(f"{key:<{width}}   {meaning}" for key, meaning in KEYS)
        yield Static(text, markup=False)
