"""Who is alive: two witnesses, the process and the last heartbeat, and four verdicts.

    alive     the process is there, and its last heartbeat is younger than the limit
    stale     the process is there, or cannot be judged, and the heartbeat is older
    dead      the process is gone, reused, a zombie, or of an earlier boot; or the
              session was closed
    unknown   the process cannot be judged from here; the heartbeat is young enough

A session that several processes have open is alive while one of them is.
"""

from __future__ import annotations

import os

from ..system import process
from ..text import humanize
from . import timestamps
from .attached import processes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import Process, SessionMetadata, VerdictName


def _ttl_hours() -> float:
    """Return the limit: HEADCOUNT_TTL_HOURS if it is a positive number, else 24."""
    try:
        hours = float(os.environ.get("HEADCOUNT_TTL_HOURS", ""))
    except ValueError:
        return 24
    return hours if 0 < hours < float("inf") else 24


HEARTBEAT_TTL_HOURS = _ttl_hours()
FINISHED = ("stale", "dead")  # what cleanup archives, and what may be deleted
OPEN = ("alive", "stale", "unknown")  # a process may have the session open


def judge(metadata: SessionMetadata, now: float) -> tuple[VerdictName, tuple[str, ...]]:
    """Return the verdict on a folded session at *now* (seconds since the epoch).

    Never raises, whatever the values: a hand-written record is judged by what it has.
    """
    if metadata.get("state") == "closed":
        return "dead", (_closed(metadata, now),)
    outcomes = [_probe(attached) for attached in processes_of(metadata)]
    fresh, heartbeat = _heartbeat(metadata, now)
    reasons = (*(reason for _, reason in outcomes), heartbeat)
    found = {outcome for outcome, _ in outcomes}
    if found == {process.GONE}:
        return "dead", reasons
    if not fresh:
        return "stale", reasons
    return "alive" if process.RUNNING in found else "unknown", reasons


def running_processes(metadata: SessionMetadata) -> list[Process]:
    """Return the processes that have the session open and are not gone."""
    return [
        attached
        for attached in processes_of(metadata)
        if _probe(attached)[0] != process.GONE
    ]


def _probe(attached: Process) -> tuple[str, str]:
    return process.probe(
        attached.get("pid"), attached.get("process"), attached.get("host")
    )


def _closed(metadata: SessionMetadata, now: float) -> str:
    when = timestamps.parse(metadata.get("last_heartbeat"))
    ago = "" if when is None else f", {humanize(now - when)} ago"
    return f"closed ({metadata.get('close_reason', 'other')}){ago}"


def _heartbeat(metadata: SessionMetadata, now: float) -> tuple[bool, str]:
    """Say whether the last heartbeat is young enough, and how old it is."""
    times = (metadata.get("last_heartbeat"), metadata.get("start_time"))
    for when in map(timestamps.parse, times):
        if when is not None and timestamps.is_plausible(
            timestamps.from_epoch(when), timestamps.latest_plausible(now)
        ):
            age = now - when
            limit = f"{HEARTBEAT_TTL_HOURS:g} h"
            if age < HEARTBEAT_TTL_HOURS * 3600:
                return True, f"last heartbeat {humanize(age)} ago"
            return False, f"no heartbeat for {humanize(age)} (the limit is {limit})"
    return False, "no heartbeat with a time to be believed"
