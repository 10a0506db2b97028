"""The hooks of Claude Code: each reads its payload, records the event, and exits 0.

A hook never disturbs the user. Its exit code is always 0 (2 would block the prompt).
Nothing is written to stdout but the one JSON object that SessionStart may print, and
nothing to stderr. A hook ends within DEADLINE_SECONDS, or, if it recorded nothing by
then, RETRY_SECONDS later. Errors go to errors.log.
"""

from __future__ import annotations

import os
import time

from . import sessions
from .record import entries, jsonl
from .store import paths
from .system import client_process, deadline, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .model import State

DEADLINE_SECONDS = 0.9
STDIN_SECONDS = 0.3
RETRY_SECONDS = 1.0
HEARTBEAT_INTERVAL_SECONDS = 60.0
# For all locks of one hook together, from its start.
LOCK_POLICY = sessions.LockPolicy(0.5, write_unlocked=True, shared_deadline=True)
# More than the longest prompt a model takes; the client truncates tool output.
_MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
_BLOCK_BYTES = 1 << 16
_START_TIME_ERROR = 0.01  # seconds by which /proc may give a start too early
_NOTIFICATION_STATES: dict[str, State] = {
    "permission_prompt": "waiting",
    "idle_prompt": "idle",
}
_STDIN, _STDOUT, _STDERR = range(3)


class Event:
    """An event of Claude Code: its payload, and whether it has been recorded."""

    def __init__(self, payload: dict[str, Any], stdout: int) -> None:
        self.payload = payload
        self.stdout = stdout  # a descriptor of the real one
        self.recorded = False

    def text(self, key: str) -> str | None:
        """Return the value of *key* in the payload if it is a text, and not empty."""
        value = self.payload.get(key)
        return value if isinstance(value, str) and value else None

    @property
    def session_id(self) -> str:
        """The id of the session; InvalidSessionIdError unless it is a valid one."""
        session_id = self.payload.get("session_id")
        paths.session_path(session_id)  # type: ignore[arg-type]  # raises
        return str(session_id)


def run(action: Callable[[Event], None]) -> NoReturn:
    """Read the payload, pass it to *action*, and exit 0, whatever happens."""
    began = time.monotonic()
    try:
        stdout = _silence()
        event = Event(read_payload(until_eof=True), stdout)
        deadline.alarm(DEADLINE_SECONDS, since=began)
        _run_with_retry(action, event)
    except BaseException as error:  # noqa: BLE001  # nothing may reach the client
        deadline.cancel_alarm()
        log_error(action.__name__, error)
    finally:
        os._exit(0)


def _run_with_retry(action: Callable[[Event], None], event: Event) -> None:
    """Call *action*, and again if the time is up before the event was recorded.

    On a machine that runs a hundred hooks at once the deadline can pass before a hook
    gets any processor time. The second call does not wait for locks: LOCK_POLICY has
    run out by then.
    """
    try:
        action(event)
    except deadline.DeadlineExceeded as error:
        if event.recorded:
            raise
        log_error(f"{action.__name__}, retrying", error)
        deadline.alarm(RETRY_SECONDS)
        action(event)


# ---- The events -----------------------------------------------------------------


def session_start(event: Event) -> None:
    """SessionStart: create or resume the session, warn of collisions, clean up."""
    source = event.text("source") or "startup"
    _begin(event, source)
    event.recorded = True
    listing = paths.Listing()
    if source != "compact" and os.environ.get("HEADCOUNT_QUIET", "0") in ("", "0"):
        try:
            from .views import notice

            message = notice.collision_notice(event.session_id, listing)
            if message:
                os.write(event.stdout, jsonl.encode({"systemMessage": message}))
        except Exception as error:  # noqa: BLE001  # the cleanup has its turn all the same
            log_error("notice", error)
    sessions.auto_cleanup(event.session_id, listing)


def heartbeat(event: Event) -> None:
    """UserPromptSubmit, PostToolUse, Notification: the session is alive."""
    _upsert(
        event,
        sessions.update_heartbeat,
        state=None if event.payload.get("agent_id") else _state_of(event.payload),
        event=event.text("hook_event_name"),
        min_interval=HEARTBEAT_INTERVAL_SECONDS,
        observed_at=began_at(),
    )


def stop(event: Event) -> None:
    """Stop: the turn is over. The session is not, nor are its background tasks."""
    if event.payload.get("agent_id"):
        heartbeat(event)  # the turn of a subagent is not that of the session
        return
    tasks = event.payload.get("background_tasks")
    running = isinstance(tasks, list) and any(
        isinstance(task, dict) and task.get("status", "running") == "running"
        for task in tasks
    )
    _upsert(
        event,
        sessions.close_turn,
        state="busy" if running else "idle",
        event=event.text("hook_event_name"),
        observed_at=began_at(),
    )


