"""Identifies processes, and tells whether one is still running.

A pid names a process only until it is reused. The fingerprint of a process names it
for ever: on Linux it is boot id, pid namespace, pid, and start time in clock ticks
since boot. That clock cannot be set; psutil's `create_time()` moves with the wall clock
(psutil issue 2526), so it is used only where there is no /proc.

A process is GONE only on proof. What cannot be seen is UNKNOWN.
"""

from __future__ import annotations

import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard, TypeVar

    import psutil

    from ..model import Process, SessionEntry

    T = TypeVar("T")

RUNNING, GONE, UNKNOWN = "running", "gone", "unknown"
MAX_PID = 2**31 - 1
_MAX_READ_BYTES = 4096
_LINUX_FIELDS = 4  # boot, pid namespace, pid, start
_LINUX = sys.platform == "linux"
# psutil reports ticks of 10 ms; no pid is reused within so short a time.
_PRECISION_SECONDS = 0.05
_CONTEXTS: dict[int, tuple[str, str, int]] = {}  # by pid: a fork may change it


def host_name() -> str:
    """Return the name of this machine, as entries give it."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def is_pid(value: object) -> TypeGuard[int]:
    """Whether *value* can be a pid. True, which is an int, cannot."""
    return type(value) is int and 0 < value <= MAX_PID


def process_of(entry: SessionEntry, host: object) -> Process | None:
    """Return the process that *entry* names, or None.

    An entry without a host means *host*, that of line 1.
    """
    pid = entry.get("pid")
    if not is_pid(pid):
        return None
    process: Process = {"pid": pid}
    if isinstance(recorded := entry.get("process"), str):
        process["process"] = recorded
    if isinstance(host := entry.get("host", host), str):
        process["host"] = host
    return process


def fingerprint(pid: int) -> str | None:
    """Return the fingerprint of process *pid*, which no other process ever has.

    None if there is no such process, or it cannot be read.
    """
    if not is_pid(pid):
        return None
    if _LINUX:
        status = _read_stat(pid)
        boot, namespace, _ = _boot_context()
        return None if status is None else f"linux:{boot}:{namespace}:{pid}:{status[2]}"
    created = _create_time(pid)
    return None if created is None else f"psutil:{pid}:{created:.2f}"


def probe(pid: object, process: object, host: object) -> tuple[str, str]:
    """Return whether the recorded process is still running, and the reason in words.

    The first is RUNNING, GONE or UNKNOWN. *process* is the recorded fingerprint, or
    None: then only the pid is compared, and only on this *host*.
    """
    if not is_pid(pid):
        return UNKNOWN, "no process on record"
    elsewhere = isinstance(host, str) and host != host_name()
    kind, *recorded = str(process or "pid").split(":")
    if kind == "linux" and _LINUX and len(recorded) == _LINUX_FIELDS:
        return _compare_linux(pid, recorded, elsewhere=elsewhere)
    if elsewhere:
        return UNKNOWN, f"pid {pid} is on another host, {host}"
    if kind == "pid":
        return _compare_pid(pid)
    if kind == "psutil" and not _LINUX:
        return _compare_create_time(pid, recorded[-1])
    return UNKNOWN, f"pid {pid} cannot be judged from here"


def age(pid: object) -> float | None:
    """Return for how many seconds process *pid* has existed, time asleep included.

    None if there is no such process, or no clock but the wall clock, which can be set.
    """
    if not (_LINUX and is_pid(pid)):
        return None
    status = _read_stat(pid)
    if status is None:
        return None
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return now - (status[2] + _boot_context()[2]) / _ticks_per_second()


def name_and_parent(pid: int) -> tuple[str, int] | None:
    """Return the name of process *pid* and its parent's pid; None if it is gone."""
    if not _LINUX:
        return _from_psutil(pid, lambda process: (process.name(), process.ppid()))
    status = _read_stat(pid)
    return None if status is None else status[:2]


def command_line(pid: int) -> list[str]:
    """Return the arguments of process *pid*, of at most 4 KiB; empty if unreadable."""
    if not _LINUX:
        return _from_psutil(pid, lambda process: process.cmdline()) or []
    content = _read(f"/proc/{pid}/cmdline") or b""
    return os.fsdecode(content).rstrip("\0").split("\0")


def is_stopped(pid: object) -> bool:
    """Whether process *pid* is stopped: by ctrl-z, by SIGSTOP, or by a debugger."""
    if not is_pid(pid):
        return False
    if not _LINUX:
        return _from_psutil(pid, lambda process: process.status()) == "stopped"
    status = _read_stat(pid)
    return status is not None and status[3] in "Tt"


# ---- Linux: straight from /proc (proc_pid_stat(5)) ------------------------------


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            return os.read(descriptor, _MAX_READ_BYTES)
        finally:
            os.close(descriptor)
    except OSError:
        return None


