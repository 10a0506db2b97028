"""What an entry says, in words for people; not yet `printable`."""

from __future__ import annotations

from ...record import schema
from ...text import count
from .. import formatting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ...model import SessionEntry

_STARTS = {
    "resume": "resumed",
    "compact": "compacted",
    "clear": "started after /clear",
    "fork": "started as a fork",
    "adopted": "recorded from here on",
}
_WAITS = {
    "permission": "waits for permission",
    "question": "waits for an answer",
    "plan": "waits for approval of a plan",
    "elicitation": "waits for input that an MCP server asks for",
    "dialog": "waits at a dialog",
}
_STATES = {"busy": "is busy", "idle": "is idle", "waiting": "waits for you"}
_PROMPT = "UserPromptSubmit"


def sentence(entry: SessionEntry) -> str:
    """Return what *entry* says: a predicate about its session.

    An entry of another tool is its type and its own fields as JSON.
    """
    kind = entry.get("type")
    if kind in (schema.METADATA, schema.RESUME):
        started = "started" if kind == schema.METADATA else "resumed"
        return _STARTS.get(str(entry.get("source")), started)
    if kind == schema.HEARTBEAT:
        return "got a prompt" if entry.get("event") == _PROMPT else _state(entry)
    if kind == schema.TURN_CLOSE:
        return _turn(entry)
    if kind == schema.CLOSE:
        reason = entry.get("reason")
        return f"closed: {reason}" if reason else "closed"
    if kind == schema.UPDATE:
        return _update(entry)
    return custom(entry)


def custom(entry: SessionEntry) -> str:
    """Return the type of *entry* and its own fields as JSON."""
    fields = formatting.own_fields(entry)
    text = formatting.compact_json(fields) if fields else ""
    return f"{entry.get('type', formatting.NONE)}  {text}".rstrip()


def _state(entry: SessionEntry) -> str:
    state = str(entry.get("state", "busy"))
    if state == "waiting":
        return _WAITS.get(str(entry.get("waiting_for")), _STATES["waiting"])
    return _STATES.get(state, state)


def _turn(entry: SessionEntry) -> str:
    if entry.get("event") == "StopFailure":
        return "ended its turn with an error"
    goes_on = entry.get("state") == "busy"
    return f"ended its turn{', tasks run on in the background' * goes_on}"


def _update(entry: SessionEntry) -> str:
    """Return what was set; by hand, an update may hold anything."""
    texts = []
    if "label" in entry:
        label = entry["label"]
        texts.append(f"label: {label}" if label else "label removed")
    if isinstance(entry.get("tasks"), list):
        texts.append(count(len(entry["tasks"]), "task"))
    return ", ".join(texts) or custom(entry)
