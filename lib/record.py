"""What a session is now: its metadata entry, folded with what came later.

Read from the head and the tail of the file alone. That is enough because every
lifecycle entry carries what must not be lost from sight: the process, further
processes that have the session open (`others`), and a label or tasks set later.
"""

from __future__ import annotations

import os

from . import clock, journal, jsonl, process, store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .model import Process, SessionEntry, SessionMetadata, State

METADATA = "session_metadata"
RESUME = "session_resume"
HEARTBEAT = "heartbeat"
TURN_CLOSE = "turn_close"
CLOSE = "session_close"
UPDATE = "session_update"
LIFECYCLE = frozenset([METADATA, RESUME, HEARTBEAT, TURN_CLOSE, CLOSE])
STATES = frozenset(["busy", "idle", "waiting", "closed"])
LIVE_STATES = STATES - {"closed"}

_BEGINNING = b'{"type":"session_metadata"'
_MARKS = tuple(f'"{kind}"'.encode() for kind in sorted(LIFECYCLE | {UPDATE}))
TEXTS = (
    "cwd",
    "source",
    "project_dir",
    "transcript_path",
    "entrypoint",
    "client_version",
    "previous_session_id",
)


class Record:
    """A session as read: `metadata` folded, `first` its metadata entry as written."""

    __slots__ = ("first", "metadata")

    def __init__(self, first: SessionEntry, metadata: SessionMetadata) -> None:
        self.first = first
        self.metadata = metadata


def read(path: str, now: float) -> Record | None:
    """Return the session in the file at *path*, or None if it holds no valid metadata.

    Takes no lock, reads a bounded part of the file, and never writes.
    Raises FileNotFoundError, StoreError (not a file of ours), OSError.
    """
    descriptor = journal.open_to_read(path)
    try:
        status = os.fstat(descriptor)
        first, entries, end = _look_for_metadata(
            descriptor, status.st_size, store.id_of(path)
        )
        if first is None:
            return None
        tail, gap = _read_tail(descriptor, end, status.st_size)
    finally:
        os.close(descriptor)
    fold = _Fold(first, now)
    if gap:
        fold.forget(later_known=any(map(_is_lifecycle, tail)))
    else:
        fold.apply_all(entries)  # those of the head that come after it
    fold.apply_all(tail)
    return Record(first, fold.result(min(status.st_mtime, now)))


def has_metadata(path: str) -> bool:
    """Whether `read` would find valid metadata, at a cost that does not grow."""
    descriptor = journal.open_to_read(path)
    try:
        size = os.fstat(descriptor).st_size
        return _look_for_metadata(descriptor, size, store.id_of(path))[0] is not None
    finally:
        os.close(descriptor)


def begins_with_metadata(path: str) -> bool:
    """Whether the first valid entry is the metadata of the session it is named by.

    What is not proven so to be a session's file is never moved.
    """
    return _is_metadata(next(_entries(_head(path)), {}), store.id_of(path))


def may_be_begun(path: str) -> bool:
    """Whether a file without valid metadata is one that a crash left of ours.

    It is empty, or NULs, or begins with a torn metadata line, or with entries of the
    session it is named by. A stranger's file, as a transcript of Claude Code that has
    the same id for a name, is none of these. One so long that metadata added to it
    would not be found is not begun either.
    """
    head = _head(path)
    if os.stat(path).st_size > journal.HEAD_BYTES // 2:
        return False
    first = next(_entries(head), None)
    if first is not None:
        return first.get("session_id") == store.id_of(path)
    start = b"\n".join(head).strip(b"\0")[: len(_BEGINNING)]
    return _BEGINNING.startswith(start)


