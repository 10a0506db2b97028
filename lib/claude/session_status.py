"""What the client itself says of a session: its file `<config>/sessions/<pid>.json`.

The client rewrites the file whenever its state changes, also where no hook runs: after
Esc, or when a person has answered. Nobody has documented it. So it is evidence beside
the record, and never needed: whatever it holds, nothing here raises or blocks.

    status = of_session(session)     None: the record alone says what the session does
    observe(session)                 the same for a hook, which records it
    works_in_background(session)     after a turn that failed
    given_name(session)              what a person calls the session in the client

A file counts only if its pid, start time, pid namespace and session id are those on
record. It outlives a client that was killed, so ask only about a session that is alive.
A FileChanged hook uses this, too: nothing is imported that would slow it down.
"""

from __future__ import annotations

import os

from ..record import jsonl, timestamps
from ..record.schema import TURN_CLOSE, name_of
from ..system import private, proc, process
from . import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..model import Observation, SessionEntry, State, WaitingFor
    from .events import Status

    Session = Mapping[str, object]

MAX_FILE_BYTES = 64 * 1024
MAX_WORD_LENGTH = 40
MIN_MILLISECONDS, MAX_MILLISECONDS = 1e12, 4e12  # in 2001 and 2096
_APPROVES = "approve "  # a tool, in 2.1.119
_CLOCK_SLACK_SECONDS = 2.0  # where a start time is by the wall clock
_WAITS: dict[str, WaitingFor] = {
    "permission prompt": "permission",
    "input needed": "question",
    "dialog open": "dialog",
}
# What a hook may know better: the client calls these alike.
_REFINEMENTS: dict[str, tuple[WaitingFor, ...]] = {
    "permission": ("question", "plan"),
    "question": ("elicitation", "plan"),
}


class ClientStatus:
    """What the client says a session is doing, and what the session is called.

    *since* is when the state began (epoch seconds), None if the file does not say.
    *name* is None if it has no name; *name_is_user_given* tells whether a person chose
    it or the client derived it. *evidence* is a reason for the state, in plain words.
    Name and evidence hold text of the client's, not yet `printable`.
    """

    __slots__ = (
        "evidence",
        "given_name",
        "name",
        "name_is_user_given",
        "since",
        "state",
        "waiting_for",
    )

    def __init__(
        self,
        state: State,
        waiting_for: WaitingFor | None,
        since: float | None,
        evidence: str,
        entry: SessionEntry,
    ) -> None:
        self.state = state
        self.waiting_for = waiting_for
        self.since = since
        self.evidence = evidence
        self.name = name_of(entry.get("name"))
        self.name_is_user_given = _text(entry, "nameSource") == "user"
        self.given_name = _given_name(entry)


def of_session(session: Session) -> ClientStatus | None:
    """Return what the client says of a live *session*, given as folded metadata.

    None if it says nothing, nothing that is understood, or nothing about this session.
    """
    entry = _entry_of(session)
    return None if entry is None else _interpret(entry, session)


def observe(session: Session) -> Observation:
    """Return what the client says of a live *session*, for the record.

    *session* is as recorded, with pid and process of the client that runs the hook.
    Empty where `of_session` is None, and where the record is newer. A name that the
    client derived is not recorded.
    """
    entry = _entry_of(session)
    status = None if entry is None else _interpret(entry, session)
    if entry is None or status is None or _is_before_idle(entry, status, session):
        return {}
    recorded = session.get("state"), session.get("waiting_for")
    is_new = recorded != (status.state, status.waiting_for)
    return {
        "state": status.state,
        "waiting_for": status.waiting_for,
        "state_since": status.since if is_new else None,
        "name": status.given_name,
    }


def works_in_background(session: Session) -> bool:
    """Whether background work of a live *session* goes on after a turn that failed.

    StopFailure does not name it, as Stop does. It goes on if the last turn ended beside
    such work, and the client still says that it is busy. With a subagent in the
    background it says nothing else until that has ended.
    """
    entry = _entry_of(session)
    if entry is None or entry.get("status") not in ("busy", "shell"):
        return False
    last = _last(session, lambda entry: entry.get("type") == TURN_CLOSE)
    return last is not None and last.get("state") == "busy"


