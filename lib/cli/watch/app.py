"""The watch itself: what it polls, what it shows, and what its keys do."""

from __future__ import annotations

import asyncio
import signal
import time
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import App
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from ...text import printable
from ...views import session_view
from .. import output
from ..terminal.width import truncate, width
from . import actions, details
from .board import Board
from .driver import TerminalDriver
from .prompt import Prompt
from .session_list import SessionList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult
    from textual.binding import BindingType

    from ...views.session_view import SessionView
    from .source import Source

_WIDE = 120  # columns from which on the details have room beside the list
_MESSAGE_SECONDS = 5.0
_KEYS = "/ filter  ? help  q quit"
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


class Watch(App["signal.Signals | Exception | SessionView"]):
    """Shows what *source* polls.

    It polls every *interval* seconds until *timeout* seconds have gone. *summarize*
    describes the sessions in one line. `run_to_end` runs it.
    """

    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (_WIDE, "-wide")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go"),
        Binding("slash", "filter"),
        Binding("escape", "filter_by('')"),
        Binding("l", "label"),
        Binding("a", "archive"),
        Binding("r", "copy_resume"),
        Binding("t", "group"),
        Binding("question_mark", "help"),
        Binding("q,Q", "leave"),
        Binding("ctrl+c", "interrupt", priority=True),
        Binding("ctrl+z", "suspend_process", priority=True),
    ]
    CSS = """
    Screen { background: ansi_default; color: ansi_default; }
    #headings, #status { height: 1; }
    #beside { width: 44%; min-width: 53; padding: 0 1; scrollbar-size: 0 0; }
    #beside { display: none; border-left: solid ansi_default; }
    .-wide #beside { display: block; }
    """

    def __init__(
        self,
        source: Source,
        summarize: Callable[[list[SessionView]], str],
        *,
        interval: float,
        timeout: float | None,
    ) -> None:
        super().__init__(driver_class=TerminalDriver, ansi_color=True)
        self.theme = "ansi-dark"  # the colours of the terminal, whichever these are
        self._source = source
        self._board = Board(source.poll())
        self._summarize = summarize
        self._interval, self._timeout = interval, timeout
        self._message, self._message_until = "", 0.0
        self._wake = asyncio.Event()
        self._headings = Static(id="headings", markup=False)
        self._list = SessionList()
        self._details = Static(markup=False)
        self._beside = VerticalScroll(self._details, id="beside", can_focus=False)
        self._status = Static(id="status", markup=False)
        self._prompt = Prompt()

    def compose(self) -> ComposeResult:
        """Lay the screen out."""
        with Horizontal():
            yield Vertical(self._headings, self._list, id="main")
            yield self._beside
        yield self._status
        yield self._prompt

    # ---- Polling ----------------------------------------------------------------

    def on_mount(self) -> None:
        """Start polling, and end at a signal."""
        self.run_worker(self._poll())
        if self._timeout is not None:
            self.set_timer(self._timeout, self.exit)
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in _ENDING:
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
                loop.add_signal_handler(number, self.exit, number)

    async def _poll(self) -> None:
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), self._interval)
            except asyncio.TimeoutError:
                pass
            self._wake.clear()
            if isinstance(self._driver, TerminalDriver) and self._driver.is_gone:
                self.exit()  # without SIGHUP, as under nohup
                return
            try:
                self._board.take(await asyncio.to_thread(self._source.poll))
            except Exception as error:  # noqa: BLE001  # `run_to_end` raises it
                self.exit(error)
                return
            self._draw()
            for problem in self._source.problems:
                self._say(printable(problem, output.MAX_LINE))

    # ---- Drawing ----------------------------------------------------------------

    def on_session_list_resized(self) -> None:
        """Fit the rows to the list."""
        self._draw()

    def on_session_list_moved(self) -> None:
        """Show the details of another session."""
        self._draw_details()

    def _draw(self) -> None:
        columns = self._list.size.width
        if not columns:
            return  # not laid out yet
        heading, rows = self._board.table(columns, colour=not self.no_color)
        _update(self._headings, Text(heading, style="dim"))
        self._list.show(rows, self._board.news())
        self._draw_details()
        self._draw_status()

    def _draw_details(self) -> None:
        if not self._beside.display:
            return
        text, session = Text(), self._list.session
        if session is not None:
            columns = self._beside.content_size.width
            text = details.text(session, self._board.snapshot, self.console, columns)
        _update(self._details, text)

    def _draw_status(self) -> None:
        columns = self.size.width
        if time.monotonic() < self._message_until:
            line = truncate(self._message, columns)
        else:
            room = columns - len(_KEYS) - 2
            line = truncate(self._summary(), max(room, 0))
            line = f"{line}{' ' * (room - width(line))}  {_KEYS}"
        _update(self._status, Text(line, no_wrap=True))

    def _summary(self) -> str:
        board = self._board
        text = self._summarize(self._board.sessions)
        if board.filter:
            text = f"{len(board.matches())} of {text}, filter: {board.filter}"
        return printable(text, output.MAX_LINE)

    def _say(self, message: str) -> None:
        self._message = message
        self._message_until = time.monotonic() + _MESSAGE_SECONDS
        self._draw_status()

    # ---- Keys -------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for a filter, which applies to what is typed so far."""
        self._ask("/", self._board.filter, typed=self.action_filter_by)

    def action_filter_by(self, text: str) -> None:
        """Show only the sessions in which *text* occurs."""
        self._board.filter = text
        self._draw()

    def _ask(
        self,
        question: str,
        value: str,
        *,
        typed: Callable[[str], None] | None = None,
        done: Callable[[str], None] | None = None,
    ) -> None:
        self._status.display = False
        self._prompt.ask(question, value, typed=typed, done=done)

    def on_prompt_closed(self) -> None:
        """Return to the list."""
        self._status.display = True
        self._list.focus()

    def action_go(self) -> None:
        """Show the terminal of the session at the cursor, or leave this one to it."""
        session = self._list.session
        if session is None or not session["path"]:
            return
        if actions.elsewhere(session):
            self.exit(session)
            return

        async def go() -> None:
            message = await asyncio.to_thread(actions.show_terminal, session)
            if message is None:
                self.exit(session)
            else:
                self._say(message)

        self.run_worker(go())

    def action_label(self) -> None:
        """Ask for a label of the session at the cursor."""
        session = self._of_here()
        if session is not None:
            label = printable(session["label"] or "", output.MAX_LINE)
            self._ask(
                f"label {actions.name(session)}: ",
                label,
                done=lambda text: self._run(actions.label, session, text),
            )

    def action_archive(self) -> None:
        """Archive the session at the cursor."""
        session = self._of_here()
        if session is not None:
            self._run(actions.archive_ended, session)

    def _of_here(self) -> SessionView | None:
        """Return the session at the cursor; None if it is of another machine."""
        session = self._list.session
        if session is None or not session["path"]:
            return None
        problem = actions.elsewhere(session)
        if problem:
            self._say(problem)
        return None if problem else session

    def _run(self, action: Callable[..., str], *arguments: object) -> None:
        """Run *action*, which may wait for a lock; say what came of it, and poll."""

        async def run() -> None:
            self._say(await asyncio.to_thread(action, *arguments))
            self._wake.set()

        self.run_worker(run())

    def action_copy_resume(self) -> None:
        """Copy the command that resumes the session at the cursor."""
        session = self._list.session
        if session is not None and session["path"]:
            command = actions.resume_command(session)
            if command is None:
                self._say(session_view.no_command(session))
            else:
                self.copy_to_clipboard(command)
                self._say(f"copied: {command}")

    def action_group(self) -> None:
        """Group by worktree, or not."""
        self._board.is_grouped = not self._board.is_grouped
        self._draw()

    def action_help(self) -> None:
        """List the keys."""
        from .help import Help

        self.push_screen(Help())

    def action_leave(self) -> None:
        """Quit."""
        self.exit()

    def action_interrupt(self) -> None:
        """Quit as at SIGINT, which the terminal does not send while this runs."""
        self.exit(signal.SIGINT)

    # ---- The end ----------------------------------------------------------------

    def _fatal_error(self) -> None:
        """Leave the error to `run_to_end`; textual would print its traceback."""
        self._close_messages_no_wait()

    def run_to_end(self) -> SessionView | None:
        """Run until the person leaves; return the session to go to, if any.

        Raises the error or the signal that ended it.
        """
        result = self.run(mouse=False)
        ending = self._exception or result
        if isinstance(ending, Exception):
            raise ending
        if isinstance(ending, signal.Signals):
            signal.raise_signal(ending)
            return None
        return ending


def _update(widget: Static, text: Text) -> None:
    """Show *text*; draw nothing if it is there already."""
    if widget.content != text:
        widget.update(text)