def _look_for_metadata(
    descriptor: int, size: int, session_id: str
) -> tuple[SessionEntry | None, Iterator[SessionEntry], int]:
    """Return the metadata entry, the entries of the head after it, and its end.

    It is line 1, so the first block has it, unless a crash has torn that line and it
    was added later.
    """
    end = 0
    entries: Iterator[SessionEntry] = iter(())
    for most in (journal.BLOCK_BYTES, journal.HEAD_BYTES):
        head, end = journal.read_head(descriptor, size, most)
        entries = _entries(head)
        for entry in entries:
            if _is_metadata(entry, session_id):
                return entry, entries, end
        if size <= most:
            break
    return None, entries, end


def _head(path: str) -> list[bytes]:
    descriptor = journal.open_to_read(path)
    try:
        size = os.fstat(descriptor).st_size
        return journal.read_head(descriptor, size, journal.HEAD_BYTES)[0]
    finally:
        os.close(descriptor)


def _is_lifecycle(entry: SessionEntry) -> bool:
    kind = entry.get("type")
    return isinstance(kind, str) and kind in LIFECYCLE


def _entries(lines: Iterable[bytes]) -> Iterator[SessionEntry]:
    for line in lines:
        entry = jsonl.decode(line) if line else None
        if entry is not None:
            yield entry


def _ours(lines: Iterable[bytes]) -> Iterator[SessionEntry]:
    """Yield the entries that bear on the session; most others are not even decoded."""
    return _entries(line for line in lines if any(mark in line for mark in _MARKS))


def _is_metadata(entry: SessionEntry, session_id: str) -> bool:
    return entry.get("type") == METADATA and entry.get("session_id") == session_id


def _read_tail(
    descriptor: int, start: int, size: int
) -> tuple[list[SessionEntry], bool]:
    """Return what bears on the session, back to the last lifecycle entry or further.

    Also whether anything between *start* and there was left unread.
    """
    found: list[SessionEntry] = []
    reached = size
    for low, lines in journal.read_backwards(descriptor, start, size):
        reached = low
        found[:0] = _ours(lines)
        if any(map(_is_lifecycle, found)):
            break
    return found, reached > start


