"""The user and the terminal that a process belongs to."""

from __future__ import annotations

import os

from . import proc, process

_PTS_MAJOR = 136  # of /dev/pts, with the minor number of each as its name


def is_ours(pid: int) -> bool:
    """Whether process *pid* runs as this user, with no rights of another."""
    users = process.from_psutil(pid, lambda seen: set(seen.uids()))
    return users == {os.geteuid()}


def terminal(pid: int) -> str:
    """Return the terminal of process *pid*, such as `/dev/pts/3`; "" without one."""
    if proc.READS_PROC:
        fields = (proc.read(f"{pid}/stat") or b"").rpartition(b") ")[2].split()
        number = int(fields[4]) if fields else 0  # proc_pid_stat(5)
        if os.major(number) == _PTS_MAJOR:
            # psutil lists the terminals only once, and `watch` sees new ones.
            return f"/dev/pts/{os.minor(number)}"
    return process.from_psutil(pid, lambda seen: seen.terminal()) or ""