def given_name(session: Session) -> str | None:
    """Return what a person calls the session in the client.

    Empty if the name is one that the client derived, None if the file does not say.
    """
    entry = _entry_of(session)
    return None if entry is None else _given_name(entry)


def tmux_of(session: Session) -> str | None:
    """Return where the client is in tmux, as `session:@window.%pane`.

    None if it is not in tmux, or its file does not say.
    """
    entry = _entry_of(session)
    return None if entry is None else _text(entry, "tmux") or None


def path_of(pid: object, transcript_path: object = None) -> str:
    """Return where the client of this *pid* keeps its file.

    In the config folder that its transcript is in, else the caller's own.
    """
    return os.path.join(config_folder(transcript_path), "sessions", f"{pid}.json")


def config_folder(transcript_path: object = None) -> str:
    """Return the `<config>` of `<config>/projects/<project>/<session>.jsonl`.

    Else CLAUDE_CONFIG_DIR, else `~/.claude`. A relative one is passed over, since the
    settings of a repository can name a folder of its own.
    """
    if isinstance(transcript_path, str) and os.path.isabs(transcript_path):
        projects = os.path.dirname(os.path.dirname(transcript_path))
        if os.path.basename(projects) == "projects":
            return os.path.dirname(projects)
    configured = os.environ.get("CLAUDE_CONFIG_DIR", "")
    if os.path.isabs(configured):
        return configured
    home = os.environ.get("HOME") or os.path.expanduser("~")
    return os.path.join(home, ".claude")


def read(path: str) -> SessionEntry | None:
    """Return the JSON object in the file at *path*.

    None if it has none, if it is not a regular file of at most MAX_FILE_BYTES, if
    another user made it, or if *path* is relative, as with a relative HOME.
    """
    if not os.path.isabs(path):
        return None
    try:
        content = private.read_regular(path, MAX_FILE_BYTES + 1, trusted=True)
    except (OSError, ValueError):  # ValueError: no path at all
        return None
    return jsonl.decode(content) if len(content) <= MAX_FILE_BYTES else None


def _entry_of(session: Session) -> SessionEntry | None:
    """Return what is in the file of the client that has *session* open."""
    pid = session.get("pid")
    if not process.is_pid(pid):
        return None
    entry = proc.once(_entry_at, pid, session.get("transcript_path"))
    return entry if entry is not None and describes(entry, session) else None


def _entry_at(pid: int, transcript_path: object) -> SessionEntry | None:
    return read(path_of(pid, transcript_path))


def describes(entry: SessionEntry, session: Session) -> bool:
    """Whether the client's *entry* is of the process and the session on record."""
    return (
        entry.get("pid") == session.get("pid")
        and entry.get("sessionId") == session.get("session_id")
        and is_same_process(entry, str(session.get("process")))
    )


def is_same_process(entry: SessionEntry, fingerprint: str) -> bool:
    """Whether the client's *entry* is of the process with this fingerprint."""
    kind, fields = process.fields_of(fingerprint)
    if kind == "linux":
        _, namespace, _, start = fields
        domain = _text(entry, "pidDomain")
        here = "pid:[" not in domain or f"pid:[{namespace}]" in domain
        return here and str(entry.get("procStart")) == start
    return kind == "psutil" and _is_written_since(entry, fields[-1])


def _is_written_since(entry: SessionEntry, start: str) -> bool:
    """Whether a process that began at *start* wrote the entry.

    What a process of this pid has written since then, no other can have.
    """
    began = _seconds(entry, "startedAt")
    try:
        return began is not None and began >= float(start) - _CLOCK_SLACK_SECONDS
    except ValueError:
        return False


# ---- What it says ---------------------------------------------------------------


