"""The user and the terminal that a process belongs to."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from . import process

if TYPE_CHECKING:
    from typing import Any


def is_ours(pid: int) -> bool:
    """Whether process *pid* runs as this user, with no rights of another."""
    users = process.from_psutil(pid, lambda seen: set(seen.uids()))
    return users == {os.geteuid()}


def terminal(pid: int) -> str:
    """Return the terminal of process *pid*, such as `/dev/pts/3`; "" without one."""
    return process.from_psutil(pid, _terminal_of) or ""


def _terminal_of(seen: Any) -> str | None:  # noqa: ANN401  # a psutil.Process
    # psutil lists the terminals only once, and `watch` sees new ones.
    module = sys.modules.get("psutil._psposix")
    forget = getattr(getattr(module, "get_terminal_map", None), "cache_clear", None)
    if forget is not None:
        forget()
    terminal: str | None = seen.terminal()
    return terminal
