"""Identifies processes, and tells whether one is still running.

A pid names a process only until it is reused. The fingerprint of a process names it
for ever: on Linux it is boot id, pid namespace, pid, and start time in clock ticks
since boot. That clock cannot be set; psutil's `create_time()` moves with the wall clock
there (psutil issue 2526), so it is used only where there is no /proc: boot id, pid, and
time of creation. macOS stores that time when the process starts and never changes it.

Most hooks go without psutil, since importing it takes long: see `proc.READS_PROC`.

A process is GONE only on proof. What cannot be seen is UNKNOWN.
"""

from __future__ import annotations

import os
import sys
import time

from . import proc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard, TypeVar

    import psutil

    from ..model import Process, SessionEntry

    T = TypeVar("T")

RUNNING, GONE, UNKNOWN = "running", "gone", "unknown"
MAX_PID = 2**31 - 1
MAX_ARGUMENT_BYTES = 1 << 21  # what Linux allows for the arguments and environment
_MAX_COMMAND_BYTES = 4096
_MAX_BOOT_ID_BYTES = 64
# How many fields the fingerprint of each kind has. With /proc they are boot, pid
# namespace, pid and start; through psutil boot, pid and time of creation.
_FIELDS = {"linux": 4, "psutil": 3}
# psutil reports ticks of 10 ms; no pid is reused within so short a time.
_PRECISION_SECONDS = 0.05
_PS_PRECISION_SECONDS = 1.5  # whole seconds, which ps may round either way
_BOOT_IDS: list[str] = []  # ours, once it has been read
IMPORTED_AT = time.time() - time.process_time()  # in a hook, about when it began
_START_TIME_ERROR = 0.01  # seconds by which /proc may give a start too early


def host_name() -> str:
    """Return the name of this machine, as entries give it."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    import platform

    return platform.node()


def is_pid(value: object) -> TypeGuard[int]:
    """Whether *value* can be a pid. True, which is an int, cannot."""
    return type(value) is int and 0 < value <= MAX_PID


def elsewhere(host: object, machine: object) -> str | None:
    """Return where it is, in words, if *host* and *machine* are not ours, else None.

    The host name decides only where no machine is on record, or none is known here.
    """
    if isinstance(machine, str):
        from . import machine as our

        if ours := our.machine_id():
            name = f", {host}" if isinstance(host, str) else ""
            return None if machine == ours else f"another machine{name}"
    if isinstance(host, str) and host != host_name():
        return f"another host, {host}"
    return None


def process_of(entry: SessionEntry, first: SessionEntry) -> Process | None:
    """Return the process that *entry* names, or None.

    An entry without a host means host and machine of *first*, line 1.
    """
    pid = entry.get("pid")
    if not is_pid(pid):
        return None
    process: Process = {"pid": pid}
    if isinstance(recorded := entry.get("process"), str):
        process["process"] = recorded
    place = entry if "host" in entry else first
    if isinstance(host := place.get("host"), str):
        process["host"] = host
    if isinstance(machine := place.get("machine"), str):
        process["machine"] = machine
    return process


def fingerprint(pid: int) -> str | None:
    """Return the fingerprint of process *pid*, which no other process ever has.

    None if it does not exist or cannot be read.
    """
    if not is_pid(pid):
        return None
    if proc.READS_PROC:
        status = proc.read_stat(pid)
        boot, namespace, _ = proc.boot_context()
        return None if status is None else f"linux:{boot}:{namespace}:{pid}:{status[2]}"
    created = _create_time(pid)
    if created is None:
        return None
    # As a whole number if it is from ps, which has no fractions.
    start = created if isinstance(created, int) else f"{created:.2f}"
    return f"psutil:{_boot_id()}:{pid}:{start}"


def fields_of(fingerprint: object) -> tuple[str, list[str]]:
    """Return the kind of *fingerprint*, `linux` or `psutil`, and its fields.

    "" and [] if it is neither: another tool may have written anything.
    """
    kind, *fields = str(fingerprint).split(":")
    return (kind, fields) if _FIELDS.get(kind) == len(fields) else ("", [])


def boot_of(fingerprint: object) -> str | None:
    """Return the id of the boot in which the process with *fingerprint* ran."""
    _, fields = fields_of(fingerprint)
    return fields[0] or None if fields else None


def probe(
    pid: object, process: object, host: object, machine: object = None
) -> tuple[str, str]:
    """Return whether the recorded process is still running, and the reason in words.

    The first is RUNNING, GONE or UNKNOWN. *process* is the recorded fingerprint, or
    None: then only the pid is compared, and only on this *host* or *machine*.
    """
    return proc.once(_probe, pid, process, host, machine)


def _probe(
    pid: object, process: object, host: object, machine: object
) -> tuple[str, str]:
    if not is_pid(pid):
        return UNKNOWN, "no process on record"
    kind, recorded = fields_of(process)
    if kind == "linux" and proc.READS_PROC:
        return _compare_linux(pid, recorded, host, machine)
    place = elsewhere(host, machine)
    if kind == "psutil" and not proc.READS_PROC:
        return _compare_psutil(pid, recorded, place)
    if place is not None:
        return UNKNOWN, f"pid {pid} is on {place}"
    if not process:
        return proc.once(_compare_pid, pid)
    return UNKNOWN, f"pid {pid} cannot be judged from here"


def age(pid: object) -> float | None:
    """Return for how many seconds process *pid* has existed, time asleep included.

    None if it does not exist. Without /proc it is by the wall clock, which can
    be set; but no process is older than the boot.
    """
    if not is_pid(pid):
        return None
    if not proc.READS_PROC:
        created = _create_time(pid)
        return None if created is None else min(time.time() - created, uptime())
    status = proc.read_stat(pid)
    if status is None:
        return None
    return uptime() - (status[2] + proc.boot_context()[2]) / proc.ticks_per_second()


def uptime() -> float:
    """Return the seconds since the boot, time asleep included."""
    # On macOS, which has no CLOCK_BOOTTIME, CLOCK_MONOTONIC counts them too.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def booted_at() -> float | None:
    """Return when the boot was, by the clock as it was set then; None if unknown.

    macOS keeps the time at which process 1 started, whatever the clock is set to later.
    With /proc it is not known: times there follow the clock.
    """
    return None if proc.READS_PROC else _create_time(1)


def started_at(pid: int) -> float:
    """Return when process *pid* started, in seconds since the epoch; now if unknown.

    With /proc it may be 0.01 s later than it was, but never earlier.
    """
    existed = age(pid) or 0.0  # first: else it may seem earlier on a busy machine
    return time.time() - existed + _START_TIME_ERROR * proc.READS_PROC


def name_and_parent(pid: int) -> tuple[str, int] | None:
    """Return the name of process *pid* and its parent's pid; None if it is gone."""
    if not proc.READS_PROC:
        return from_psutil(pid, lambda process: (process.name(), process.ppid()))
    status = proc.read_stat(pid)
    return None if status is None else status[:2]