def session_end(event: Event) -> None:
    """SessionEnd: the session is closed, for the reason given."""
    reason = event.text("reason") or "other"
    _upsert(event, sessions.close_session, reason=reason)


def _upsert(event: Event, action: Callable[..., object], /, **fields: object) -> None:
    """Call *action* with the session and *fields*; begin it first if there is none."""

    def act() -> None:
        action(event.session_id, pid=client(), timeout=LOCK_POLICY, **fields)

    try:
        try:
            act()
        except sessions.SessionNotFoundError:
            _begin(event, "adopted")
            act()
    except sessions.SessionClosedError:
        return  # it was closed while we waited, so this event is out of date
    event.recorded = True


def _begin(event: Event, source: str) -> None:
    sessions.resume_session(
        event.session_id,
        source=source,
        pid=client(),
        cwd=event.text("cwd"),
        project_dir=os.environ.get("CLAUDE_PROJECT_DIR"),
        transcript_path=event.text("transcript_path"),
        entrypoint=os.environ.get("CLAUDE_CODE_ENTRYPOINT"),
        client_version=_client_version(os.environ.get("AI_AGENT", "")),
        timeout=LOCK_POLICY,
    )


def _state_of(payload: dict[str, Any]) -> State | None:
    if payload.get("hook_event_name") != "Notification":
        return "busy"
    state = _NOTIFICATION_STATES.get(str(payload.get("notification_type")))
    if state or "notification_type" in payload:
        return state
    # Clients before 2.0.37 give only the message.
    return "waiting" if "permission" in str(payload.get("message")) else "idle"


# ---- The client and this process ------------------------------------------------


def began_at() -> float:
    """Return when this process began, in seconds since the epoch."""
    return time.time() - (process.age(os.getpid()) or 0.0) + _START_TIME_ERROR


def client() -> int:
    """Return the pid of the client that runs us; NO_PROCESS if it is not found."""
    return client_process.find_client(os.environ) or entries.NO_PROCESS


def _client_version(agent: str) -> str | None:
    """Return `2.1.330` from `claude-code_2-1-330_harness`, or None.

    In the commands that an agent runs the last part is `agent`: an old client that was
    started there has inherited a version which is not its own.
    """
    _, _, rest = agent.partition("_")
    version, _, part = rest.partition("_")
    return version.replace("-", ".") if part == "harness" else None


def log_error(action: str, error: BaseException) -> None:
    """Log in errors.log that *action* raised *error*. Never raises."""
    try:
        from .store import error_log

        error_log.log_error(action, error)
    except BaseException:  # noqa: BLE001, S110  # there is nowhere else to report it
        pass


def _silence() -> int:
    """Redirect stdout and stderr to /dev/null; return a duplicate of stdout."""
    null = os.open(os.devnull, os.O_RDWR)
    try:
        stdout = os.dup(_STDOUT)
    except OSError:  # it was closed
        stdout = null
    os.dup2(null, _STDOUT)
    os.dup2(null, _STDERR)
    return stdout


# ---- Standard input -------------------------------------------------------------


def read_payload(*, until_eof: bool) -> dict[str, Any]:
    """Return the JSON object on stdin, waiting for it STDIN_SECONDS at most.

    What has arrived by then is taken as complete, for a stdin that stays open must not
    delay the session. Unless *until_eof*, it is taken as soon as it is an object.
    Raises ValueError if it is not one JSON object, and OSError.
    """
    blocks: list[bytes] = []
    # Another process may take what `select` announced, and the read would then block.
    deadline.alarm(DEADLINE_SECONDS)
    try:
        _read_stdin(blocks, STDIN_SECONDS, until_eof=until_eof)
    except deadline.DeadlineExceeded:  # on a busy machine even before the first read
        deadline.alarm(STDIN_SECONDS)
        _read_stdin(blocks, 0, until_eof=until_eof)
    finally:
        deadline.cancel_alarm()
    content = b"".join(blocks)
    payload = jsonl.decode(content)
    if payload is None:
        raise ValueError(f"stdin is not one JSON object ({len(content)} bytes)")
    return payload


def _read_stdin(blocks: list[bytes], seconds: float, *, until_eof: bool) -> None:
    """Read stdin into *blocks* for that many *seconds*, or to its end.

    It waits in `select`, not in the read: there an alarm would lose what was read.
    """
    from select import select

    until, size = time.monotonic() + seconds, 0
    while size <= _MAX_PAYLOAD_BYTES:
        timeout = max(0.0, until - time.monotonic())
        ready, _, _ = select([_STDIN], [], [], timeout)
        block = os.read(_STDIN, _BLOCK_BYTES) if ready else b""
        if not block:
            break
        blocks.append(block)
        size += len(block)
        if not until_eof and _is_complete(blocks):
            break


def _is_complete(blocks: list[bytes]) -> bool:
    end = blocks[-1].rstrip().endswith(b"}")
    return end and jsonl.decode(b"".join(blocks)) is not None
