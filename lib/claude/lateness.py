"""Whether an event is too late to say what a session does now.

The client need not wait for the hook of a prompt, of a tool's result or, in a terminal,
of the end of a turn, and tools run side by side. By the time that a slow hook records
its event, the session may be waiting for the person, the turn may have ended, or the
next one begun, and then it stays so.

    is_outdated(payload, recorded, began_at)     the record is newer
    is_in_next_turn(recorded, began_at)          the client is, says its own file

*began_at* is when the client started the hook, in seconds since the epoch.
"""

from __future__ import annotations

import time

from ..record import timestamps
from . import events

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionMetadata
    from .events import Payload

# At least, from a request to use a tool to its result: a sooner one is another tool's.
FASTEST_TOOL_SECONDS = 0.02
# Processes that start within one tick of the clock seem to start at one time, give or
# take this. Then a tool's result, or the end of a turn, is the earlier of two events.
_SAME_TICK_SECONDS = 0.002
_LATE_SECONDS = 0.3


def is_outdated(payload: Payload, recorded: SessionMetadata, began_at: float) -> bool:
    """Whether the session is in a state that began later than the event.

    A session of which only line 1 is on record is in no state that an event has
    reported. If a state began later than now, the clock was set back, and the event is
    the newer.
    """
    event, since = payload.get("hook_event_name"), recorded.get("state_since", "")
    if not events.may_be_late(event) or since == recorded.get("start_time"):
        return False
    margin = _SAME_TICK_SECONDS
    if event == "PostToolUse" and recorded["state"] == "waiting":
        margin = FASTEST_TOOL_SECONDS
    elif event == "UserPromptSubmit":
        margin = 0.0
    began = timestamps.from_epoch(began_at - margin)
    return began < since <= timestamps.from_epoch(time.time())


def is_in_next_turn(recorded: SessionMetadata, began_at: float) -> bool:
    """Whether the client was busy again before a late hook could record its Stop.

    No event tells of the turn of a queued prompt. FileChanged does, but it may have
    found the session busy still, with nothing to record.
    """
    if time.time() - began_at < _LATE_SECONDS:
        return False
    from . import session_status

    status = session_status.of_session(recorded)
    if status is None or status.since is None:
        return False
    return status.state == "busy" and status.since > began_at