def command_line(pid: int, max_bytes: int = _MAX_COMMAND_BYTES) -> list[str]:
    """Return the arguments of process *pid*, *max_bytes* at most; [] if unreadable."""
    if not proc.READS_PROC:
        return from_psutil(pid, lambda process: process.cmdline()) or []
    content = proc.read(f"{pid}/cmdline", max_bytes) or b""
    return os.fsdecode(content).rstrip("\0").split("\0")


def working_folder(pid: int) -> str:
    """Return the current folder of process *pid*; "" if unreadable."""
    if not proc.READS_PROC:
        return from_psutil(pid, lambda process: process.cwd()) or ""
    return proc.link(f"{pid}/cwd")


def variable(pid: int, name: str) -> str | None:
    """Return the variable *name* of process *pid*; "" if unset, None if unreadable."""
    if not proc.READS_PROC:
        values = from_psutil(pid, lambda process: process.environ())
        return values.get(name, "") if values else None
    environment = proc.read(f"{pid}/environ", MAX_ARGUMENT_BYTES)
    prefix = os.fsencode(name) + b"="
    for line in (environment or b"").split(b"\0"):
        if line.startswith(prefix):
            return os.fsdecode(line.removeprefix(prefix))
    return "" if environment else None


def is_stopped(pid: object) -> bool:
    """Whether process *pid* is stopped: by ctrl-z, by SIGSTOP, or by a debugger."""
    return is_pid(pid) and proc.once(_is_stopped, pid)


def _is_stopped(pid: int) -> bool:
    if not proc.READS_PROC:
        return from_psutil(pid, lambda process: process.status()) == "stopped"
    status = proc.once(proc.read_stat, pid)
    return status is not None and status[3] in "Tt"


# ---- Linux: through /proc -------------------------------------------------------


