"""The terminal as the watch uses it; restored however the watch ends.

Textual's own driver writes to stderr, and after a SIGSTOP it starts a second time
without having stopped. A byte typed that is not UTF-8, or a terminal that has gone,
makes it fail.
"""

from __future__ import annotations

import functools
import os
import sys
import termios
from typing import TYPE_CHECKING, Any, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO


class TerminalDriver(LinuxDriver):
    """Draws on stdout."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  # passed on
        super().__init__(*args, **keywords)
        stdout = cast("TextIO", sys.__stdout__)  # `watch` has looked: it is a terminal
        self._file = _Output(stdout)  # type: ignore[assignment]
        self._is_drawing = False

    @property
    def is_gone(self) -> bool:
        """Whether the terminal was closed: what reads from it then sees the end."""
        try:
            termios.tcgetattr(self.fileno)
        except termios.error:
            return True
        return False

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._is_drawing = True
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Restore the terminal."""
        self._is_drawing = False
        super().stop_application_mode()

    def _sigtstp_application(self, *_: object) -> None:
        self._call_soon(super()._sigtstp_application)

    def _sigcont_application(self, *_: object) -> None:
        self._call_soon(self._draw_again)

    def _call_soon(self, action: Callable[[], object]) -> None:
        """Let the event loop run *action*.

        A signal handler must not write: it may have interrupted a write, which holds
        the lock of the queue that every write needs.
        """
        try:
            self._loop.call_soon_threadsafe(action)
        except RuntimeError:
            pass  # the loop has ended

    def _draw_again(self) -> None:
        if self._auto_restart and self._is_drawing:  # after SIGSTOP
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()
        redraw = functools.partial(self._app.refresh, layout=True)
        self._loop.call_soon_threadsafe(self._app.call_later, redraw)

    def run_input_thread(self) -> None:
        """Read the keys; the end of the input is `is_gone`."""
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue  # the key is ignored
            except OSError:
                pass  # it is gone
            return


class _Output:
    """A file whose errors are ignored: the thread that writes to it must not end.

    Each text is one write, so that a notification of another thread is not within it.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            os.write(self._file.fileno(), text.encode(errors="replace"))
        except OSError:
            pass

    def flush(self) -> None:
        """Do nothing: all is written."""

    def fileno(self) -> int:
        return self._file.fileno()
