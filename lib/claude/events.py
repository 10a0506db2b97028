"""The hook events of Claude Code that matter here: since when, and what they mean.

Before 2.1.101 the client drops a whole settings file for one event name that it does
not know. So only events that every client in use knows may be installed.

    events_known_to(["2.1.332 (Claude Code)"])   what the installer may write
    state_of(payload)                            what one event says
    state_after(payload, state, waiting_for)     what follows, given what is on record
    may_be_late(event)                           others may be on record before it
    is_inconclusive(payload, state)              ask the client's file first

A hook imports this on every event, so it imports nothing itself.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from ..model import State, WaitingFor

    Payload = Mapping[str, Any]
    Version = tuple[int, ...]
    # A state and what it waits for. None, None: the event does not say.
    Status = tuple[State | None, WaitingFor | None]


class Event:
    """A hook event: the client version that introduced it, and its script in `hooks/`.

    *script* None: it is never installed. *state* is what the event says by its name
    alone; None if that depends on the payload, or on nothing a hook is given. Clients
    from *async_since* on need not wait for its hook; None if all must.
    """

    __slots__ = ("async_since", "name", "script", "since", "state")

    def __init__(
        self,
        name: str,
        since: Version,
        script: str | None,
        state: State | None,
        *,
        async_since: Version | None = None,
    ) -> None:
        self.name = name
        self.since = since
        self.script = script
        self.state = state
        self.async_since = async_since


# Measured: if an asynchronous hook still runs when `claude -p` ends, 2.1.332 kills it,
# and by then Stop is on record; 2.1.200 does not run SessionEnd. The client's changelog
# says: up to 2.1.118 each such hook leaves an empty entry in the transcript, and up to
# 2.1.74 a line on the screen.
_ASYNC: Version = (2, 1, 332)
# In the order in which they are installed.
EVENTS = (
    Event("SessionStart", (1, 0, 62), "session_start", "idle"),
    Event("UserPromptSubmit", (1, 0, 54), "heartbeat", "busy", async_since=_ASYNC),
    Event("PostToolUse", (1, 0, 38), "heartbeat", "busy", async_since=_ASYNC),
    Event("Notification", (1, 0, 38), "heartbeat", None),
    Event("PermissionRequest", (2, 0, 45), "heartbeat", "waiting"),
    Event("Elicitation", (2, 1, 76), "heartbeat", "waiting"),
    Event("ElicitationResult", (2, 1, 76), "heartbeat", "busy"),
    # On the client's own session file, which then has the state.
    Event("FileChanged", (2, 1, 83), "heartbeat", None),
    Event("Stop", (1, 0, 38), "stop", "idle", async_since=_ASYNC),
    Event("StopFailure", (2, 1, 78), "stop", "idle"),
    Event("SessionEnd", (1, 0, 85), "session_end", "closed"),
    # The client shows their command line to the user after each /compact.
    Event("PreCompact", (1, 0, 48), None, None),
    Event("PostCompact", (2, 1, 76), None, None),
)
OLDEST_CLIENT: Version = (1, 0, 85)

# What waits for the person, by the tool that asks. Any other asks for permission.
_ASKING_TOOLS: dict[str, WaitingFor] = {
    "AskUserQuestion": "question",
    "ExitPlanMode": "plan",
}
_NOTIFICATIONS: dict[str, Status] = {
    "permission_prompt": ("waiting", "permission"),
    "worker_permission_prompt": ("waiting", "permission"),
    "elicitation_dialog": ("waiting", "elicitation"),
    "elicitation_url_dialog": ("waiting", "elicitation"),
    "agent_needs_input": ("waiting", "dialog"),
    "elicitation_response": ("busy", None),
    "idle_prompt": ("idle", None),
}
_UNSPECIFIC: tuple[WaitingFor | None, ...] = (None, "dialog", "other")
_NOTHING: Status = (None, None)


# ---- Which events may be installed ----------------------------------------------


def events_known_to(versions: Iterable[str]) -> dict[str, bool]:
    """Return the events to install that all client *versions* know.

    Each name comes with whether its hook may be asynchronous in all of them. A version
    is as `claude --version` or a record has it. Without any, and for one that cannot be
    read, only what every client since OLDEST_CLIENT knows.
    """
    clients = [parse_version(version) or OLDEST_CLIENT for version in versions]
    oldest = min(clients, default=OLDEST_CLIENT)
    return {
        event.name: event.async_since is not None and event.async_since <= oldest
        for event in EVENTS
        if event.script and event.since <= oldest
    }


def parse_version(text: str) -> Version | None:
    """Return `2.1.332 (Claude Code)` as (2, 1, 332); None if it is not a version."""
    number = text.strip().partition(" ")[0].partition("-")[0]
    parts = number.removeprefix("v").split(".")
    if len(parts) != len(OLDEST_CLIENT):
        return None
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):  # noqa: PLR2004
        return None
    return tuple(map(int, parts))


# ---- What an event says ---------------------------------------------------------


def state_of(payload: Payload) -> Status:
    """Return the state that the event says by itself, and what it waits for.

    None, None if it says neither: the session is alive, no more. So does FileChanged,
    which says that the client's session file has news.
    """
    event = payload.get("hook_event_name")
    if event == "Notification":
        return _notified(payload)
    if event == "PermissionRequest":
        return "waiting", asked_by(payload.get("tool_name"))
    if event == "Elicitation":
        return "waiting", "elicitation"
    if event == "Stop" and runs_in_background(payload):
        return "busy", None
    return next((row.state for row in EVENTS if row.name == event), None), None


def state_after(
    payload: Payload, state: object, waiting_for: WaitingFor | None
) -> Status:
    """Return the state after the event, for a session recorded as in *state*.

    None, None where it stays as recorded. A subagent may go on after the turn, so its
    events can begin or end a wait, no more. A notice comes seconds after the request
    itself, which knew better what is asked.
    """
    after = state_of(payload)
    ends_wait = after[0] == "busy" and state == "waiting"
    if payload.get("agent_id") and after[0] != "waiting" and not ends_wait:
        return _NOTHING
    is_notice = payload.get("hook_event_name") == "Notification"
    if is_notice and after[0] == state == "waiting":
        return "waiting", after[1] if waiting_for in _UNSPECIFIC else waiting_for
    return after


def may_be_late(event: object) -> bool:
    """Whether clients need not wait for the hook of *event*, so others may overtake."""
    return any(row.async_since for row in EVENTS if row.name == event)


def is_inconclusive(payload: Payload, state: object) -> bool:
    """Whether the client's session file knows better what the session does now.

    FileChanged says nothing else. A notice that a session is idle also comes while its
    background work runs, and the result of a tool while another tool waits.
    """
    event = payload.get("hook_event_name")
    if event == "PostToolUse":
        return state == "waiting"
    is_notice = event == "Notification"
    return event == "FileChanged" or (is_notice and state_of(payload)[0] == "idle")


def asked_by(tool: object) -> WaitingFor:
    """Return what a person is asked for when the client asks before it runs *tool*."""
    return _ASKING_TOOLS.get(str(tool), "permission")


def runs_in_background(payload: Payload) -> bool:
    """Whether a Stop leaves shells or subagents running (named since 2.1.145)."""
    tasks = payload.get("background_tasks")
    return isinstance(tasks, list) and any(
        isinstance(task, dict) and task.get("status", "running") == "running"
        for task in tasks
    )


def _notified(payload: Payload) -> Status:
    if "notification_type" in payload:
        return _NOTIFICATIONS.get(str(payload["notification_type"]), _NOTHING)
    # Clients before 2.0.37 give the sentence only.
    asks = "permission" in str(payload.get("message"))
    return _NOTIFICATIONS["permission_prompt" if asks else "idle_prompt"]
