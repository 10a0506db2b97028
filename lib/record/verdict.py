"""Whether a session is alive: from its process and its last heartbeat, four verdicts.

    alive     the process exists, and the last heartbeat is younger than the limit
    stale     the process exists, or cannot be judged, and the heartbeat is older
    dead      the process is gone, reused, a zombie, or of an earlier boot; or the
              session was closed
    unknown   the process cannot be judged from here, and the heartbeat is younger

A session that several processes have open is alive while one of them is.
"""

from __future__ import annotations

import os

from ..system import process
from ..text import humanize
from . import schema, timestamps
from .attached import processes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Process, SessionMetadata, VerdictName


def _ttl_hours(text: str) -> float | None:
    """Return *text* as a number of hours, None unless it is a possible limit."""
    try:
        hours = float(text)
    except ValueError:
        return None
    return hours if MIN_TTL_HOURS <= hours < float("inf") else None


DEFAULT_TTL_HOURS = 24
MIN_TTL_HOURS = 1  # a session at work may be silent for less
_CONFIGURED = os.environ.get("HEADCOUNT_TTL_HOURS", "")
HEARTBEAT_TTL_HOURS = _ttl_hours(_CONFIGURED) or DEFAULT_TTL_HOURS
FINISHED = ("stale", "dead")  # what cleanup archives, and what may be deleted
OPEN = ("alive", "stale", "unknown")  # a process may have the session open


def ttl_problem() -> str | None:
    """Return what is wrong with HEADCOUNT_TTL_HOURS, in a sentence; None if nothing."""
    if not _CONFIGURED or _ttl_hours(_CONFIGURED) is not None:
        return None
    return (
        f"HEADCOUNT_TTL_HOURS is {ascii(_CONFIGURED)[:80]}, which is not a number of "
        f"hours from {MIN_TTL_HOURS} on; the default of {DEFAULT_TTL_HOURS} is used"
    )


def judge(
    metadata: SessionMetadata, now: float, ttl_hours: float = HEARTBEAT_TTL_HOURS
) -> tuple[VerdictName, tuple[str, ...]]:
    """Return the verdict on a folded session at *now* (seconds since the epoch).

    *ttl_hours* is how long it may be silent. Also the reasons, in plain words. Never
    raises, whatever the values: a record written by hand is judged by what it has.
    """
    if metadata.get("state") == "closed":
        return "dead", (_closed(metadata, now),)
    outcomes, why = _probe_all(metadata)
    fresh, heartbeat = _heartbeat(metadata, now, ttl_hours)
    reasons = (*why, heartbeat)
    if outcomes.count(process.GONE) == len(outcomes):
        return "dead", reasons
    if not fresh:
        return "stale", reasons
    return "alive" if process.RUNNING in outcomes else "unknown", reasons


def running_processes(metadata: SessionMetadata) -> list[Process]:
    """Return the processes that have the session open and are not gone."""
    return [
        attached
        for attached in processes_of(metadata)
        if probe(attached)[0] != process.GONE
    ]


def _probe_all(metadata: SessionMetadata) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what `probe` says of each process: the outcomes, and the reasons."""
    if not metadata.get("others"):  # as in nearly every session of a long list
        outcome, reason = probe(metadata)
        return (outcome,), (reason,)
    outcomes, reasons = zip(*map(probe, processes_of(metadata)), strict=True)
    return outcomes, reasons


def probe(attached: Process) -> tuple[str, str]:
    """Return what `process.probe` says of the process."""
    return process.probe(*map(attached.get, schema.PROCESS_KEYS))


def _closed(metadata: SessionMetadata, now: float) -> str:
    closed_at = timestamps.parse(metadata.get("last_heartbeat"))
    ago = "" if closed_at is None else f", {humanize(now - closed_at)} ago"
    return f"closed ({metadata.get('close_reason', 'other')}){ago}"


def _heartbeat(
    metadata: SessionMetadata, now: float, ttl_hours: float
) -> tuple[bool, str]:
    """Return whether the last heartbeat is young enough, and its age in words."""
    latest = timestamps.latest_plausible(now)
    for value in (metadata.get("last_heartbeat"), metadata.get("start_time")):
        text = timestamps.normalize(value)
        if text is None or not timestamps.is_plausible(text, latest):
            continue
        time = timestamps.seconds_of(text)
        if time is not None:
            age = now - time
            if age < ttl_hours * 3600:
                return True, f"last heartbeat {humanize(age)} ago"
            limit = f"{ttl_hours:g} h"
            return False, f"no heartbeat for {humanize(age)} (the limit is {limit})"
    return False, "no heartbeat with a plausible time"
