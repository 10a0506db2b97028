"""The status line of Claude Code, which is also the heartbeat of an idle session.

    4 sessions · 1 waiting (permission, 12 min) · 1 more in this worktree

Only live sessions are counted; the brackets are about the one that has waited longest.
Claude Code runs this every few seconds and shows what it prints, so it keeps the rules
of the hooks: exit 0, nothing on stderr, an end within DEADLINE_SECONDS, and errors in
errors.log. The JSON on stdin names the session that it is shown in. A session that is
not on record is not created, and a closed one stays closed.
"""

from __future__ import annotations

import os
import time

from . import hook, sessions
from .claude import live_state, session_status
from .errors import SessionClosedError
from .record import schema, timestamps
from .record.verdict import judge
from .store import paths, reader
from .system import client_process, deadline, git
from .text import count
from .views import neighbours, session_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from .model import LiveState, Observation, SessionMetadata

_STDIN, _STDOUT, _STDERR = range(3)
_SEPARATOR = " \u00b7 "


def run() -> NoReturn:
    """Print the line, record a heartbeat, and exit 0, whatever happens."""
    began = time.monotonic()
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), _STDERR)
        payload = _read_payload()
        session_id = payload.get("session_id")
        deadline.alarm(hook.DEADLINE_SECONDS, since=began)
        own = _metadata_of(session_id) if paths.is_session_id(session_id) else None
        text = line(own, time.time())
        os.write(_STDOUT, f"{text}\n".encode())  # the client reads UTF-8 in any locale
        if own is not None:
            _beat(own, _usage(payload, own))
    except BaseException as error:  # noqa: BLE001  # nothing may reach the client
        deadline.cancel_alarm()
        hook.log_error("statusline", error)
    finally:
        os._exit(0)


def _read_payload() -> dict[str, Any]:
    """Return the JSON object on stdin; an empty one if it has no valid one."""
    if os.isatty(_STDIN):
        return {}
    try:
        return hook.read_payload(until_eof=False)
    except (OSError, ValueError, deadline.DeadlineExceeded):
        return {}


def line(own: SessionMetadata | None, now: float) -> str:
    """Return how many sessions are live, waiting, and in the worktree of *own*.

    Raises StoreError if the store cannot be read.
    """
    recent = reader.recently_written(paths.Listing(), neighbours.MAX_READ, now)
    live = [
        snapshot.metadata
        for snapshot in recent
        if judge(snapshot.metadata, now)[0] == "alive"
    ]
    others = _others_in_worktree(own, live, now) if own else 0
    parts = [count(len(live), "session")]
    parts += _waiting([live_state.of_alive(session) for session in live], now)
    parts += [f"{others} more in this worktree"] if others else []
    return _SEPARATOR.join(parts)


def _waiting(states: list[LiveState], now: float) -> list[str]:
    """Return how many wait, and how long the first of them has; nothing if none do."""
    waiting = [state for state in states if state["state"] == "waiting"]
    if not waiting:
        return []
    longest = min(waiting, key=lambda state: state["state_since"] or "")
    return [f"{len(waiting)} {session_view.state_text(longest, now)}"]


def _others_in_worktree(
    own: SessionMetadata, live: list[SessionMetadata], now: float
) -> int:
    if "cwd" not in own:
        return 0
    root = git.Worktrees().root(own["cwd"])
    others = (s for s in live if s["session_id"] != own["session_id"])
    return len(neighbours.live_in(root, others, now))


def _metadata_of(session_id: str) -> SessionMetadata | None:
    """Return the metadata of the live session, else of the archived one, else None."""
    live = paths.session_path(session_id)
    files = [live] if os.path.lexists(live) else paths.archived_paths(session_id)
    try:
        return reader.metadata_at(files[0], time.time()) if files else None
    except FileNotFoundError:
        return None  # archived, or restored, meanwhile


def _usage(payload: dict[str, Any], own: SessionMetadata) -> Observation:
    """Return what *payload* says of cost and context.

    Nothing if neither has changed by a cent, or a percent, since it was recorded.
    """
    cost = _amount(payload, "cost", "total_cost_usd")
    context = _amount(payload, "context_window", "used_percentage")
    usage: Observation = {
        "cost_usd": None if cost is None else round(cost, 4),
        "context_percent": None if context is None else round(context),
    }
    for key, step in (("cost_usd", 0.01), ("context_percent", 1)):
        value, recorded = usage[key], own.get(key)  # type: ignore[literal-required]
        if value is not None and (recorded is None or abs(value - recorded) >= step):
            return {**usage, "usage_time": timestamps.from_epoch(time.time())}
    return {}


def _amount(payload: dict[str, Any], group: str, key: str) -> float | None:
    values = payload.get(group)
    return schema.amount_of(values.get(key)) if isinstance(values, dict) else None


def _beat(own: SessionMetadata, usage: Observation) -> None:
    """Record a heartbeat with the state in the client's own file.

    Not if the session is closed, nor if it has just recorded one that says the same.
    """
    if own["state"] == "closed":
        return
    try:
        sessions.update_heartbeat(
            own["session_id"],
            state=lambda recorded: {**session_status.observe(recorded), **usage},
            event="statusline",
            min_interval=hook.HEARTBEAT_INTERVAL_SECONDS,
            observed_at=client_process.hook_began_at(os.environ),
            pid=hook.client(),
            timeout=hook.LOCK_POLICY,
        )
    except SessionClosedError:
        pass  # it was closed meanwhile
