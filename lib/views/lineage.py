"""Which session came from which: by /clear, by a fork, or left for another session.

A process has one session at a time, and each names the one before it
(`previous_session_id`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model import SessionInfo, SessionMetadata
    from .session_view import SessionView

    # session_id, how, label, on_record and archived
    Relative = dict[str, Any]
    # By id, the metadata of each session, and whether it is archived.
    Sessions = Mapping[str, tuple[SessionMetadata, bool]]

_MAX_RELATIVES = 20
_HOW = {"clear": "cleared", "fork": "forked"}


def by_id(live: list[SessionInfo], archived: list[SessionInfo]) -> Sessions:
    """Return the readable sessions by id, each with whether it is archived.

    Of several archived files of a session, the one with the latest heartbeat counts.
    """
    sessions: dict[str, tuple[SessionMetadata, bool]] = {}
    in_archive = [info.metadata for info in archived if info.metadata is not None]
    for metadata in sorted(in_archive, key=lambda m: m.get("last_heartbeat", "")):
        sessions[metadata["session_id"]] = metadata, True
    for info in live:
        if info.metadata is not None:
            sessions[info.id] = info.metadata, False
    return sessions


def predecessors(session: SessionView, sessions: Sessions) -> list[Relative]:
    """Return the chain of sessions before this one, the nearest first, at most 20."""
    chain: list[Relative] = []
    visited = {session["session_id"]}
    successor: Mapping[str, Any] = session
    while len(chain) < _MAX_RELATIVES:
        previous = successor.get("previous_session_id")
        if not previous or previous in visited:
            break
        visited.add(previous)
        chain.append(_relative(previous, successor, sessions))
        successor = sessions.get(previous, ({}, False))[0]
    return chain


def successors(session: SessionView, sessions: Sessions) -> list[Relative]:
    """Return the sessions that name this one as the previous, oldest first.

    At most 20, the last started.
    """
    own = session["session_id"]
    children = [
        (metadata.get("start_time", ""), session_id)
        for session_id, (metadata, _) in sessions.items()
        if metadata.get("previous_session_id") == own and session_id != own
    ]
    return [
        _relative(session_id, sessions[session_id][0], sessions)
        for _, session_id in sorted(children)[-_MAX_RELATIVES:]
    ]


def _relative(
    session_id: str, successor: Mapping[str, Any], sessions: Sessions
) -> Relative:
    """Describe a session; its *successor* says how it went on."""
    metadata, archived = sessions.get(session_id, (None, False))
    return {
        "session_id": session_id,
        "how": _HOW.get(successor.get("source", ""), "resumed"),
        "label": metadata.get("label") if metadata else None,
        "on_record": metadata is not None,
        "archived": archived,
    }