def _compare_linux(
    pid: int, recorded: list[str], host: object, machine: object
) -> tuple[str, str]:
    boot, namespace, _, start = recorded
    our_boot, our_namespace, _ = proc.boot_context()
    if boot != our_boot:
        if place := elsewhere(host, machine):
            return UNKNOWN, f"pid {pid} is on {place}"
        return GONE, f"the machine was rebooted since pid {pid} was recorded"
    if namespace != our_namespace:
        return UNKNOWN, f"pid {pid} is in another pid namespace"
    return _compare_start(pid, start)


def _compare_start(pid: int, start: str) -> tuple[str, str]:
    status = proc.once(proc.read_stat, pid)
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
        later = (start - int(recorded)) / proc.ticks_per_second()
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
        return _compare_pid_without_psutil(pid)
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


def _compare_pid_without_psutil(pid: int) -> tuple[str, str]:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return GONE, f"pid {pid} is gone"
    except OSError:  # another user's
        pass
    status = from_psutil(pid, lambda process: process.status())
    if status is None:
        return UNKNOWN, f"pid {pid} cannot be judged without psutil"
    if status == "zombie":
        return GONE, f"pid {pid} has ended (zombie)"
    return RUNNING, f"pid {pid} is running (by its number alone: no fingerprint)"


def _compare_psutil(
    pid: int, recorded: list[str], place: str | None
) -> tuple[str, str]:
    boot, _, created = recorded
    our_boot = _boot_id()
    # A boot time, which all but macOS have for an id, moves when the clock is set.
    is_exact = not (boot.isdigit() and our_boot.isdigit())
    if place is not None and not (is_exact and boot == our_boot):
        return UNKNOWN, f"pid {pid} is on {place}"
    if is_exact and boot != our_boot:
        return GONE, f"the machine was rebooted since pid {pid} was recorded"
    return _compare_create_time(pid, created)


def _compare_create_time(pid: int, recorded: str) -> tuple[str, str]:
    outcome, reason = proc.once(_compare_pid, pid)
    created = _create_time(pid)
    if outcome != RUNNING or created is None:
        return outcome, reason
    try:
        difference = abs(created - float(recorded))
    except ValueError:
        return UNKNOWN, f"pid {pid} cannot be judged from here"
    from_ps = isinstance(created, int) or "." not in recorded
    if difference > (_PS_PRECISION_SECONDS if from_ps else _PRECISION_SECONDS):
        return GONE, f"pid {pid} is now another process"
    return RUNNING, f"pid {pid} is running"


def _boot_id() -> str:
    """Return the id of this boot: on macOS its UUID, elsewhere the time of the boot."""
    if not _BOOT_IDS:
        _BOOT_IDS.append(_boot_uuid() or f"{_boot_time():.0f}")
    return _BOOT_IDS[0]


def _boot_uuid() -> str | None:
    import ctypes

    text = ctypes.create_string_buffer(_MAX_BOOT_ID_BYTES)
    size = ctypes.c_size_t(_MAX_BOOT_ID_BYTES)
    try:
        read = ctypes.CDLL(None).sysctlbyname
    except (AttributeError, OSError):
        return None  # not macOS
    name, none = b"kern.bootsessionuuid", ctypes.c_size_t(0)
    failed = read(name, text, ctypes.byref(size), None, none)
    return None if failed else text.value.decode("ascii", "replace")


def _boot_time() -> float:
    _add_site_packages()
    try:
        import psutil
    except ImportError:
        return 0.0
    return psutil.boot_time()


def from_psutil(pid: int, read: Callable[[psutil.Process], T]) -> T | None:
    """Return what *read* returns for process *pid*; None if psutil cannot tell.

    Without psutil it is what ps(1) shows, and None for what it does not show.
    """
    _add_site_packages()
    try:
        import psutil
    except ImportError:
        from . import ps

        return ps.read(pid, read)  # type: ignore[arg-type]
    _leave_times_as_stored()
    try:
        return read(psutil.Process(pid))
    except psutil.Error:
        return None


def _leave_times_as_stored() -> None:
    """Have psutil give the times at which processes started as macOS stores them.

    Since 7.1 it moves them by how much the clock was set since psutil was imported, so
    that in a long `watch` each process would become another one.
    """
    module = sys.modules.get("psutil._psosx")
    if module is not None:
        module.INIT_BOOT_TIME = 0  # type: ignore[attr-defined]


def _create_time(pid: int) -> float | None:
    return from_psutil(pid, lambda process: process.create_time())


def _add_site_packages() -> None:
    from . import site_packages  # a module less for the hooks, which rarely need it

    site_packages.add_site_packages()
