"""The user and the terminal that a process belongs to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..system import proc, process

if TYPE_CHECKING:
    from typing import Any


def is_ours(pid: int) -> bool:
    """Whether process *pid* runs as this user, with no rights of another."""
    if proc.READS_PROC:
        return proc.users(pid) == {os.geteuid()}
    users = process.from_psutil(pid, lambda seen: set(seen.uids()))
    return users == {os.geteuid()}


def terminal(pid: int) -> str:
    """Return the terminal of process *pid*, such as `/dev/pts/3`; "" without one."""
    device = proc.terminal_device(pid) if proc.READS_PROC else None
    if device == 0:
        return ""
    if path := _pseudo_terminal(device):
        return path
    return process.from_psutil(pid, _terminal_of) or ""


def _pseudo_terminal(device: int | None) -> str:
    """Return the path of a *device* that is a pseudoterminal, else "".

    Most are, and importing psutil takes longer than all else that `show` does.
    """
    if device is None:
        return ""
    path = f"/dev/pts/{os.minor(device)}"
    try:
        return path if os.stat(path).st_rdev == device else ""
    except OSError:
        return ""


def _terminal_of(seen: Any) -> str | None:  # noqa: ANN401  # a psutil.Process
    # psutil lists the terminals only once, and `watch` sees new ones.
    module = sys.modules.get("psutil._psposix")
    forget = getattr(getattr(module, "get_terminal_map", None), "cache_clear", None)
    if forget is not None:
        forget()
    terminal: str | None = seen.terminal()
    return terminal