class _Fold:
    """The metadata entry, and what the entries after it make of it."""

    def __init__(self, first: SessionEntry, now: float) -> None:
        self._latest = clock.latest_trusted(now)
        self._host = first.get("host")
        self._known: dict[str, object] = {"session_id": first["session_id"]}
        self._open: dict[str, Process] = {}
        self._closed: set[str] = set()
        self._last: Process = {}
        self._newest = ""
        self._start = ""
        self._ahead = False
        self._updated: set[str] = set()
        start = clock.canonical(first.get("start_time"))
        if start is not None:
            self._known["start_time"] = self._start = start
        self._see_time(first.get("last_heartbeat"))
        self._copy_texts(first, TEXTS)
        self._see_label(first, carried=True)
        self._begin(first, "idle")

    def apply_all(self, entries: Iterable[SessionEntry]) -> None:
        for entry in entries:
            self._apply(entry)

    def forget(self, *, later_known: bool) -> None:
        """Forget the processes seen so far: what was left unread may have ended them.

        If nothing is known from later either, the file's own time is left to go by.
        """
        self._open.clear()
        self._last = {}
        self._ahead = not later_known

    def result(self, modified: float) -> SessionMetadata:
        """Return the folded metadata; *modified* is the file's time, at most now."""
        current = self._current()
        metadata: SessionMetadata = {**self._known, **current}  # type: ignore[typeddict-item]
        metadata["state"] = current.get("state", "idle")
        others = [seen for seen in self._open.values() if seen is not current]
        if others:
            metadata["others"] = others
        metadata["last_heartbeat"] = self._last_heartbeat(modified)
        if metadata["state"] != "closed":
            metadata.pop("close_reason", None)
        return metadata

    def _apply(self, entry: SessionEntry) -> None:
        kind = entry.get("type")
        if _is_lifecycle(entry):
            self._see_time(entry.get("timestamp"))
            self._see_label(entry, carried=True)
        if kind == UPDATE:
            self._see_label(entry, carried=False)
        elif kind == RESUME:
            self._copy_texts(entry, (key for key in TEXTS if key != "source"))
            self._begin(entry, self._state_at_resume(entry))
        elif kind == CLOSE:
            self._close(entry)
        elif kind in (HEARTBEAT, TURN_CLOSE):
            self._see_process(entry, entry.get("state"))

    def _state_at_resume(self, entry: SessionEntry) -> State:
        """A compaction happens within a turn or between two; it changes no state."""
        return self._state_before() if entry.get("source") == "compact" else "idle"

    def _begin(self, entry: SessionEntry, state: object) -> None:
        self._open.clear()
        self._closed.clear()
        self._see_process(entry, state)

    def _see_process(self, entry: SessionEntry, state: object) -> None:
        self._see_others(entry)
        seen = self._process_of(entry) or self._last.copy()
        seen["state"] = _state(state) or self._state_before()
        self._last = seen
        key = _key(seen)
        if key:
            self._open[key] = seen
            self._closed.discard(key)

    def _state_before(self) -> State:
        before = self._last.get("state", "idle")
        return "idle" if before == "closed" else before

    def _close(self, entry: SessionEntry) -> None:
        closing = self._process_of(entry) or self._last.copy()
        closing["state"] = "closed"
        self._closed.add(_key(closing))
        self._open.clear()
        self._see_others(entry)
        self._last = closing
        reason = entry.get("reason")
        self._known["close_reason"] = reason if isinstance(reason, str) else "other"

    def _see_others(self, entry: SessionEntry) -> None:
        others = entry.get("others")
        for other in others if isinstance(others, list) else []:
            seen = self._process_of(other) if isinstance(other, dict) else None
            if seen and _key(seen) not in self._closed:
                seen["state"] = _state(other.get("state")) or "idle"
                self._open.setdefault(_key(seen), seen)

    def _process_of(self, entry: SessionEntry) -> Process | None:
        """Return the process that the entry names, or None.

        Without a host it is the one of line 1: entries carry theirs where it differs.
        """
        pid, known = entry.get("pid"), entry.get("process")
        host = entry.get("host", self._host)
        if not process.is_pid(pid):
            return None
        seen: Process = {"pid": pid}
        if isinstance(known, str):
            seen["process"] = known
        if isinstance(host, str):
            seen["host"] = host
        return seen

    def _current(self) -> Process:
        """The process last heard of; if it closed and another has not, that one."""
        if self._last.get("state") == "closed" and self._open:
            return list(self._open.values())[-1]
        return self._last

    def _see_time(self, value: object) -> None:
        when = clock.canonical(value)
        if when is None:
            return
        if clock.is_trusted(when, self._latest):
            self._newest = max(self._newest, when)
        elif when > self._newest:
            self._ahead = True

    def _last_heartbeat(self, modified: float) -> str:
        """The newest time of all lifecycle entries.

        An entry from the future says nothing; then the file's own time does, which is
        never later than now. Without any, the start, and then the file's time.
        """
        if self._ahead:
            return max(self._newest, clock.stamp(modified))
        return self._newest or self._start or clock.stamp(modified)

    def _see_label(self, entry: SessionEntry, *, carried: bool) -> None:
        """Take label and tasks from an update, or as an entry of ours carries them.

        What is carried is never newer than an update that was read before it.
        """
        for key, kind in (("label", str), ("tasks", list)):
            value = entry.get(key)
            if not isinstance(value, kind) or (carried and key in self._updated):
                continue
            self._known[key] = value
            if not carried:
                self._updated.add(key)
        if not self._known.get("label"):
            self._known.pop("label", None)

    def _copy_texts(self, entry: SessionEntry, keys: Iterable[str]) -> None:
        for key in keys:
            value = entry.get(key)
            if isinstance(value, str):
                self._known[key] = value


def _state(value: object) -> State | None:
    known = isinstance(value, str) and value in STATES
    return value if known else None  # type: ignore[return-value]


def _key(seen: Process) -> str:
    """Return what tells a session's processes apart; empty if none is known."""
    return seen.get("process") or str(seen.get("pid", ""))
