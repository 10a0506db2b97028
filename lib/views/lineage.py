"""Which session came out of which: by /clear, by a fork, or left for another.

A process has one session at a time, and each names the one before it
(`previous_session_id`).
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..model import Session, SessionInfo, SessionMetadata

    # session_id, how, label, on_record and archived
    Relative = dict[str, Any]
    Known = Mapping[str, tuple[SessionMetadata, bool]]

_MOST = 20
_HOW = {"clear": "cleared", "fork": "forked"}


def known(live: list[SessionInfo], archived: list[SessionInfo]) -> Known:
    """Return by id what is on record, and whether it is archived.

    Of one archived several times, the file last heard of.
    """
    found: dict[str, tuple[SessionMetadata, bool]] = {}
    filed = [info.metadata for info in archived if info.metadata is not None]
    for metadata in sorted(filed, key=lambda one: one.get("last_heartbeat", "")):
        found[metadata["session_id"]] = metadata, True
    for info in live:
        if info.metadata is not None:
            found[info.id] = info.metadata, False
    return found


def came_from(session: Session, on_record: Known) -> list[Relative]:
    """Return the chain of sessions before this one, the nearest first, at most 20."""
    chain: list[Relative] = []
    seen = {session["session_id"]}
    child: Mapping[str, Any] = session
    while len(chain) < _MOST:
        before = child.get("previous_session_id")
        if not before or before in seen:
            break
        seen.add(before)
        chain.append(_relative(before, child, on_record))
        child = on_record.get(before, ({}, False))[0]
    return chain


def went_on_as(session: Session, on_record: Known) -> list[Relative]:
    """Return the sessions that name this one as the one before, oldest first."""
    own = session["session_id"]
    children = [
        (metadata.get("start_time", ""), session_id)
        for session_id, (metadata, _) in on_record.items()
        if metadata.get("previous_session_id") == own and session_id != own
    ]
    return [
        _relative(session_id, on_record[session_id][0], on_record)
        for _, session_id in sorted(children)[-_MOST:]
    ]


def _relative(session_id: str, child: Mapping[str, Any], on_record: Known) -> Relative:
    """Return what is told of a session; how it came is on record with the *child*."""
    metadata, archived = on_record.get(session_id, (None, False))
    return {
        "session_id": session_id,
        "how": _HOW.get(child.get("source", ""), "resumed"),
        "label": metadata.get("label") if metadata else None,
        "on_record": metadata is not None,
        "archived": archived,
    }


def line(relative: Relative) -> str:
    """Return a relative in one line, not yet `plain`."""
    told = [
        relative["how"],
        relative["label"],
        "archived" if relative["archived"] else None,
        None if relative["on_record"] else "not on record",
    ]
    return f"{relative['session_id']}  {', '.join(filter(None, told))}"
