"""What changes among the sessions on record, from one look to the next.

    lookout = Lookout()
    while True:
        for change in lookout.look(time.time()):
            ...
        time.sleep(1)

A look lists the folder and reads the files that were written to since the last one, and
asks of each known process whether it is there: a session whose client was killed is
dead at the next look, though nobody wrote so.

A session is on while it is alive, stale or unknown. It has `started` when it is on and
was not, or at the first look, and `ended` when it was closed, is dead or was filed
away. In between it has `changed` if its state, verdict, label or working tree has; a
mere heartbeat is no change.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from ..model import SessionInfo
from ..record import timestamps
from ..store import paths, reader
from . import lookup, neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model import Session

STARTED, CHANGED, ENDED = "started", "changed", "ended"
_ON = frozenset(["alive", "stale", "unknown"])


def is_on(session: Session) -> bool:
    """Whether the session is alive, or may be."""
    return session["verdict"] in _ON


class Change(NamedTuple):
    """That a session has started, changed or ended.

    *session* is the session as it is now, as `list --json` has it. *before* has, of
    state, verdict, label and tree, those that are not as they were, as they were.
    """

    event: str
    session: Session
    before: dict[str, Any]


class _Seen(NamedTuple):
    """A file as it was when it was read."""

    signature: tuple[int, int, int]
    info: SessionInfo


class Lookout:
    """Looks at the live sessions, and says what has changed since the last look."""

    def __init__(self) -> None:
        self._files: dict[str, _Seen] = {}
        self._known: dict[str, Session] = {}
        self._facts: dict[str, dict[str, Any]] = {}

    @property
    def sessions(self) -> list[Session]:
        """The sessions as they were at the last look, as `list --json` has them."""
        return list(self._known.values())

    def look(self, now: float) -> list[Change]:
        """Return what has changed since the last look; at the first, all that are on.

        Raises StoreError if the folder cannot be read; a missing one has no sessions.
        """
        self._files = dict(self._read(now))
        sessions = [
            lookup.judged(seen.info, now, archived=False)
            for seen in self._files.values()
        ]
        known = {s["session_id"]: s for s in neighbours.annotate(sessions)}
        facts = {session_id: _facts(session) for session_id, session in known.items()}
        changes = list(self._changes(known, facts, now))
        self._known, self._facts = known, facts
        return changes

    def _read(self, now: float) -> Iterator[tuple[str, _Seen]]:
        for entry in sorted(paths.session_files(paths.SESSIONS_DIR), key=_name):
            try:
                status = entry.stat(follow_symlinks=False)
                signature = status.st_mtime_ns, status.st_size, status.st_ino
                seen = self._files.get(entry.path)
                if seen is None or seen.signature != signature:
                    seen = _look_at(entry.path, signature, now)
            except FileNotFoundError:
                continue  # filed away since we looked
            yield entry.path, seen

    def _changes(
        self, known: dict[str, Session], facts: dict[str, dict[str, Any]], now: float
    ) -> Iterator[Change]:
        for session_id, session in known.items():
            was, now_is = self._facts.get(session_id, {}), facts[session_id]
            before = {key: was[key] for key in was if was[key] != now_is[key]}
            event = _event(was.get("verdict") in _ON, now_is["verdict"] in _ON)
            if event is not None and (event != CHANGED or before):
                yield Change(event, session, before)
        for session_id in self._known.keys() - known.keys():
            if self._facts[session_id]["verdict"] in _ON:
                ended = _filed_away(session_id, now) or self._known[session_id]
                yield Change(ENDED, ended, {})


def as_object(change: Change, now: float) -> dict[str, Any]:
    """Return the change as `watch --json` prints it."""
    told = {
        "event": change.event,
        "time": timestamps.from_epoch(now),
        "session": change.session,
    }
    return {**told, "before": change.before} if change.event == CHANGED else told


def _event(was_on: bool, is_on: bool) -> str | None:
    if is_on:
        return CHANGED if was_on else STARTED
    return ENDED if was_on else None


def _facts(session: Session) -> dict[str, Any]:
    return {key: session[key] for key in ("state", "verdict", "label", "worktree")}


def _look_at(path: str, signature: tuple[int, int, int], now: float) -> _Seen:
    """Read the file at *path*; raise FileNotFoundError if it is not there."""
    session_id = os.path.basename(path).removesuffix(paths.SUFFIX)
    metadata = reader.metadata_at(path, now)
    return _Seen(signature, SessionInfo(session_id, path, metadata))


def _filed_away(session_id: str, now: float) -> Session | None:
    """Return the session as the archive has it now, if it does."""
    for path in paths.archived_paths(session_id):
        try:
            seen = _look_at(path, (0, 0, 0), now)
        except FileNotFoundError:
            continue
        session = lookup.judged(seen.info, now, archived=True)
        return neighbours.annotate([session])[0]
    return None


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name
