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

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionMetadata, VerdictName


def _ttl_hours() -> float:
    """Return the limit: HEADCOUNT_TTL_HOURS if it is a positive number, else 24."""
    try:
        hours = float(os.environ.get("HEADCOUNT_TTL_HOURS", ""))
    except ValueError:
        return 24
    return hours if 0 < hours < float("inf") else 24


HEARTBEAT_TTL_HOURS = _ttl_hours()


def judge(metadata: SessionMetadata, now: float) -> tuple[VerdictName, tuple[str, ...]]:
    """Return the verdict on a folded session at *now* (seconds since the epoch).

    Never raises, whatever the values: a hand-written record is judged by what it has.
    """
    if metadata.get("state") == "closed":
        return "dead", (_closed(metadata, now),)
    processes = [metadata, *_others(metadata)]
    outcomes = [
        process.probe(seen.get("pid"), seen.get("process"), seen.get("host"))
        for seen in processes
    ]
    fresh, heartbeat = _heartbeat(metadata, now)
    reasons = (*(reason for _, reason in outcomes), heartbeat)
    found = {outcome for outcome, _ in outcomes}
    if found == {process.GONE}:
        return "dead", reasons
    if not fresh:
        return "stale", reasons
    return "alive" if process.RUNNING in found else "unknown", reasons


def processes_at_work(metadata: SessionMetadata) -> list[SessionMetadata]:
    """Return the session's processes, as pid, process and host, that are not gone."""
    return [
        seen
        for seen in [metadata, *_others(metadata)]
        if process.probe(seen.get("pid"), seen.get("process"), seen.get("host"))[0]
        != process.GONE
    ]


def _others(metadata: SessionMetadata) -> list[SessionMetadata]:
    others = metadata.get("others")
    if not isinstance(others, list):
        return []
    return [seen for seen in others if isinstance(seen, dict)]  # type: ignore[misc]


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
