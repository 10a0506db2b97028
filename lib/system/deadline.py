"""A deadline for this process: when it passes, DeadlineExceeded is raised anywhere."""

from __future__ import annotations

# `signal` imports `enum`: 8 ms where this was measured, half a bare start. The module
# beneath it is part of the interpreter.
import _signal  # type: ignore[import-not-found]
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_MIN_ALARM_SECONDS = 0.001  # 0 would cancel it


class DeadlineExceeded(BaseException):
    """The time is up. Not an Exception, so that no `except Exception` catches it."""


def alarm(seconds: float, since: float | None = None) -> None:
    """Raise DeadlineExceeded in *seconds*, and cancel the alarm that was set before.

    With *since* they count from then (`time.monotonic`); if that is over, it is raised
    at once.
    """

    def on_alarm(*_: object) -> NoReturn:
        raise DeadlineExceeded(f"not done within {seconds} s")

    elapsed = 0.0 if since is None else time.monotonic() - since
    _signal.signal(_signal.SIGALRM, on_alarm)
    # A signal mask is inherited, and whoever started the client may have blocked it.
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGALRM])
    _signal.setitimer(_signal.ITIMER_REAL, max(_MIN_ALARM_SECONDS, seconds - elapsed))


def cancel_alarm() -> None:
    """Cancel the alarm, if one is set."""
    _signal.setitimer(_signal.ITIMER_REAL, 0)
