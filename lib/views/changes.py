"""What changes among the sessions from one poll to the next.

A poll lists the folder, reads the files that have changed, and checks every known
process: a session whose client was killed is dead at the next poll, although nothing
was written. What the clients say of the live sessions is read at every poll.

A session is open while it is alive, stale or unknown. It has `started` when it becomes
open, or is open at the first poll, and `ended` when it was closed, is dead or was
archived. In between it has `changed` if the value of one of COMPARED_KEYS has. A
heartbeat alone is not a change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model import SessionInfo
from ..record import timestamps, verdict
from ..store import follow, paths, reader
from ..system import proc
from . import lookup, neighbours, session_view

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .session_view import SessionView

STARTED, CHANGED, ENDED = "started", "changed", "ended"
COMPARED_KEYS = (
    "state",
    "waiting_for",
    "stopped",
    "verdict",
    "label",
    "name",
    "worktree",
)


class Change(NamedTuple):
    """A session that has started, changed or ended.

    *session* is the session now, as `list --json` prints it. *before* has the previous
    values of those of COMPARED_KEYS that have changed.
    """

    event: str
    session: SessionView
    before: dict[str, Any]


def is_open(session: SessionView) -> bool:
    """Whether the session is alive, or may be."""
    return session["verdict"] in verdict.OPEN


def entered(change: Change) -> str | None:
    """Return the state that the session has entered with *change*; None if it has not.

    Another reason to wait counts: it is another question to a person. A session that
    starts idle has not finished anything, so it has not become idle.
    """
    session, now = change.session, session_view.state_of(change.session)
    if change.event == STARTED and now == "idle":
        return None
    if change.event == CHANGED:
        before: SessionView = {**session, **change.before}  # type: ignore[typeddict-item]
        same_wait = before["waiting_for"] == session["waiting_for"]
        return None if same_wait and session_view.state_of(before) == now else now
    return now


class Poller:
    """Finds out what has changed among the live sessions since the last poll."""

    def __init__(self) -> None:
        self._folder = follow.FolderPoller()
        self._infos: dict[tuple[int, int], SessionInfo] = {}  # by the file's identity
        self._sessions: dict[str, SessionView] = {}

    @property
    def sessions(self) -> list[SessionView]:
        """The sessions as of the last poll, as `list --json` prints them."""
        return list(self._sessions.values())

    def poll(self, now: float) -> list[Change]:
        """Return the changes since the last poll; at the first, each open session.

        Raises StoreError if the folder cannot be read; a missing one has no sessions.
        """
        before = self._sessions
        with reader.no_collection(), proc.looking_once():
            archived = _by_id(self._read(now), now, archived=True)
            infos = sorted(self._infos.values(), key=os.fspath)
            self._sessions = _by_id(infos, now, archived=False)
        return between(before, self._sessions, archived)

    def _read(self, now: float) -> list[SessionInfo]:
        """Read the files that have changed; return the sessions that were archived."""
        archived = []
        events = list(self._folder.poll())
        there = dict(reader.metadata_of_all([event.path for event in events], now))
        for event in events:
            if event.kind in (follow.MOVED, follow.GONE):
                self._infos.pop(event.identity, None)
            if event.path not in there:
                continue  # if it was moved since, the next poll says so
            metadata = there[event.path]
            info = SessionInfo(paths.id_of(event.path), event.path, metadata)
            if event.kind == follow.MOVED:
                archived.append(info)
            elif event.kind != follow.GONE:
                self._infos[event.identity] = info
        return archived


def between(
    before: dict[str, SessionView],
    now: dict[str, SessionView],
    archived: dict[str, SessionView],
) -> list[Change]:
    """Return what has changed from the sessions *before* to those *now*.

    All are by a key that is theirs alone. One that is not there any more has ended; it
    is as *archived*, if it is there, else as before.
    """
    return [*_changes(before, now), *_departures(before, now, archived)]


def _changes(
    before: dict[str, SessionView], now: dict[str, SessionView]
) -> Iterator[Change]:
    for key, session in now.items():
        previous = before.get(key)
        event = _event(previous, session)
        differences = _differences(previous, session)
        if event is not None and (event != CHANGED or differences):
            yield Change(event, session, differences)


def _departures(
    before: dict[str, SessionView],
    now: dict[str, SessionView],
    archived: dict[str, SessionView],
) -> Iterator[Change]:
    for key in before.keys() - now.keys():
        if is_open(before[key]):
            yield Change(ENDED, archived.get(key, before[key]), {})


def as_object(change: Change, now: float) -> dict[str, Any]:
    """Return the change as `watch --json` prints it."""
    event = {
        "event": change.event,
        "time": timestamps.from_epoch(now),
        "session": change.session,
    }
    return {**event, "before": change.before} if change.event == CHANGED else event


def _event(before: SessionView | None, now: SessionView) -> str | None:
    was_open = before is not None and is_open(before)
    if is_open(now):
        return CHANGED if was_open else STARTED
    return ENDED if was_open else None


def _differences(
    before: Mapping[str, Any] | None, now: Mapping[str, Any]
) -> dict[str, Any]:
    if before is None:
        return {}
    return {key: before[key] for key in COMPARED_KEYS if before[key] != now[key]}


def _by_id(
    infos: list[SessionInfo], now: float, *, archived: bool
) -> dict[str, SessionView]:
    sessions = lookup.judged(infos, now, archived=archived)
    return {s["session_id"]: s for s in neighbours.annotate(sessions)}