def _interpret(entry: SessionEntry, session: Session) -> ClientStatus | None:
    state, waiting_for = _status_in(entry, session)
    if state is None:
        return None
    since = _seconds(entry, "statusUpdatedAt") or _seconds(entry, "updatedAt")
    if state == "busy" and _elicits_since(since, session):
        evidence = "the hooks have seen a request that Claude Code's file leaves out"
        asked = timestamps.parse(session.get("state_since"))
        return ClientStatus("waiting", "elicitation", asked, evidence, entry)
    words = [_text(entry, key)[:MAX_WORD_LENGTH] for key in ("status", "waitingFor")]
    evidence = "Claude Code's own session file says " + ": ".join(filter(None, words))
    return ClientStatus(state, waiting_for, since, evidence, entry)


def _status_in(entry: SessionEntry, session: Session) -> Status:
    """Return the state in *entry* in our words; None, None if it is not known."""
    status = entry.get("status")
    if status in ("busy", "shell"):  # shell: as after a Stop that left one running
        return "busy", None
    if status == "idle":
        return "idle", None
    if status != "waiting":
        return None, None
    waiting_for = _waits_for(_text(entry, "waitingFor"), session)
    if waiting_for != "dialog" or session.get("state") == "waiting":
        return "waiting", waiting_for
    if session.get("state") != "busy":
        return "idle", None  # one that the person opened, between two turns
    return ("waiting", "dialog") if _is_in_turn(session) else ("busy", None)


def _is_in_turn(session: Session) -> bool:
    """Whether a busy *session* is in a turn, not just at work in the background."""

    def is_border(entry: SessionEntry) -> bool:
        is_end = entry.get("type") == TURN_CLOSE
        return is_end or entry.get("event") == "UserPromptSubmit"

    border = _last(session, is_border)
    return border is None or border.get("type") != TURN_CLOSE


def _last(
    session: Session, is_wanted: Callable[[SessionEntry], bool]
) -> SessionEntry | None:
    """Return the last entry by the process of *session* that *is_wanted*, or None."""
    from ..store import reader  # few events need it

    pid = session["pid"]
    return reader.last_entry(
        str(session.get("session_id")),
        lambda entry: entry.get("pid") == pid and is_wanted(entry),
    )


def _waits_for(words: str, session: Session) -> WaitingFor:
    if words.startswith(_APPROVES):
        asked = events.asked_by(words.removeprefix(_APPROVES))
    else:
        asked = _WAITS.get(words, "other")
    if session.get("state") == "waiting":
        for better in _REFINEMENTS.get(asked, ()):
            if session.get("waiting_for") == better:
                return better
    return asked


def _elicits_since(since: float | None, session: Session) -> bool:
    """Whether the record says so, and later than *since*, when the file was written.

    Up to 2.1.200 the client calls itself busy while an MCP server asks. No other wait
    on record is newer than the file for long: entries written since repeat it.
    """
    return (
        since is not None
        and session.get("state") == "waiting"
        and session.get("waiting_for") == "elicitation"
        and str(session.get("last_heartbeat")) > timestamps.from_epoch(since)
    )


def _is_before_idle(
    entry: SessionEntry, status: ClientStatus, session: Session
) -> bool:
    """Whether the file still says busy, from before the session became idle.

    The client runs Stop hooks up to a second before it writes that it is idle. If a
    shell runs on, it writes that then.
    """
    return (
        entry.get("status") == "busy"
        and status.since is not None
        and session.get("state") == "idle"
        and str(session.get("state_since") or "") > timestamps.from_epoch(status.since)
    )


def _given_name(entry: SessionEntry) -> str | None:
    name, source = name_of(entry.get("name")), _text(entry, "nameSource")
    if not (name and source):
        return None
    return name if source == "user" else ""


def _seconds(entry: SessionEntry, key: str) -> float | None:
    """Return a time in milliseconds as seconds; None if it is not a plausible one."""
    value = entry.get(key)
    if isinstance(value, (int, float)) and MIN_MILLISECONDS < value < MAX_MILLISECONDS:
        return value / 1000
    return None


def _text(entry: SessionEntry, key: str) -> str:
    value = entry.get(key)
    return value if isinstance(value, str) else ""
