"""The types of the record. Imported where types are checked, and by readers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypedDict

if TYPE_CHECKING:
    from pathlib import Path

# One line of a session's file. Other tools' entries have keys of their own.
SessionEntry = dict[str, Any]

State = Literal["busy", "idle", "waiting", "closed"]
WaitingFor = Literal["permission", "question", "plan", "elicitation", "dialog", "other"]
VerdictName = Literal["alive", "stale", "dead", "unknown"]


class Process(TypedDict, total=False):
    """A Claude Code process that has the session open, and since when in its state."""

    pid: int
    process: str
    host: str
    machine: str
    state: State
    waiting_for: WaitingFor
    state_since: str


class Observation(TypedDict, total=False):
    """What an event says of a session; what is absent, or None, stays as recorded.

    `name` is what a person calls the session, `branch` what is checked out in its
    worktree; an empty text removes either. `state_since` is when the state began, in
    seconds since the epoch, where the event knows better than the record. Only the
    status line has what it has cost, how full its context is, and since when that is
    known.
    """

    state: State | None
    waiting_for: WaitingFor | None
    state_since: float | None
    name: str | None
    branch: str | None
    cost_usd: float | None
    context_percent: float | None
    usage_time: str | None


class SessionDetails(TypedDict, total=False):
    """What may be known of a session besides what every command shows of it."""

    tasks: list[Any]
    source: str
    close_reason: str
    project_dir: str
    transcript_path: str
    entrypoint: str
    client_version: str
    previous_session_id: str
    branch: str | None
    cost_usd: float
    context_percent: float
    usage_time: str
    others: list[Process]


class SessionMetadata(Process, SessionDetails, total=False):
    """What a session is now: line 1 of its file, folded with the entries after it.

    Times are timestamps (RFC 3339 UTC, milliseconds). A key without a value is absent.
    `pid`, `process`, `host`, `machine`, and `state` with what it waits for and since
    when, are those of the process last heard of; `others` are further processes that
    have the same session open.
    """

    session_id: str
    cwd: str
    start_time: str
    last_heartbeat: str
    name: str
    label: str


class LiveState(TypedDict):
    """What a session is doing, with the keys that `headcount list --json` has for it.

    `waiting_for` is None unless the session waits. `state_since` is a timestamp, None
    if it is not known. `name_source` is "user" if a person gave the name, "client" if
    the client derived it. `stopped` says whether its process is stopped, as by ctrl-z.
    `reasons` are sentences: the evidence for the state besides the record.
    """

    state: State | None
    waiting_for: WaitingFor | None
    state_since: str | None
    name: str | None
    name_source: Literal["user", "client"] | None
    stopped: bool
    reasons: list[str]


class SessionInfo:
    """A session on disk: its `id`, where it is, and what it is now.

    `metadata` is None if its file holds none that is valid. `path` is a `Path`;
    `os.fspath` gives the same as a text, without `pathlib`, which would cost a list of
    ten thousand a tenth of its time, and a short one more.
    """

    __slots__ = ("_path", "id", "metadata")

    def __init__(
        self,
        id: str,  # noqa: A002  # what it is called everywhere
        path: str | os.PathLike[str],
        metadata: SessionMetadata | None,
    ) -> None:
        self.id = id
        self._path = path
        self.metadata = metadata

    @property
    def path(self) -> Path:
        """Where its file is."""
        from pathlib import Path

        return Path(self._path)

    def __fspath__(self) -> str:
        """Return where its file is, as a text."""
        return os.fspath(self._path)

    def __eq__(self, other: object) -> bool:
        """Whether *other* has the same id, path and metadata."""
        if not isinstance(other, SessionInfo):
            return NotImplemented
        return (self.id, os.fspath(self), self.metadata) == (
            other.id,
            os.fspath(other),
            other.metadata,
        )

    __hash__ = None  # type: ignore[assignment]  # metadata is a dict

    def __repr__(self) -> str:
        """Return the expression that creates it."""
        return f"SessionInfo({self.id!r}, {os.fspath(self)!r}, {self.metadata!r})"


class Verdict(NamedTuple):
    """Whether a session is alive, and why, in plain words."""

    verdict: VerdictName
    reasons: tuple[str, ...]