def _read_stat(pid: int) -> tuple[str, int, int, str] | None:
    """Return name, parent, start in ticks since boot, and state of process *pid*."""
    content = _read(f"/proc/{pid}/stat")
    if not content:
        return None
    # The name may contain spaces and parentheses: it ends at the last one.
    name = content[content.index(b"(") + 1 : content.rindex(b")")]
    fields = content[content.rindex(b")") + 2 :].split()
    start = int(fields[19]) - _boot_context()[2]
    return os.fsdecode(name), int(fields[1]), start, fields[0].decode()


def _time_offset() -> int:
    """Return the offset, in ticks, that our time namespace adds to start times."""
    for line in (_read("/proc/self/timens_offsets") or b"").splitlines():
        clock, seconds, nanoseconds = line.split()
        if clock == b"boottime":
            shift = int(seconds) + int(nanoseconds) / 1e9
            return round(shift * _ticks_per_second())
    return 0


def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


def _boot_context() -> tuple[str, str, int]:
    """Return our boot id, pid namespace and time offset, read once per process."""
    pid = os.getpid()
    if pid not in _CONTEXTS:
        _CONTEXTS.clear()
        boot = (_read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()
        _CONTEXTS[pid] = boot, _pid_namespace(), _time_offset()
    return _CONTEXTS[pid]


def _pid_namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""


def _compare_linux(
    pid: int, recorded: list[str], *, elsewhere: bool
) -> tuple[str, str]:
    boot, namespace, _, start = recorded
    our_boot, our_namespace, _ = _boot_context()
    if boot != our_boot:
        if elsewhere:
            return UNKNOWN, f"pid {pid} is on another host"
        return GONE, f"the machine was rebooted since pid {pid} was recorded"
    if namespace != our_namespace:
        return UNKNOWN, f"pid {pid} is in another pid namespace"
    return _compare_start(pid, start)


def _compare_start(pid: int, start: str) -> tuple[str, str]:
    status = _read_stat(pid)
    if status is None:
        return _compare_unreadable(pid)
    if str(status[2]) != start:
        return GONE, _reused(pid, start, status[2])
    if status[3] in "ZX":
        return GONE, f"pid {pid} has ended (zombie)"
    return RUNNING, f"pid {pid} is running"


def _compare_unreadable(pid: int) -> tuple[str, str]:
    """Distinguish a process that is gone from one that /proc hides (hidepid)."""
    try:
        os.getpgid(pid)
    except ProcessLookupError:
        return GONE, f"pid {pid} is gone"
    except OSError:
        pass
    return UNKNOWN, f"pid {pid} is there but cannot be read"


def _reused(pid: int, recorded: str, start: int) -> str:
    from ..text import humanize

    try:
        later = (start - int(recorded)) / _ticks_per_second()
    except (ValueError, OverflowError):  # recorded by another tool, not as a number
        later = 0
    started = f", started {humanize(later)} later" if later > 0 else ""
    return f"pid {pid} is now another process{started}"


# ---- psutil: other systems, and records without a fingerprint -------------------


def _compare_pid(pid: int) -> tuple[str, str]:
    _add_site_packages()
    try:
        import psutil
    except ImportError:
        return UNKNOWN, f"pid {pid} cannot be judged without psutil"
    if not psutil.pid_exists(pid):  # false for the id of a thread
        return GONE, f"pid {pid} is gone"
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return GONE, f"pid {pid} has ended (zombie)"
    except psutil.NoSuchProcess:
        return GONE, f"pid {pid} is gone"
    except psutil.Error:
        return UNKNOWN, f"pid {pid} is there but cannot be read"
    return RUNNING, f"pid {pid} is running (by its number alone: no fingerprint)"


def _compare_create_time(pid: int, recorded: str) -> tuple[str, str]:
    outcome, reason = _compare_pid(pid)
    created = _create_time(pid)
    if outcome != RUNNING or created is None:
        return outcome, reason
    try:
        same = abs(created - float(recorded)) <= _PRECISION_SECONDS
    except ValueError:
        return UNKNOWN, f"pid {pid} cannot be judged from here"
    if not same:
        return GONE, f"pid {pid} is now another process"
    return RUNNING, f"pid {pid} is running"


def _from_psutil(pid: int, read: Callable[[psutil.Process], T]) -> T | None:
    """Return what *read* returns for process *pid*; None if psutil raises an error."""
    _add_site_packages()
    import psutil

    try:
        return read(psutil.Process(pid))
    except psutil.Error:
        return None


def _create_time(pid: int) -> float | None:
    return _from_psutil(pid, lambda process: process.create_time())


def _add_site_packages() -> None:
    from . import site_packages  # a module less for the hooks, which rarely need it

    site_packages.add_site_packages()
