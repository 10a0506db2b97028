"""Looks at a process through ps(1), where there is neither /proc nor psutil.

That is a plugin's hook on macOS: it runs in whatever Python there is. ps gives times in
whole seconds. Only here does a hook start another process.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_PROGRAMS = ("/bin/ps", "/usr/bin/ps")  # not from PATH, which anybody may have set
_SECONDS = 0.4
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
_STATES = {"T": "stopped", "t": "stopped", "Z": "zombie"}
_FIELDS = 8


class Process:
    """A process as ps shows it, with the methods of `psutil.Process` for that.

    Raises LookupError if ps does not show it.
    """

    def __init__(self, pid: int) -> None:
        self._pid = pid
        keywords = ("ppid=", "state=", "lstart=", "ucomm=")
        self._fields = _ps(pid, *keywords).split(None, _FIELDS - 1)
        if len(self._fields) < _FIELDS:
            raise LookupError(pid)

    def ppid(self) -> int:
        """Return the pid of its parent."""
        return int(self._fields[0])

    def status(self) -> str:
        """Return `stopped`, `zombie` or `running`."""
        return _STATES.get(self._fields[1][0], "running")

    def create_time(self) -> int:
        """Return when it was created, in whole seconds since the epoch."""
        from datetime import datetime, timezone

        _, month, day, clock, year = self._fields[2:7]
        hour, minute, second = map(int, clock.split(":"))
        date = int(year), _MONTHS.index(month) + 1, int(day)
        moment = datetime(*date, hour, minute, second, tzinfo=timezone.utc)
        return int(moment.timestamp())

    def name(self) -> str:
        """Return its name."""
        return self._fields[7].rstrip()

    def cmdline(self) -> list[str]:
        """Return its arguments; ps does not show where one with spaces ends."""
        return _ps(self._pid, "args=").split()


def read(pid: int, look: Callable[[Process], T]) -> T | None:
    """Return what *look* returns for process *pid*; None if ps cannot tell."""
    try:
        return look(Process(pid))
    except (LookupError, ValueError, AttributeError):
        return None


def _ps(pid: int, *keywords: str) -> str:
    """Return what ps prints for process *pid*; "" if it cannot run, or not in time."""
    import subprocess

    program = next(filter(os.path.exists, _PROGRAMS), _PROGRAMS[0])
    columns = [word for keyword in keywords for word in ("-o", keyword)]
    try:
        done = subprocess.run(  # noqa: S603  # of root, by its full path
            [program, "-ww", *columns, "-p", str(pid)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={"LC_ALL": "C", "TZ": "UTC0"},
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace").strip("\n")
