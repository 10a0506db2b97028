"""The line below Claude Code's prompt, which is an idle session's heartbeat, too.

    4 sessions · 1 waiting · 1 more in this tree

Counted are the living. Claude Code runs it every few seconds and shows what it prints,
so it keeps to the hooks' law: exit 0, nothing on stderr, an end within
DEADLINE_SECONDS, and what went wrong is a line in errors.log. The session that asks is
named in the JSON on stdin; one that is not on record is not begun here, and a closed
one stays closed.
"""

from __future__ import annotations

import os
import time

from . import hook, sessions
from .errors import SessionClosedError
from .record import jsonl, timestamps
from .record.verdict import judge
from .store import paths, reader, snapshot
from .system import git
from .text import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

    from .hook import Payload
    from .model import SessionMetadata

_MOST_READ = 200
_MOST_BYTES = 1 << 20  # what the client sends has some 4 KB
_STDIN, _STDOUT, _STDERR = range(3)
_GAP = " \u00b7 "


def run() -> NoReturn:
    """Print the line, give the sign of life, and exit 0, whatever happens."""
    began = time.monotonic()
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), _STDERR)
        payload = _read_payload()
        hook.alarm_at(began + hook.DEADLINE_SECONDS)
        session_id = payload.get("session_id")
        own = _on_record(session_id) if paths.is_session_id(session_id) else None
        text = line(own, time.time())
        os.write(_STDOUT, f"{text}\n".encode())  # the client reads UTF-8 in any locale
        if own is not None:
            _beat(own)
    except BaseException as error:  # noqa: BLE001  # nothing may come through
        hook.alarm(0)
        hook.log_error("statusline", error)
    finally:
        os._exit(0)


def line(own: SessionMetadata | None, now: float) -> str:
    """Return how many sessions live, how many of them wait, and who is beside *own*.

    Raises StoreError if the store cannot be read.
    """
    living = [
        found.metadata
        for found in reader.recently_written(paths.Listing(), _MOST_READ, now)
        if judge(found.metadata, now)[0] == "alive"
    ]
    waiting = sum(one.get("state") == "waiting" for one in living)
    beside = _beside(own, living) if own else 0
    parts = [count(len(living), "session")]
    parts += [f"{waiting} waiting"] if waiting else []
    parts += [f"{beside} more in this tree"] if beside else []
    return _GAP.join(parts)


def _beside(own: SessionMetadata, living: list[SessionMetadata]) -> int:
    if "cwd" not in own:
        return 0
    worktrees = git.Worktrees()
    root = worktrees.root(own["cwd"])
    return sum(
        "cwd" in session
        and session["session_id"] != own["session_id"]
        and worktrees.root(session["cwd"]) == root
        for session in living
    )


def _on_record(session_id: str) -> SessionMetadata | None:
    """Return the live session of this id, else the archived one, as it stands."""
    live = paths.session_path(session_id)
    files = [live] if os.path.lexists(live) else paths.archived_paths(session_id)
    try:
        found = snapshot.read(files[0], time.time()) if files else None
    except OSError:
        return None
    return found.metadata if found else None


def _beat(own: SessionMetadata) -> None:
    """Say that the session is alive, unless it is closed or has said so just now."""
    since = timestamps.from_epoch(time.time() - hook.HEARTBEAT_INTERVAL_SECONDS)
    if own["state"] == "closed" or own["last_heartbeat"] > since:
        return
    try:
        sessions.update_heartbeat(
            own["session_id"],
            event="statusline",
            min_interval=hook.HEARTBEAT_INTERVAL_SECONDS,
            observed_at=hook.began_at(),
            pid=hook.client(),
            lock_policy=hook.LOCK_POLICY,
        )
    except SessionClosedError:
        pass  # meanwhile


def _read_payload() -> Payload:
    """Return the JSON object on stdin; empty if there is none within STDIN_SECONDS.

    It is taken as soon as it is whole: a stdin that stays open costs nothing.
    """
    read = b""
    hook.alarm(hook.STDIN_SECONDS)
    try:
        while len(read) <= _MOST_BYTES and not os.isatty(_STDIN):
            chunk = os.read(_STDIN, 1 << 16)
            read += chunk
            whole = jsonl.decode(read) if read.rstrip().endswith(b"}") else None
            if whole is not None or not chunk:
                return whole or {}
    except (OSError, hook.DeadlineExceeded):
        pass  # closed, or a folder; or nothing comes
    finally:
        hook.alarm(0)
    return {}
