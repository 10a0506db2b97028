"""The terminal as the watch uses it; restored however the watch ends.

Textual's own driver writes to stderr, and after a SIGSTOP it starts a second time
without having stopped. A byte typed that is not UTF-8, or a terminal that has gone,
makes it fail.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from typing import TextIO


class TerminalDriver(LinuxDriver):
    """Draws on stdout."""

    def __init__(self, *args: Any, **keywords: Any) -> None:  # noqa: ANN401  # passed on
        super().__init__(*args, **keywords)
        stdout = cast("TextIO", sys.__stdout__)  # `watch` has looked: it is a terminal
        self._file = _Output(stdout)  # type: ignore[assignment]
        self._is_drawing = False

    def start_application_mode(self) -> None:
        """Take the terminal."""
        self._is_drawing = True
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def stop_application_mode(self) -> None:
        """Restore the terminal."""
        self._is_drawing = False
        super().stop_application_mode()

    def _sigcont_application(self, *_: object) -> None:
        if self._auto_restart and self._is_drawing:  # after SIGSTOP
            self.suspend_application_mode()
            self._must_signal_resume = True
        super()._sigcont_application()

    def run_input_thread(self) -> None:
        """Read the keys, until the terminal has gone."""
        while True:
            try:
                super().run_input_thread()
            except UnicodeDecodeError:
                continue  # the key is ignored
            except OSError:
                self._app.call_later(self._app.exit)
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
