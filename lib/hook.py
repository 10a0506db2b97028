"""What every hook shares: payload in, the event's action, fail-open, errors.log.

A hook never disturbs the user. Whatever happens its exit code is 0 (2 would block the
prompt), stdout stays empty but for the one JSON object that SessionStart may print,
stderr stays empty, and it ends within DEADLINE_SECONDS (but see `_act`). What went
wrong is a line in errors.log.
"""

from __future__ import annotations

# `signal` pulls in `enum`: 8 ms where this was measured, half a bare start. The module
# beneath it is part of the interpreter.
import _signal  # type: ignore[import-not-found]
import os
import time

from . import sessions
from .record import entries, jsonl
from .store import error_log, paths
from .system import client_process, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .model import State

    Payload = dict[str, Any]

DEADLINE_SECONDS = 0.9
STDIN_SECONDS = 0.3
RETRY_SECONDS = 1.0
_SOON_SECONDS = 0.001
_TICK_SECONDS = 0.01  # by which the start of a process may be too early in /proc
# For all locks of one hook together, from its start.
LOCK_POLICY = sessions.LockPolicy(0.5, write_unlocked=True, shared_deadline=True)
# More than the longest prompt a model takes; tool output is cut by the client.
MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
HEARTBEAT_INTERVAL_SECONDS = 60.0

_NOTIFIED: dict[str, State] = {"permission_prompt": "waiting", "idle_prompt": "idle"}
_STDOUT = 1


class DeadlineExceeded(BaseException):
    """The hook's time is up. Not an Exception, so that nothing takes it for its own."""


def run(action: Callable[[Payload], None]) -> NoReturn:
    """Read the payload, give it to *action*, and exit 0, whatever happens."""
    began = time.monotonic()
    try:
        _silence()
        payload = _read_payload()
        alarm_at(began + DEADLINE_SECONDS)
        _act(action, payload)
    except BaseException as error:  # noqa: BLE001  # see above: nothing may come through
        alarm(0)
        log_error(action.__name__, error)
    finally:
        os._exit(0)


def _act(action: Callable[[Payload], None], payload: Payload) -> None:
    """Do *action*; if the time is up before its entry is written, once more in haste.

    On a machine with a hundred hooks at once the deadline can pass before a hook had
    its turn at all. By then no lock is waited for.
    """
    try:
        action(payload)
    except DeadlineExceeded as error:
        if _WRITTEN:
            raise
        log_error(f"{action.__name__}, once more", error)
        alarm(RETRY_SECONDS)
        action(payload)


def session_start(payload: Payload) -> None:
    """Create or resume; say who else is here; archive what is stale."""
    source = _text(payload, "source") or "startup"
    session_id = _begin(payload, source)
    _WRITTEN.append(session_id)
    listing = paths.Listing()
    if source != "compact" and os.environ.get("HEADCOUNT_QUIET", "0") in ("", "0"):
        _attempt("notice", lambda: _say_who_is_here(session_id, listing))
    sessions.auto_cleanup(session_id, listing)


def heartbeat(payload: Payload) -> None:
    """UserPromptSubmit, PostToolUse, Notification: alive, and in this state."""
    _beat(payload, _state_of(payload), "heartbeat")


def stop(payload: Payload) -> None:
    """Stop: the turn is over. Not the session, and not what runs in its background."""
    tasks = payload.get("background_tasks")
    running = isinstance(tasks, list) and any(
        isinstance(task, dict) and task.get("status", "running") == "running"
        for task in tasks
    )
    _beat(payload, "busy" if running else "idle", "turn_close")


def session_end(payload: Payload) -> None:
    """SessionEnd: closed, for the reason given."""

    def close(session_id: str) -> None:
        sessions.close_session(
            session_id,
            reason=_text(payload, "reason") or "other",
            pid=client(),
            lock_policy=LOCK_POLICY,
        )

    _upsert(payload, close)


def _beat(payload: Payload, state: State | None, kind: str) -> None:
    in_subagent = bool(payload.get("agent_id"))

    def beat(session_id: str) -> None:
        sessions.update_heartbeat(
            session_id,
            state=None if in_subagent else state,
            event=_text(payload, "hook_event_name"),
            kind="heartbeat" if in_subagent else kind,
            pid=client(),
            min_interval=HEARTBEAT_INTERVAL_SECONDS,
            observed_at=began_at(),
            lock_policy=LOCK_POLICY,
        )

    try:
        _upsert(payload, beat)
    except sessions.SessionClosedError:
        pass  # while we waited, and with it this event is over, too


def _upsert(payload: Payload, action: Callable[[str], None]) -> None:
    """Do *action* with the session; begin it first if this is the first seen of it."""
    try:
        action(_session_id(payload))
    except sessions.SessionNotFoundError:
        action(_begin(payload, "adopted"))
    _WRITTEN.append(_session_id(payload))


