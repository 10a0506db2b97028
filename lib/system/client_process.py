"""Finds the Claude Code process that a hook or a command runs under.

find_client(environ)       its pid
client_version(environ)    its version
hook_began_at(environ)     when it started this hook
"""

from __future__ import annotations

import os

from . import proc
from .process import IMPORTED_AT, command_line, name_and_parent, started_at

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MAX_ANCESTORS = 12
_CLIENT_NAMES = frozenset(["claude", "claude.exe"])
_RUNTIMES = frozenset(["node", "nodejs", "bun", "deno", "node.exe", "bun.exe"])


def find_client(environ: Mapping[str, str]) -> int | None:
    """Return the pid of the Claude Code process that we run under, or None.

    That is the nearest ancestor that `CLAUDE_PID` names (clients since 2.1.214) or that
    looks like a client. The nearest, because a client that was started inside another
    client may have inherited the variable of the outer one.
    """
    pids = _lineage_to_client(environ)
    return pids[-1] if pids else None


def hook_began_at(environ: Mapping[str, str]) -> float:
    """Return when the client started this hook, in seconds since the epoch.

    That is when the shell began in which the hook runs: on a busy machine the
    interpreter may begin much later. Without /proc it is when the interpreter began.
    """
    if not proc.READS_PROC:
        return IMPORTED_AT
    pids = [os.getpid(), *_lineage_to_client(environ)]
    if len(pids) == 1 and _is_hook_shell(os.getppid()):  # the client has ended
        return started_at(os.getppid())
    return started_at(pids[max(0, len(pids) - 2)])


def client_version(environ: Mapping[str, str]) -> str:
    """Return `2.1.330` from the AI_AGENT `claude-code_2-1-330_harness`; "" if unknown.

    In the commands that an agent runs the last part is `agent`: an old client that was
    started there has inherited a version which is not its own.
    """
    _, _, rest = environ.get("AI_AGENT", "").partition("_")
    version, _, part = rest.partition("_")
    return version.replace("-", ".") if part == "harness" else ""


def _is_hook_shell(pid: int) -> bool:
    """Whether process *pid* leads this session and has no terminal, as a hook's shell.

    Measured: clients since 2.1.139 start each hook in a session of its own.
    """
    return pid == os.getsid(0) and proc.terminal_device(pid) == 0


def _lineage_to_client(environ: Mapping[str, str]) -> list[int]:
    """Return the pids from this process's parent to the client; [] without a client."""
    pids, recorded = [], environ.get("CLAUDE_PID", "")
    for pid, name in lineage(os.getppid()):
        pids.append(pid)
        if str(pid) == recorded or _looks_like_client(pid, name):
            return pids
    return []


def is_client(pid: int) -> bool:
    """Whether process *pid* exists and looks like Claude Code."""
    status = name_and_parent(pid)
    return status is not None and _looks_like_client(pid, status[0])


def lineage(pid: int) -> Iterator[tuple[int, str]]:
    """Yield pid and name of process *pid* and of its ancestors, nearest first."""
    for _ in range(_MAX_ANCESTORS):
        status = name_and_parent(pid) if pid > 0 else None
        if status is None:
            return
        name, parent = status
        yield pid, name
        pid = parent


def _looks_like_client(pid: int, name: str) -> bool:
    """Whether process *pid*, called *name*, looks like Claude Code.

    Both the native and the node client call themselves `claude`. Some native builds
    are called by their bare version number.
    """
    if name in _CLIENT_NAMES or _is_version(name):
        return True
    words = command_line(pid)[:3]
    program = os.path.basename(words[0]) if words else ""
    if program in _CLIENT_NAMES:
        return True
    return program in _RUNTIMES and any(
        "claude-code" in word or os.path.basename(word) == "claude"
        for word in words[1:]
    )


def _is_version(name: str) -> bool:
    parts = name.split(".")
    return len(parts) == 3 and all(part.isdigit() for part in parts)  # noqa: PLR2004
