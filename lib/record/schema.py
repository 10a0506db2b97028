"""The words of the record: types of entries, states, verdicts, fields of line 1.

And the shape of texts that hooks take from elsewhere: what a client or its environment
says is recorded only if it looks like what it should be.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionEntry, State, WaitingFor

METADATA = "session_metadata"
RESUME = "session_resume"
HEARTBEAT = "heartbeat"
TURN_CLOSE = "turn_close"
CLOSE = "session_close"
UPDATE = "session_update"
# Reserved for tools: what they ask a person, and what the person says.
QUESTION, ANSWER = "question", "answer"
# Lines of `headcount export` between the entries, so no entry is of these types.
GAP, CURSOR = "gap", "cursor"
EXPORT_TYPES = (GAP, CURSOR)
LIFECYCLE = frozenset([METADATA, RESUME, HEARTBEAT, TURN_CLOSE, CLOSE])
LIVE_STATES = ("waiting", "busy", "idle")  # the first needs the user most
STATES = (*LIVE_STATES, "closed")
# What a session in the state `waiting` waits for.
WAITS = ("permission", "question", "plan", "elicitation", "dialog", "other")
VERDICTS = ("alive", "unknown", "stale", "dead")
# What a list calls its sessions: a live one by its state, any other by its verdict, and
# of those that are dead the ones that were closed by their state again.
URGENCY = (*LIVE_STATES, "unknown", "stale", "dead", "unreadable", "closed")
TEXT_FIELDS = (
    "cwd",
    "source",
    "project_dir",
    "transcript_path",
    "entrypoint",
    "client_version",
    "previous_session_id",
    "name",
    "branch",
)
# What names a process in an entry, and in the metadata; and what it is doing.
PROCESS_KEYS = ("pid", "process", "host", "machine")
STATE_KEYS = ("state", "waiting_for", "state_since")
MAX_NAME_LENGTH = 256
_MAX_WORD_LENGTH = 64
_MAX_PATH_BYTES = 4096  # PATH_MAX of Linux
_WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-")
# What Claude Code tells the status line, and when. Every later entry carries them.
AMOUNT_FIELDS = ("cost_usd", "context_percent")
USAGE_FIELDS = (*AMOUNT_FIELDS, "usage_time")
_MAX_AMOUNT = 1e9
REMOVABLE_TEXT_FIELDS = ("name", "branch")  # by an empty text
UPDATABLE_TEXT_FIELDS = tuple(key for key in TEXT_FIELDS if key != "source")


def is_lifecycle(entry: SessionEntry) -> bool:
    """Whether *entry* is of a type that Headcount alone writes."""
    kind = entry.get("type")
    return isinstance(kind, str) and kind in LIFECYCLE


def state_of(value: object) -> State | None:
    """Return *value* if it is one of the states, else None."""
    if isinstance(value, str) and value in STATES:
        return value  # type: ignore[return-value]
    return None


def wait_of(value: object) -> WaitingFor | None:
    """Return *value* if it is one of the waits, else None."""
    if isinstance(value, str) and value in WAITS:
        return value  # type: ignore[return-value]
    return None


def word_of(value: object) -> str | None:
    """Return *value* if it is a word, such as `startup` or `2.1.330`, else None."""
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_WORD_LENGTH:
        return None
    return value if _WORD.issuperset(value) else None


def path_of(value: object) -> str | None:
    """Return *value* if it can be the absolute path of a file, else None."""
    if not isinstance(value, str) or not os.path.isabs(value) or "\0" in value:
        return None
    size = len(value.encode("utf-8", "surrogatepass"))
    return value if size <= _MAX_PATH_BYTES else None


def amount_of(value: object) -> float | None:
    """Return *value* if it is a number from 0 to _MAX_AMOUNT, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return value if 0 <= value <= _MAX_AMOUNT else None


def name_of(value: object) -> str | None:
    """Return *value* as a session name of at most MAX_NAME_LENGTH, else None."""
    if not isinstance(value, str) or not value:
        return None
    if not value.isprintable():
        from ..text import printable  # rare, and hooks do without it

        return printable(value, MAX_NAME_LENGTH)
    return value[:MAX_NAME_LENGTH]