def _begin(payload: Payload, source: str) -> str:
    session_id = _session_id(payload)
    sessions.resume_session(
        session_id,
        source=source,
        pid=client(),
        cwd=_text(payload, "cwd"),
        project_dir=os.environ.get("CLAUDE_PROJECT_DIR"),
        transcript_path=_text(payload, "transcript_path"),
        entrypoint=os.environ.get("CLAUDE_CODE_ENTRYPOINT"),
        client_version=_client_version(os.environ.get("AI_AGENT", "")),
        lock_policy=LOCK_POLICY,
    )
    return session_id


def _state_of(payload: Payload) -> State | None:
    if payload.get("hook_event_name") != "Notification":
        return "busy"
    known = _NOTIFIED.get(str(payload.get("notification_type")))
    if known or "notification_type" in payload:
        return known
    # Clients before 2.0.37 give the sentence only.
    return "waiting" if "permission" in str(payload.get("message")) else "idle"


def began_at() -> float:
    """Return when this process began, in seconds since the epoch."""
    return time.time() - (process.age(os.getpid()) or 0.0) + _TICK_SECONDS


def client() -> int:
    """Return the pid of the client that runs us, NO_PROCESS if it cannot be told."""
    return client_process.find_client(os.environ) or entries.NO_PROCESS


def _client_version(agent: str) -> str | None:
    """Return `2.1.330` from `claude-code_2-1-330_harness`, or None.

    In the commands that an agent runs the last word is `agent`: an old client that was
    started there has inherited a version which is not its own.
    """
    _, _, rest = agent.partition("_")
    version, _, part = rest.partition("_")
    return version.replace("-", ".") if part == "harness" else None


def _session_id(payload: Payload) -> str:
    session_id = payload.get("session_id")
    paths.session_path(session_id)  # type: ignore[arg-type]  # raises unless it is one
    return str(session_id)


def _text(payload: Payload, key: str) -> str | None:
    value = payload.get(key)
    return value if isinstance(value, str) and value else None


def _say_who_is_here(session_id: str, listing: paths.Listing) -> None:
    from .views import notice

    message = notice.who_else_is_here(session_id, listing)
    if message:
        os.write(_STDOUT_KEPT, jsonl.encode({"systemMessage": message}))


def _attempt(what: str, step: Callable[[], None]) -> None:
    try:
        step()
    except Exception as error:  # noqa: BLE001  # the steps after it have their turn
        log_error(what, error)


def log_error(what: str, error: BaseException) -> None:
    """Note the *error* in errors.log, if it can be."""
    try:
        error_log.log_error(what, error)
    except BaseException:  # noqa: BLE001, S110  # nowhere left to say it
        pass


# ---- The process itself ---------------------------------------------------------

_STDOUT_KEPT = -1
_WRITTEN: list[str] = []


def _silence() -> None:
    """Point stdout and stderr at nothing, keeping stdout for `_say_who_is_here`."""
    global _STDOUT_KEPT  # noqa: PLW0603
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        _STDOUT_KEPT = os.dup(_STDOUT)
    except OSError:
        _STDOUT_KEPT = nothing  # it was closed
    os.dup2(nothing, _STDOUT)
    os.dup2(nothing, _STDOUT + 1)


def _read_payload() -> Payload:
    """Return the JSON object on stdin, waited for STDIN_SECONDS at most.

    What has come by then is taken as all there is: a stdin that stays open must not
    hold up the session. The alarm is for one that somebody else reads, too. On a busy
    machine it can go off before the first look, so there is one after it.
    """
    chunks: list[bytes] = []
    alarm(DEADLINE_SECONDS)
    try:
        _read_into(chunks, STDIN_SECONDS)
    except DeadlineExceeded:
        alarm(STDIN_SECONDS)
        _read_into(chunks, 0)
    finally:
        alarm(0)
    read = b"".join(chunks)
    payload = jsonl.decode(read)
    if payload is None:
        raise ValueError(f"stdin is not one JSON object ({len(read)} bytes)")
    return payload


def _read_into(chunks: list[bytes], seconds: float) -> None:
    """Read stdin to its end, or for that many *seconds*.

    The wait is not in the read: an alarm would lose what the read has just taken.
    """
    from select import select

    until, size = time.monotonic() + seconds, 0
    while size <= MAX_PAYLOAD_BYTES:
        left = max(0.0, until - time.monotonic())
        chunk = os.read(0, 1 << 16) if select([0], [], [], left)[0] else b""
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)


def alarm_at(moment: float) -> None:
    """Raise DeadlineExceeded at *moment* (`time.monotonic`), soon if that is past."""
    alarm(max(_SOON_SECONDS, moment - time.monotonic()))


def alarm(seconds: float) -> None:
    """Raise DeadlineExceeded in *seconds*; 0 takes that back."""

    def time_is_up(*_: object) -> NoReturn:
        raise DeadlineExceeded(f"not done within {DEADLINE_SECONDS} s")

    _signal.signal(_signal.SIGALRM, time_is_up)
    # Whoever started the client may have blocked it, and a mask is inherited.
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [_signal.SIGALRM])
    _signal.setitimer(_signal.ITIMER_REAL, seconds)
