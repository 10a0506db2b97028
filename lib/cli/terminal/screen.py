"""The terminal as a screen to draw on, given back as it was in whatever way we leave.

A few escape sequences rather than curses: the lines come coloured and cut to width
already, wide characters are counted in one place (render), and there is no terminal
around that needs terminfo for going to a line and erasing it.
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
_LEAVING_KEYS = (b"q", b"Q", b"\x03", _ESCAPE)
_REST_OF_A_KEY_SECONDS = 0.05
_LOCAL_MODES = 3  # their place in what tcgetattr returns
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_HANDLED = (*_ENDING, signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)


def is_possible() -> bool:
    """Whether stdout is a terminal that can do this."""
    known = os.environ.get("TERM", "dumb")
    return sys.stdout is not None and sys.stdout.isatty() and known != "dumb"


class Screen:
    """A context manager; a signal that ended the drawing takes effect after it."""

    def __init__(self) -> None:
        self._keys = sys.stdin.fileno() if sys.stdin and sys.stdin.isatty() else None
        self._modes: list[Any] = []  # the terminal's, as they were
        self._shown: list[str] = []
        self._size = (0, 0)
        self._came: set[int] = set()
        self._handlers: dict[int, Any] = {}
        self._wake = os.pipe()

    def __enter__(self) -> Screen:  # noqa: PYI034  # Self is not in 3.10
        for end in self._wake:
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake[1], warn_on_full_buffer=False)
        for number in _HANDLED:
            if signal.getsignal(number) != signal.SIG_IGN:  # as nohup has it
                self._handlers[number] = signal.signal(number, self._note)
        try:
            self._take()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._give_back()
        finally:
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(-1)
            for end in self._wake:
                os.close(end)
        for number in self._came & set(_ENDING):
            signal.raise_signal(number)

    def size(self) -> tuple[int, int]:
        """Return how many columns and rows there are now."""
        size = os.get_terminal_size(sys.stdout.fileno())
        return max(1, size.columns), max(1, size.lines)

    def draw(self, lines: Sequence[str]) -> None:
        """Show *lines*, each no wider than the screen; what is as it was stays."""
        size = self.size()
        text = "" if size == self._size else _CLEAR
        if text:
            self._size, self._shown = size, [""] * size[1]
        for index in range(size[1]):
            line = lines[index] if index < len(lines) else ""
            if line != self._shown[index]:
                # Erased first: after a line of full width, its end would be erased.
                text += f"\x1b[{index + 1};1H\x1b[2K{line}"
                self._shown[index] = line
        if text:
            output.write_text(text)

    def pause(self, seconds: float) -> bool:
        """Wait so long, or until the screen must be drawn anew; False: leave."""
        until = time.monotonic() + seconds
        while not self._came:
            left = until - time.monotonic()
            if left <= 0:
                return True
            if self._key(left) in _LEAVING_KEYS:
                return False
        return self._heed()

    def _key(self, seconds: float) -> bytes | None:
        """Return what was typed within so many seconds; None if nothing or a signal."""
        wanted = [self._wake[0]] + ([] if self._keys is None else [self._keys])
        ready, _, _ = select.select(wanted, [], [], seconds)
        if self._wake[0] in ready:
            os.read(self._wake[0], 512)
        if self._keys is None or self._keys not in ready:
            return None
        typed = os.read(self._keys, 512)
        if typed == _ESCAPE:  # by itself, or the first of an arrow key's bytes
            more, _, _ = select.select([self._keys], [], [], _REST_OF_A_KEY_SECONDS)
            typed += os.read(self._keys, 512) if more else b""
        return typed or b"q"  # nobody is there any more

    def _heed(self) -> bool:
        if self._came & set(_ENDING):
            return False
        if signal.SIGTSTP in self._came:
            self._stop()
        elif signal.SIGCONT in self._came:
            self._draw_on()  # stopped without a warning: a shell was here
        self._came -= {signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH}
        return True

    def _stop(self) -> None:
        """Stop as if we did not know the signal, with the terminal as it was."""
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._note)
        self._take()

    def _take(self) -> None:
        if self._keys is not None:
            self._modes = termios.tcgetattr(self._keys)
        self._draw_on()

    def _draw_on(self) -> None:
        if self._keys is not None:
            modes = [*self._modes]
            modes[_LOCAL_MODES] &= ~(termios.ICANON | termios.ECHO)
            termios.tcsetattr(self._keys, termios.TCSADRAIN, modes)
        self._size = (0, 0)
        output.write_text(_ENTER)

    def _give_back(self) -> None:
        try:
            os.write(sys.stdout.fileno(), _LEAVE.encode())
            if self._keys is not None and self._modes:
                termios.tcsetattr(self._keys, termios.TCSADRAIN, self._modes)
        except (OSError, termios.error):
            pass  # the terminal is gone

    def _note(self, number: int, _: object) -> None:
        self._came.add(number)
