"""A progress bar on stderr for a job that takes longer than a second.

It appears only on a terminal, and is erased when the job is done.
"""

from __future__ import annotations

import sys
import time

from .. import output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

_DELAY_SECONDS = 1.0
_REDRAW_SECONDS = 0.1
_COLUMNS = 20
_ERASE = "\r\x1b[K"


class Progress:
    """A context manager that counts the steps of a job of *total* steps.

    By default *stream* is stderr, and *clock* a monotonic clock in seconds.
    """

    def __init__(
        self,
        what: str,
        total: int,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._clock = what, total, clock
        self._stream = sys.stderr if stream is None else stream
        self._enabled = output.can_draw(self._stream)
        self._next = clock() + _DELAY_SECONDS
        self._done = 0
        self._drawn = False

    def __enter__(self) -> Progress:  # noqa: PYI034  # Self is not in 3.10
        return self

    def __exit__(self, *_: object) -> None:
        if self._drawn:
            self._draw("")

    def step(self) -> None:
        """Count a step, and redraw the bar if it is time to."""
        self._done += 1
        if self._enabled and (now := self._clock()) >= self._next:
            self._next = now + _REDRAW_SECONDS
            self._draw(self._bar())

    def _bar(self) -> str:
        done = min(self._done, self._total)
        filled = _COLUMNS * done // max(1, self._total)
        bar = "#" * filled + "." * (_COLUMNS - filled)
        return f"{self._what} [{bar}] {done} of {self._total}"

    def _draw(self, line: str) -> None:
        self._drawn = True
        try:
            self._stream.write(_ERASE + line)
            self._stream.flush()
        except OSError:
            self._enabled = False  # the terminal has gone; the job goes on
