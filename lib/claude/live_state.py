"""What a live session is doing now: its record, corrected by what the client says.

No hook runs when a person presses Esc or answers a prompt. So whoever shows a session
also reads the client's own session file; if that has no state, then the end of the
transcript, which shows that a turn was interrupted. Both are evidence beside the
record, and never needed: whatever they hold, nothing here raises.

    live = live_state.current_state(metadata)
    live = live_state.of_alive(metadata)     if it has just been judged to be alive
    last = live_state.on_record(metadata)    if not: what it was doing last
"""

from __future__ import annotations

import time

from ..record import schema, timestamps, verdict
from ..record.attached import processes_of
from ..system import process
from . import session_status

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import LiveState, SessionMetadata
    from .session_status import ClientStatus

_OF_ONE_PROCESS = (*schema.PROCESS_KEYS, *schema.STATE_KEYS)


def current_state(metadata: SessionMetadata, *, now: float | None = None) -> LiveState:
    """Return what the session is doing, what it waits for, and its name.

    *now* is in seconds since the epoch. If the session is not alive then, this is what
    was recorded last. Never raises, whatever the files of the client hold.
    """
    name, _ = verdict.judge(metadata, time.time() if now is None else now)
    return of_alive(metadata) if name == "alive" else on_record(metadata)


def of_alive(metadata: SessionMetadata) -> LiveState:
    """Return what a session that is alive is doing, given its folded *metadata*."""
    session = _of_running_process(metadata)
    live = on_record(session)
    status = session_status.of_session(session)
    if status is not None:
        _apply(live, status)
    elif live["state"] in ("busy", "waiting"):
        _apply_interruption(live, session.get("transcript_path"))
    if process.is_stopped(session.get("pid")):
        live["stopped"] = True
        live["reasons"].append(f"pid {session['pid']} is stopped")
    return live


def on_record(metadata: SessionMetadata) -> LiveState:
    """Return what the session was doing last, as far as its record says."""
    name = metadata.get("name")
    return {
        "state": metadata.get("state"),
        "waiting_for": metadata.get("waiting_for"),
        "state_since": metadata.get("state_since"),
        "name": name,
        "name_source": "user" if name else None,
        "stopped": False,
        "reasons": [],
    }


def _of_running_process(metadata: SessionMetadata) -> SessionMetadata:
    """Return *metadata* with the process last heard of; if it is gone, another one."""
    if not metadata.get("others"):
        return metadata
    for attached in processes_of(metadata):
        identity = (attached.get(key) for key in schema.PROCESS_KEYS)
        if process.probe(*identity)[0] == process.RUNNING:
            own = {k: v for k, v in attached.items() if k in _OF_ONE_PROCESS}
            rest = {k: v for k, v in metadata.items() if k not in _OF_ONE_PROCESS}
            return {**rest, **own}  # type: ignore[typeddict-item]
    return metadata


def _apply(live: LiveState, status: ClientStatus) -> None:
    """Apply the client's *status* to *live*; what it leaves out stays as recorded."""
    recorded = live["state"], live["waiting_for"]
    if status.since is not None:
        live["state_since"] = timestamps.from_epoch(status.since)
    elif recorded != (status.state, status.waiting_for):
        live["state_since"] = None
    live["state"], live["waiting_for"] = status.state, status.waiting_for
    live["reasons"].append(status.evidence)
    if status.name and (status.given_name is not None or not live["name"]):
        live["name"] = status.name
        live["name_source"] = "user" if status.given_name else "client"


def _apply_interruption(live: LiveState, transcript_path: object) -> None:
    """Make the session idle if its transcript ends with a later interruption."""
    if not isinstance(transcript_path, str):
        return
    from . import transcript  # only sessions of older clients need it

    interrupted = transcript.interrupted_at(transcript_path)
    if interrupted is None:
        return
    since = timestamps.from_epoch(interrupted)
    if since > str(live["state_since"] or ""):
        live["state"], live["waiting_for"], live["state_since"] = "idle", None, since
        live["reasons"].append("the transcript ends with an interruption by the user")
