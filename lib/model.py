"""The shapes of the record. Imported where types are checked, and by readers."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  # so that get_type_hints works
from typing import Any, Literal, NamedTuple, TypedDict

# One line of a session's file. Other tools' entries have keys of their own.
SessionEntry = dict[str, Any]
# A session as commands show it: the metadata, the verdict, and what is around it.
Session = dict[str, Any]

State = Literal["busy", "idle", "waiting", "closed"]
VerdictName = Literal["alive", "stale", "dead", "unknown"]


class Process(TypedDict, total=False):
    """A Claude Code process that has the session open."""

    pid: int
    process: str
    host: str
    state: State


class SessionMetadata(TypedDict, total=False):
    """What a session is now: line 1 of its file, folded with what came later.

    Times are stamps (RFC 3339 UTC, milliseconds). A key without a value is absent.
    `pid`, `process`, `host` and `state` are those of the process last heard of;
    `others` are further processes that have the same session open.
    """

    session_id: str
    pid: int
    process: str
    host: str
    cwd: str
    start_time: str
    last_heartbeat: str
    state: State
    label: str
    tasks: list[Any]
    source: str
    close_reason: str
    project_dir: str
    transcript_path: str
    entrypoint: str
    client_version: str
    previous_session_id: str
    others: list[Process]


class SessionInfo(NamedTuple):
    """A session on disk. `metadata` is None if its file holds none that is valid."""

    id: str
    path: Path
    metadata: SessionMetadata | None


class Verdict(NamedTuple):
    """Whether a session is alive, and why we believe so, in plain words."""

    verdict: VerdictName
    reasons: tuple[str, ...]
