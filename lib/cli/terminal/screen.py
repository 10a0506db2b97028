"""Full-screen drawing on the terminal, which is restored however the command ends.

A few escape sequences rather than curses: the lines are already coloured and truncated,
and every terminal in use today moves and erases in the same way, without terminfo.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import time
from typing import TYPE_CHECKING, Any

from .. import output

if TYPE_CHECKING:
    from collections.abc import Sequence

# The alternate screen, no cursor, no wrapping; and back.
_ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l"
_LEAVE = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l"
_CLEAR = "\x1b[2J"
_ESCAPE = b"\x1b"
_QUIT_KEYS = (b"q", b"Q", b"\x03", _ESCAPE)
_ESCAPE_SECONDS = 0.05
_LOCAL_MODES = 3  # their index in the result of tcgetattr
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_HANDLED = (*_ENDING, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)


class Screen:
    """A context manager; a signal to end takes effect once the terminal is restored."""

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else None
        self._modes: list[Any] = []  # of the terminal, before we changed them
        self._shown: list[str] = []
        self._size = (0, 0)
        self._pending: set[int] = set()
        self._handlers: dict[int, Any] = {}
        self._wake = os.pipe()

    def __enter__(self) -> Screen:  # noqa: PYI034  # Self is not in 3.10
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in _HANDLED:
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup sets it
                self._handlers[number] = signal.signal(number, self._on_signal)
        try:
            self._acquire()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._release()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                os.close(end)
        for number in self._pending & set(_ENDING):
            signal.raise_signal(number)

    def size(self) -> tuple[int, int]:
        """Return the columns and rows of the terminal, as they are now."""
        size = os.get_terminal_size(sys.stdout.fileno())
        return max(1, size.columns), max(1, size.lines)

    def draw(self, lines: Sequence[str]) -> None:
        """Show *lines*, each no wider than the screen; write only what has changed."""
        size = self.size()
        text = "" if size == self._size else _CLEAR
        if text:
            self._size, self._shown = size, [""] * size[1]
        for index in range(size[1]):
            line = lines[index] if index < len(lines) else ""
            if line != self._shown[index]:
                # Erase first: after a line of full width, that would erase its end.
                text += f"\x1b[{index + 1};1H\x1b[2K{line}"
                self._shown[index] = line
        if text:
            output.write_text(text)

    def pause(self, seconds: float) -> bool:
        """Wait, or return early if the screen must be redrawn; False means quit."""
        until = time.monotonic() + seconds
        while not self._pending:
            left = until - time.monotonic()
            if left <= 0:
                return True
            if self._key(left) in _QUIT_KEYS:
                return False
        return self._handle_signals()

    def _key(self, seconds: float) -> bytes | None:
        """Return the key typed within so many seconds; None if none, or on a signal."""
        descriptors = [self._wake[0]] + ([] if self._keys is None else [self._keys])
        ready, _, _ = select.select(descriptors, [], [], seconds)
        if self._wake[0] in ready:
            os.read(self._wake[0], 512)
        if self._keys is None or self._keys not in ready:
            return None
        typed = os.read(self._keys, 512)
        if typed == _ESCAPE:  # the key itself, or the start of an arrow key
            more, _, _ = select.select([self._keys], [], [], _ESCAPE_SECONDS)
            typed += os.read(self._keys, 512) if more else b""
        return typed or b"q"  # the terminal has gone

    def _handle_signals(self) -> bool:
        if self._pending & set(_ENDING):
            return False
        if signal.SIGTSTP in self._pending:
            self._stop()
        elif signal.SIGCONT in self._pending:
            self._enter()  # after SIGSTOP: the shell has used the terminal
        self._pending -= {signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH}
        return True

    def _stop(self) -> None:
        """Restore the terminal, and stop as the signal does by default."""
        self._release()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._on_signal)
        self._acquire()

    def _acquire(self) -> None:
        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
        self._enter()

    def _enter(self) -> None:
        if self._keys is not None:
            modes = [*self._modes]
            modes[_LOCAL_MODES] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(self._keys, termios.TCSADRAIN, modes)
        self._size = (0, 0)
        output.write_text(_ENTER)

    def _release(self) -> None:
        try:
            os.write(sys.stdout.fileno(), _LEAVE.encode())
            if self._keys is not None and self._modes:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
        except (OSError, termios.error):
            pass  # the terminal has gone

    def _on_signal(self, number: int, _: object) -> None:
        self._pending.add(number)
