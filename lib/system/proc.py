"""Whether this system has /proc, as Linux does, and what it says about processes.

This is the one module that decides what the machine can tell. Where there is no /proc,
psutil has to, which takes longer to import than a whole hook may take.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import TypeVar

    T = TypeVar("T")

# Whether a process can be identified at once, from /proc.
READS_PROC = sys.platform == "linux"
_MAX_READ_BYTES = 4096
_MOUNTS = "/proc/self/mountinfo"
_MOUNT_ESCAPES = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}
_CONTEXTS: dict[int, tuple[str, str, int]] = {}  # by pid: a fork may change it
_SEEN: dict[int, dict[object, object]] = {}  # by thread, within `looking_once`


class looking_once:  # noqa: N801  # a context manager, used like a function
    """Within it, this thread keeps what `once` sees: for lists of many sessions.

    Without it, a list looks at the process of a live session twice.
    """

    def __enter__(self) -> None:
        _SEEN[get_ident()] = {}

    def __exit__(self, *_: object) -> None:
        _SEEN.pop(get_ident(), None)


def once(look: Callable[..., T], *at: Hashable) -> T:
    """Return ``look(*at)``; within `looking_once`, what it returned the first time."""
    seen = _SEEN.get(get_ident()) if _SEEN else None
    if seen is None:
        return look(*at)
    try:
        return seen[look, at]  # type: ignore[return-value]
    except KeyError:
        found = seen[look, at] = look(*at)
        return found


def read(name: str, max_bytes: int = _MAX_READ_BYTES) -> bytes | None:
    """Return the first *max_bytes* of the file *name* in /proc; None if unreadable."""
    try:
        descriptor = os.open(f"/proc/{name}", os.O_RDONLY)
        try:
            return os.read(descriptor, max_bytes)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def read_stat(pid: int) -> tuple[str, int, int, str] | None:
    """Return name, parent, start in ticks since boot, and state of process *pid*.

    None if it is gone, or hidden. Source: proc_pid_stat(5).
    """
    content = read(f"{pid}/stat")
    if not content:
        return None
    # The name may contain spaces and parentheses: it ends at the last one.
    name = content[content.index(b"(") + 1 : content.rindex(b")")]
    fields = content[content.rindex(b")") + 2 :].split()
    start = int(fields[19]) - boot_context()[2]
    return os.fsdecode(name), int(fields[1]), start, fields[0].decode()


def terminal_device(pid: int) -> int | None:
    """Return the device number of the terminal of process *pid*, 0 without one.

    None if the process is gone, or hidden. Source: proc_pid_stat(5).
    """
    content = read(f"{pid}/stat")
    return int(content[content.rindex(b")") + 2 :].split()[4]) if content else None


def users(pid: int) -> set[int]:
    """Return the real, effective and saved user of process *pid*; empty if unreadable.

    Source: proc_pid_status(5).
    """
    for line in (read(f"{pid}/status") or b"").splitlines():
        if line.startswith(b"Uid:"):
            return {*map(int, line.split()[1:4])}
    return set()


def link(name: str) -> str:
    """Return what the link *name* in /proc points to; "" if unreadable."""
    try:
        return os.readlink(f"/proc/{name}")
    except OSError:
        return ""


def mount_points() -> list[str]:
    """Return the folders on which file systems are mounted; [] if that is not known.

    Source: proc_pid_mountinfo(5).
    """
    if not READS_PROC:
        return []
    try:
        with open(_MOUNTS, "rb") as table:  # a single read returns only a part of it
            points = [os.fsdecode(line.split()[4]) for line in table]
    except (OSError, IndexError):
        return []
    for code, character in _MOUNT_ESCAPES.items():
        points = [point.replace(code, character) for point in points]
    return points


def _time_offset() -> int:
    """Return the offset, in ticks, that our time namespace adds to start times."""
    for line in (read("self/timens_offsets") or b"").splitlines():
        clock, seconds, nanoseconds = line.split()
        if clock == b"boottime":
            shift = int(seconds) + int(nanoseconds) / 1e9
            return round(shift * ticks_per_second())
    return 0


def ticks_per_second() -> int:
    """Return how many ticks of a start time make a second."""
    return os.sysconf("SC_CLK_TCK")


def boot_context() -> tuple[str, str, int]:
    """Return our boot id, pid namespace and time offset, read once per process."""
    pid = os.getpid()
    if pid not in _CONTEXTS:
        _CONTEXTS.clear()
        boot = (read("sys/kernel/random/boot_id") or b"").decode().strip()
        _CONTEXTS[pid] = boot, pid_namespace(), _time_offset()
    return _CONTEXTS[pid]


def pid_namespace() -> str:
    """Return the number of our pid namespace; "" if unknown, as on other systems."""
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""
