"""Which process is it: fingerprints, the client among our ancestors, proof of death.

A number names a process only until it is reused, so a process is known by its
fingerprint: on Linux boot, pid namespace, pid and start time in clock ticks since
boot. Nobody sets that clock; psutil's `create_time()` moves when the wall clock is
set (psutil issue 2526), so it serves only where there is no /proc.

Dead is said only on proof. What cannot be seen is unknown.
"""

from __future__ import annotations

import os
import sys
import time

from . import site_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeGuard

    from ..model import Process, SessionEntry

RUNNING, GONE, UNKNOWN = "same", "gone", "unknown"
MAX_PID = 2**31 - 1
_MOST_ANCESTORS = 12
_LINUX_FIELDS = 4  # boot, pid namespace, pid, start
_LINUX = sys.platform == "linux"
_CLIENT_NAMES = frozenset(["claude", "claude.exe"])
_RUNTIMES = frozenset(["node", "nodejs", "bun", "deno", "node.exe", "bun.exe"])
# psutil reports 10 ms ticks; far less than any pid takes to come round again.
_PRECISION_SECONDS = 0.05
_HERE: dict[int, tuple[str, str, int]] = {}


def host_name() -> str:
    """Return this machine's name, as entries carry it."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def is_pid(value: object) -> TypeGuard[int]:
    """Whether *value* can be the number of a process; True is an int, and cannot."""
    return type(value) is int and 0 < value <= MAX_PID


def process_of(entry: SessionEntry, host: object) -> Process | None:
    """Return the process that *entry* names, or None.

    Without a host it is on *host*, that of line 1: entries carry theirs where it
    differs.
    """
    pid = entry.get("pid")
    if not is_pid(pid):
        return None
    seen: Process = {"pid": pid}
    if isinstance(known := entry.get("process"), str):
        seen["process"] = known
    if isinstance(host := entry.get("host", host), str):
        seen["host"] = host
    return seen


def fingerprint(pid: int) -> str | None:
    """Return what tells process *pid* from any other, now or after a reboot.

    None if there is no such process, or it cannot be read.
    """
    if not is_pid(pid):
        return None
    if _LINUX:
        seen = _read_stat(pid)
        return None if seen is None else _linux_fingerprint(pid, seen[2])
    birth = _psutil_birth(pid)
    return None if birth is None else f"psutil:{pid}:{birth:.2f}"


def probe(pid: object, process: object, host: object) -> tuple[str, str]:
    """Say whether the recorded process is still there, and why.

    Returns SAME, GONE or UNKNOWN, and one reason in plain words. *process* is the
    recorded fingerprint, or None: then the number alone is judged, on this *host*.
    """
    if not is_pid(pid):
        return UNKNOWN, "no process on record"
    elsewhere = isinstance(host, str) and host != host_name()
    kind, *recorded = str(process or "number").split(":")
    if kind == "linux" and _LINUX and len(recorded) == _LINUX_FIELDS:
        return _compare_linux(pid, recorded, elsewhere=elsewhere)
    if elsewhere:
        return UNKNOWN, f"pid {pid} is on another host, {host}"
    if kind == "number":
        return _compare_number(pid)
    if kind == "psutil" and not _LINUX:
        return _compare_birth(pid, recorded[-1])
    return UNKNOWN, f"pid {pid} cannot be judged from here"


def age(pid: object) -> float | None:
    """Return for how many seconds process *pid* has existed, by a clock nobody sets.

    Time asleep counts. None where only the wall clock would tell.
    """
    if not (_LINUX and is_pid(pid)):
        return None
    seen = _read_stat(pid)
    if seen is None:
        return None
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    return now - (seen[2] + _here()[2]) / _ticks_per_second()


def find_client(environ: Mapping[str, str]) -> int | None:
    """Return the pid of the Claude Code process that we run under, or None.

    The nearest ancestor that `CLAUDE_PID` names (clients since 2.1.214) or that is a
    client by its looks. The nearest: a client inside a client may have inherited the
    outer one's variable.
    """
    named = environ.get("CLAUDE_PID", "")
    for pid, name in _ancestors():
        if str(pid) == named or _is_client(pid, name):
            return pid
    return None


def is_client(pid: int) -> bool:
    """Whether process *pid* is there, and is Claude Code by its looks."""
    seen = _read_stat(pid) if _LINUX else _psutil_stat(pid)
    return seen is not None and _is_client(pid, seen[0])


def _ancestors() -> list[tuple[int, str]]:
    """Return pid and name of our ancestors, nearest first."""
    chain: list[tuple[int, str]] = []
    pid = os.getppid()
    while pid > 0 and len(chain) < _MOST_ANCESTORS:
        seen = _read_stat(pid) if _LINUX else _psutil_stat(pid)
        if seen is None:
            break
        chain.append((pid, seen[0]))
        pid = seen[1]
    return chain


def _is_client(pid: int, name: str) -> bool:
    """Whether process *pid*, called *name*, is Claude Code.

    Seen: `claude` for the native and the node clients alike (they set their title);
    a bare version number for some native builds.
    """
    if name in _CLIENT_NAMES or _is_version(name):
        return True
    words = _command_line(pid)[:3]
    first = os.path.basename(words[0]) if words else ""
    if first in _CLIENT_NAMES:
        return True
    return first in _RUNTIMES and any(
        "claude-code" in word or os.path.basename(word) == "claude"
        for word in words[1:]
    )


def _is_version(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 3 and all(part.isdigit() for part in parts)  # noqa: PLR2004


def _command_line(pid: int) -> list[str]:
    if not _LINUX:
        return _psutil_command_line(pid)
    content = _read(f"/proc/{pid}/cmdline") or b""
    return os.fsdecode(content).rstrip("\0").split("\0")


# ---- Linux: straight from /proc (proc_pid_stat(5)) ------------------------------


def _read(path: str) -> bytes | None:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(descriptor, 4096)
    except OSError:
        return None
    finally:
        os.close(descriptor)


def _read_stat(pid: int) -> tuple[str, int, int, str] | None:
    """Return name, parent, start in ticks since boot, and state of *pid*."""
    content = _read(f"/proc/{pid}/stat")
    if not content:
        return None
    # The name may hold spaces and brackets: it ends at the last bracket.
    name = content[content.index(b"(") + 1 : content.rindex(b")")]
    fields = content[content.rindex(b")") + 2 :].split()
    start = int(fields[19]) - _here()[2]
    return os.fsdecode(name), int(fields[1]), start, fields[0].decode()


def _time_offset() -> int:
    """Return the offset of our time namespace, which shifts all start times read."""
    for line in (_read("/proc/self/timens_offsets") or b"").splitlines():
        clock, seconds, nanoseconds = line.split()
        if clock == b"boottime":
            shift = int(seconds) + int(nanoseconds) / 1e9
            return round(shift * _ticks_per_second())
    return 0


def _ticks_per_second() -> int:
    return os.sysconf("SC_CLK_TCK")


def _here() -> tuple[str, str, int]:
    """Return boot id, pid namespace and time offset: the same for a process's life."""
    pid = os.getpid()  # a fork may have been moved to other namespaces
    if pid not in _HERE:
        _HERE.clear()
        boot = (_read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()
        _HERE[pid] = boot, _pid_namespace(), _time_offset()
    return _HERE[pid]


def _pid_namespace() -> str:
    try:
        return str(os.stat("/proc/self/ns/pid").st_ino)
    except OSError:
        return ""


def _linux_fingerprint(pid: int, start: int) -> str:
    boot, namespace, _ = _here()
    return f"linux:{boot}:{namespace}:{pid}:{start}"


def _compare_linux(
    pid: int, recorded: list[str], *, elsewhere: bool
) -> tuple[str, str]:
    boot, namespace, _, start = recorded
    our_boot, our_namespace, _ = _here()
    if boot != our_boot:
        if elsewhere:
            return UNKNOWN, f"pid {pid} is on another host"
        return GONE, f"the machine was rebooted since pid {pid} was recorded"
    if namespace != our_namespace:
        return UNKNOWN, f"pid {pid} is in another pid namespace"
    return _compare_start(pid, start)


def _compare_start(pid: int, start: str) -> tuple[str, str]:
    seen = _read_stat(pid)
    if seen is None:
        return _compare_unreadable(pid)
    if str(seen[2]) != start:
        return GONE, _reused(pid, start, seen[2])
    if seen[3] in "ZX":
        return GONE, f"pid {pid} has ended (zombie)"
    return RUNNING, f"pid {pid} is running"


def _compare_unreadable(pid: int) -> tuple[str, str]:
    """Tell a process that is gone from one that /proc hides (hidepid)."""
    try:
        os.getpgid(pid)
    except ProcessLookupError:
        return GONE, f"pid {pid} is gone"
    except OSError:
        pass
    return UNKNOWN, f"pid {pid} is there but cannot be read"


def _reused(pid: int, recorded: str, seen: int) -> str:
    from ..text import humanize

    try:
        later = (seen - int(recorded)) / _ticks_per_second()
    except (ValueError, OverflowError):  # by another tool: no number, or no time
        later = 0
    started = f", started {humanize(later)} later" if later > 0 else ""
    return f"pid {pid} is now another process{started}"


# ---- psutil: elsewhere, and for records without a fingerprint -------------------


def _compare_number(pid: int) -> tuple[str, str]:
    site_packages.add_site_packages()
    try:
        import psutil
    except ImportError:
        return UNKNOWN, f"pid {pid} cannot be judged without psutil"
    if not psutil.pid_exists(pid):  # also tells a thread's number from a process's
        return GONE, f"pid {pid} is gone"
    try:
        if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return GONE, f"pid {pid} has ended (zombie)"
    except psutil.NoSuchProcess:
        return GONE, f"pid {pid} is gone"
    except psutil.Error:
        return UNKNOWN, f"pid {pid} is there but cannot be read"
    return RUNNING, f"pid {pid} is running (by its number alone: no fingerprint)"


def _compare_birth(pid: int, recorded: str) -> tuple[str, str]:
    outcome, reason = _compare_number(pid)
    birth = _psutil_birth(pid)
    if outcome != RUNNING or birth is None:
        return outcome, reason
    try:
        same = abs(birth - float(recorded)) <= _PRECISION_SECONDS
    except ValueError:
        return UNKNOWN, f"pid {pid} cannot be judged from here"
    if not same:
        return GONE, f"pid {pid} is now another process"
    return RUNNING, f"pid {pid} is running"


def _psutil_birth(pid: int) -> float | None:
    site_packages.add_site_packages()
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def _psutil_stat(pid: int) -> tuple[str, int] | None:
    site_packages.add_site_packages()
    import psutil

    try:
        process = psutil.Process(pid)
        return process.name(), process.ppid()
    except psutil.Error:
        return None


def _psutil_command_line(pid: int) -> list[str]:
    site_packages.add_site_packages()
    import psutil

    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []
