"""The hooks of Claude Code: each reads its payload, records the event, and exits 0.

A hook never disturbs the user. Its exit code is always 0 (2 would block the prompt).
Nothing is written to stdout but the one JSON object that SessionStart may print: from
PermissionRequest it would be a decision. Nothing is written to stderr. A hook ends
within DEADLINE_SECONDS, or, if it recorded nothing by then, RETRY_SECONDS later; as a
plugin's, PLUGIN_RETRY_SECONDS. Errors go to errors.log.
"""

from __future__ import annotations

import os
import sys
import time

from .errors import StoreError

try:
    from .store import paths
except StoreError as refused:  # HEADCOUNT_DIR: nothing can be recorded where it says
    try:
        os.environ.pop("HEADCOUNT_DIR", None)
        from .store import error_log  # of the user's own store

        error_log.log_error("the store", refused)
    finally:
        os._exit(0)

from . import sessions
from .claude import events, lateness
from .record import entries, jsonl, schema
from .store.session_file import SessionFile
from .system import client_process, deadline, proc, process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .model import Observation, SessionMetadata, State

DEADLINE_SECONDS = 0.9
PAYLOAD_SECONDS = 0.8  # until it begins: a busy client may be late
STDIN_SECONDS = 0.3  # for the rest of it
RETRY_SECONDS = 1.0
PLUGIN_RETRY_SECONDS = 0.3  # the client ends the SessionEnd of a plugin after 1.5 s
HEARTBEAT_INTERVAL_SECONDS = 60.0
# For all locks of one hook together, from its start.
LOCK_POLICY = sessions.LockPolicy(0.5, write_unlocked=True, shared_deadline=True)
# More than the longest prompt a model takes; the client truncates tool output.
_MAX_PAYLOAD_BYTES = 8 * 1024 * 1024
_BLOCK_BYTES = 1 << 16
# They come often, and mostly say nothing new.
_THROTTLED = ("PostToolUse", "FileChanged")
_STDIN, _STDOUT, _STDERR = range(3)


class Event:
    """An event of Claude Code: its payload, and whether it has been recorded.

    *is_late*: it was not before the deadline. Then only what is needed is recorded.
    *began_at* is when the client started this hook, in seconds since the epoch.
    """

    def __init__(self, payload: dict[str, Any], stdout: int) -> None:
        self.payload = payload
        self.stdout = stdout  # a descriptor of the real one
        self.recorded = False
        self.is_late = False
        self.began_at = client_process.hook_began_at(os.environ)

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
        entries.mark_as(__file__, is_plugin=_is_plugin())
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
        deadline.alarm(PLUGIN_RETRY_SECONDS if _is_plugin() else RETRY_SECONDS)
        event.is_late = True
        action(event)


def _is_plugin() -> bool:
    """Whether this is a hook of the plugin: `hooks/run` says so."""
    return sys.argv[2:3] == ["plugin"]


# ---- The events -----------------------------------------------------------------


def session_start(event: Event) -> None:
    """SessionStart: create or resume the session, warn of collisions, clean up."""
    source = schema.word_of(event.text("source")) or "startup"
    is_first = _begin(event, source)
    event.recorded = True
    if not is_first:
        return  # the hook of another installation answers, and cleans up
    listing = paths.Listing()
    answer: dict[str, object] = {}
    for add in (_add_watch, _add_notice):
        try:
            add(answer, event, listing)
        except Exception as error:  # noqa: BLE001  # the rest has its turn all the same
            log_error("answer", error)
    _print(answer, event)
    sessions.auto_cleanup(event.session_id, listing)


def heartbeat(event: Event) -> None:
    """What happens within a session, and says what it is doing: it is alive."""
    name = schema.word_of(event.text("hook_event_name"))
    _upsert(
        event,
        sessions.update_heartbeat,
        state=lambda recorded: _observe(event, recorded),
        event=name,
        min_interval=HEARTBEAT_INTERVAL_SECONDS if name in _THROTTLED else 0.0,
    )


def stop(event: Event) -> None:
    """Stop, StopFailure: the turn is over, but not what runs in the background."""
    if event.payload.get("agent_id"):
        heartbeat(event)  # the turn of a subagent is not that of the session
        return
    _upsert(
        event,
        sessions.close_turn,
        state=lambda recorded: _after_turn(event, recorded),
        event=schema.word_of(event.text("hook_event_name")),
    )


def _after_turn(event: Event, recorded: SessionMetadata) -> Observation:
    """Return what the session does after its turn: it may work in the background.

    StopFailure does not say that it does, as Stop does. Nothing is returned if the next
    turn has begun by now.
    """
    works = events.runs_in_background(event.payload)
    if event.text("hook_event_name") == "StopFailure":
        from .claude import session_status

        works = session_status.works_in_background(recorded)
    state: State = "busy" if works else "idle"
    if state == recorded["state"] == "idle":
        return {"state": "idle"}
    is_outdated = lateness.is_outdated(event.payload, recorded, event.began_at)
    goes_on = not works and lateness.is_in_next_turn(recorded, event.began_at)
    return {} if is_outdated or goes_on else {"state": state}


def session_end(event: Event) -> None:
    """SessionEnd: the session is closed, for the reason given."""
    reason = schema.word_of(event.text("reason")) or "other"
    _upsert(event, sessions.close_session, reason=reason)


def _upsert(event: Event, action: Callable[..., object], /, **fields: object) -> None:
    """Call *action* with the session and *fields*; begin an unknown session first."""

    def act() -> None:
        action(
            event.session_id,
            pid=_client_on_record(event) or client(),
            observed_at=event.began_at,
            timeout=LOCK_POLICY,
            **fields,
        )

    try:
        try:
            act()
        except sessions.SessionNotFoundError:
            _begin(event, "adopted")
            act()
    except sessions.SessionClosedError:
        return  # it was closed while we waited, so this event is out of date
    event.recorded = True


def _begin(event: Event, source: str) -> bool:
    """Begin or resume the session; return False if that is already on record."""
    pid = client()
    return sessions.resume_session(
        event.session_id,
        source=source,
        pid=pid,
        cwd=schema.path_of(event.text("cwd")),
        project_dir=schema.path_of(os.environ.get("CLAUDE_PROJECT_DIR")),
        transcript_path=schema.path_of(event.text("transcript_path")),
        entrypoint=schema.word_of(os.environ.get("CLAUDE_CODE_ENTRYPOINT")),
        client_version=_client_version(),
        name=_title(event) or _name_in_client_file(event, pid),
        branch=_branch(event, event.text("cwd")),
        observed_at=event.began_at,
        timeout=LOCK_POLICY,
    )


def _observe(event: Event, recorded: SessionMetadata) -> Observation:
    """Return what the event says of the session, which is on record as in *recorded*.

    Where the event alone is inconclusive, the client's own session file says it.
    """
    state, name = recorded["state"], event.text("hook_event_name")
    if name == "FileChanged" and state == "closed":  # the client has removed its file
        raise sessions.SessionClosedError(f"session {event.session_id} is closed")
    is_prompt = name == "UserPromptSubmit"
    texts: Observation = {
        "name": _title(event),
        "branch": _branch(event, recorded.get("cwd")) if is_prompt else None,
    }
    if lateness.is_outdated(event.payload, recorded, event.began_at):
        return texts if is_prompt else {}
    if events.is_inconclusive(event.payload, state):
        from .claude import session_status

        if observation := session_status.observe(recorded):
            return observation
    after, wait = events.state_after(event.payload, state, recorded.get("waiting_for"))
    since = event.began_at if is_prompt and after else None
    return {"state": after, "waiting_for": wait, "state_since": since, **texts}


def _branch(event: Event, folder: str | None) -> str | None:
    """Return the branch that is checked out in the worktree of *folder*, "" if none.

    Read when a session starts and at each prompt, 0.3 ms: what is done then is done on
    that branch. None if it is not known, as on a disk too slow for the deadline.
    """
    if not folder or event.is_late:
        return None
    from .system import git

    worktrees = git.Worktrees()
    return schema.name_of(worktrees.branch(worktrees.root(folder))) or ""


def _title(event: Event) -> str | None:
    return schema.name_of(event.text("session_title"))


def _name_in_client_file(event: Event, pid: int) -> str | None:
    from .claude import session_status

    return session_status.given_name(
        {
            "session_id": event.session_id,
            "pid": pid,
            "process": process.fingerprint(pid),
            "transcript_path": event.text("transcript_path"),
        }
    )


# ---- What SessionStart answers --------------------------------------------------


def _add_watch(answer: dict[str, object], event: Event, _: paths.Listing) -> None:
    """Ask the client to run FileChanged whenever its own session file changes.

    Only if it is known to have that event.
    """
    pid, version = client(), _client_version()
    if not pid or "FileChanged" not in events.events_known_to([version or ""]):
        return
    from .claude import session_status

    path = session_status.path_of(pid, schema.path_of(event.text("transcript_path")))
    output = {"hookEventName": "SessionStart", "watchPaths": [path]}
    answer["hookSpecificOutput"] = output


def _add_notice(
    answer: dict[str, object], event: Event, listing: paths.Listing
) -> None:
    """Tell the user who else works here."""
    is_quiet = os.environ.get("HEADCOUNT_QUIET", "0") not in ("", "0")
    if is_quiet or event.text("source") == "compact":
        return
    from .views import notice

    message = notice.collision_notice(event.session_id, listing)
    if message:
        answer["systemMessage"] = message


def _print(answer: dict[str, object], event: Event) -> None:
    try:
        if answer:
            os.write(event.stdout, jsonl.encode(answer))
    except Exception as error:  # noqa: BLE001  # nobody reads it: the cleanup comes next
        log_error("answer", error)


# ---- The client and this process ------------------------------------------------


def client() -> int:
    """Return the pid of the client that runs us; NO_PROCESS if it is not found."""
    return client_process.find_client(os.environ) or entries.NO_PROCESS


def _client_on_record(event: Event) -> int | None:
    """Return the client's pid if the record has it: to look it up may take long.

    The installed command passes the pid of the process that started its shell, since
    clients before 2.1.214 do not set CLAUDE_PID. Raises what `SessionFile.read` raises.
    """
    words = (*sys.argv[1:2], os.environ.get("CLAUDE_PID", ""))
    pids = [int(word) for word in words if word.isascii() and word.isdigit()]
    if proc.READS_PROC or not pids:
        return None
    metadata = SessionFile(event.session_id, LOCK_POLICY).read().metadata
    return next((pid for pid in pids if entries.fields_on_record(metadata, pid)), None)


def _client_version() -> str | None:
    return schema.word_of(client_process.client_version(os.environ))


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
    """Return the JSON object on stdin: it has to begin within PAYLOAD_SECONDS.

    What has arrived STDIN_SECONDS later is taken as complete, for a stdin that stays
    open must not delay the session. Unless *until_eof*, it is taken as soon as it is an
    object. Raises ValueError if it is not one JSON object, and OSError.
    """
    blocks: list[bytes] = []
    # Another process may take what `select` announced, and the read would then block.
    deadline.alarm(DEADLINE_SECONDS)
    try:
        _read_stdin(blocks, PAYLOAD_SECONDS, STDIN_SECONDS, until_eof=until_eof)
    except deadline.DeadlineExceeded:  # on a busy machine even before the first read
        deadline.alarm(STDIN_SECONDS)
        _read_stdin(blocks, 0, 0, until_eof=until_eof)
    finally:
        deadline.cancel_alarm()
    content = b"".join(blocks)
    payload = jsonl.decode(content)
    if payload is None:
        raise ValueError(f"stdin is not one JSON object ({len(content)} bytes)")
    return payload


def _read_stdin(
    blocks: list[bytes], begin: float, rest: float, *, until_eof: bool
) -> None:
    """Read stdin into *blocks*, to its end.

    Waits *begin* seconds at most for the first block, and *rest* for all others; in
    `select`, not in the read: there an alarm would lose what was read.
    """
    from select import select

    until, size = time.monotonic() + begin, 0
    while size <= _MAX_PAYLOAD_BYTES:
        timeout = max(0.0, until - time.monotonic())
        ready, _, _ = select([_STDIN], [], [], timeout)
        block = os.read(_STDIN, _BLOCK_BYTES) if ready else b""
        if not block:
            break
        if not blocks:
            until = time.monotonic() + rest
        blocks.append(block)
        size += len(block)
        if not until_eof and _is_complete(blocks):
            break


def _is_complete(blocks: list[bytes]) -> bool:
    end = blocks[-1].rstrip().endswith(b"}")
    return end and jsonl.decode(b"".join(blocks)) is not None
