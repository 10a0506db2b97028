"""Were hooks installed that are missing now? The record and a backup can tell."""

from __future__ import annotations

import os

from .. import sessions
from ..claude.config_file import BACKUP_SUFFIX
from .store import all_sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..model import SessionEntry, SessionInfo, SessionMetadata

_MAX_READ = 3


def scope(files: Mapping[str, str]) -> tuple[str, str] | None:
    """Return scope and path of the settings in *files* that have a backup of ours."""
    for name, path in files.items():
        if os.path.exists(os.path.realpath(path) + BACKUP_SUFFIX):
            return name, path
    return None


def evidence(events: list[str]) -> str:
    """Say which of *events* hooks have recorded, and when: "; installed before: ...".

    Returns "" if there is no evidence. Without *events*, any event counts. Entries of
    another tool prove nothing.
    """
    for info, metadata in _recorded_by_hooks()[:_MAX_READ]:
        recorded = sorted(_events(info) & set(events)) if events else ["a session"]
        if recorded:
            time = metadata.get("last_heartbeat", "?")
            return f"; installed before: {', '.join(recorded)} recorded by {time}"
    return ""


def _recorded_by_hooks() -> list[tuple[SessionInfo, SessionMetadata]]:
    """Return the sessions that hooks recorded, the last heartbeat first."""
    recorded = [
        (info, info.metadata)
        for info in all_sessions()
        if info.metadata and "transcript_path" in info.metadata
    ]
    return sorted(recorded, key=lambda s: s[1].get("last_heartbeat", ""), reverse=True)


def _events(info: SessionInfo) -> set[str]:
    entries = sessions.load_session_jsonl(info)
    return {event for entry in entries for event in _event(entry)}


def _event(entry: SessionEntry) -> Iterator[str]:
    """Yield the hook event that wrote *entry*, if one did."""
    kind = entry.get("type")
    if kind in ("session_metadata", "session_resume"):
        if entry.get("source") not in (None, "adopted"):
            yield "SessionStart"
    elif kind == "session_close":
        if entry.get("reason") != "replaced":
            yield "SessionEnd"
    elif kind in ("heartbeat", "turn_close"):
        yield str(entry.get("event"))
