"""A session, read from the two ends of its file alone; see `record.fold`."""

from __future__ import annotations

import os

from ..record import jsonl
from ..record.fold import fold
from ..record.schema import LIFECYCLE, METADATA, UPDATE, is_lifecycle
from . import journal, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import SessionEntry
    from ..record.fold import Snapshot
    from .journal import ReadAt

    Ends = tuple[list[SessionEntry], list[SessionEntry], bool]

OURS, TORN, FOREIGN = "ours", "torn", "foreign"
_BEGINNING = b'{"type":"session_metadata"'
_MARKS = tuple(f'"{kind}"'.encode() for kind in sorted(LIFECYCLE | {UPDATE}))


def read(path: str, now: float) -> Snapshot | None:
    """Return the session in the file at *path*, or None if it holds no valid metadata.

    Takes no lock, reads a bounded part of the file, and never writes.
    Raises FileNotFoundError, StoreError (not a regular file of this user), OSError.
    """
    descriptor, status = journal.open_ours(path)
    try:
        return folded(journal.reading(descriptor), status, path, now)
    finally:
        os.close(descriptor)


def read_open(descriptor: int, path: str, now: float) -> Snapshot | None:
    """Return what `read` would of the file at *path*, open as *descriptor*."""
    return folded(journal.reading(descriptor), os.fstat(descriptor), path, now)


def folded(
    read: ReadAt, status: os.stat_result, path: str, now: float
) -> Snapshot | None:
    """Return what `read` would of the file at *path*, whose bytes *read* returns."""
    head, tail, is_whole = read_ends(read, status.st_size, paths.id_of(path))
    if not head:
        return None
    return fold(head, tail, is_whole=is_whole, modified=status.st_mtime, now=now)


def read_ends(read: ReadAt, size: int, session_id: str) -> Ends:
    """Return head, tail, and whether nothing between them is missing.

    The head begins with the metadata entry, and is empty without one. The tail
    goes back to the last lifecycle entry; only without one is the rest of the head
    decoded.
    """
    first, rest, end = _find_metadata(read, size, session_id)
    if first is None:
        return [], [], True
    tail, start = _read_tail(read, end, size) if end < size else ([], end)
    is_whole = start == end
    head = [first]
    if is_whole and not (tail and is_lifecycle(tail[0])):
        head += _entries(rest.split(b"\n"))
    return head, tail, is_whole


def has_metadata(path: str) -> bool:
    """Whether `read` would find valid metadata, at a cost that does not grow."""
    descriptor, status = journal.open_ours(path)
    try:
        read = journal.reading(descriptor)
        first, _, _ = _find_metadata(read, status.st_size, paths.id_of(path))
        return first is not None
    finally:
        os.close(descriptor)


def classify(path: str) -> str:
    """Return whether the file at *path* is a session's: OURS, TORN or FOREIGN.

    OURS: its first valid entry is the metadata of the session it is named by. Only
    such a file is ever moved or deleted.

    TORN: a crash left it without that, and metadata can be added to it. It is empty, or
    NULs, or begins with a torn metadata line or with entries of that session; and it is
    so short that the metadata would be found.

    FOREIGN: anything else, such as a transcript of Claude Code, which has the session's
    id for a name. Raises what `read` raises.
    """
    descriptor, _ = journal.open_ours(path)
    try:
        return classify_open(descriptor, path)
    finally:
        os.close(descriptor)


def classify_open(descriptor: int, path: str) -> str:
    """Return what `classify` would of the file at *path*, open as *descriptor*."""
    size, session_id = os.fstat(descriptor).st_size, paths.id_of(path)
    read = journal.reading(descriptor)
    head = journal.read_head(read, size, journal.HEAD_BYTES)
    first = next(_entries(head.split(b"\n")), None)
    if first is not None and _is_metadata(first, session_id):
        return OURS
    if size > journal.HEAD_BYTES // 2:
        return FOREIGN
    if first is not None:
        return TORN if first.get("session_id") == session_id else FOREIGN
    beginning = head.strip(b"\0")[: len(_BEGINNING)]
    return TORN if _BEGINNING.startswith(beginning) else FOREIGN


def _find_metadata(
    read: ReadAt, size: int, session_id: str
) -> tuple[SessionEntry | None, bytes, int]:
    """Return the metadata entry, what the head has after it, and the head's end.

    It is line 1, so the first block has it, unless a crash has torn that line and it
    was added later.
    """
    head = journal.read_head(read, size, journal.BLOCK_BYTES)
    line, _, rest = head.partition(b"\n")
    entry = jsonl.decode(line)
    if entry is not None and _is_metadata(entry, session_id):
        return entry, rest, len(head)
    head = journal.read_head(read, size, journal.HEAD_BYTES)
    lines = head.split(b"\n")
    for index, line in enumerate(lines):
        entry = jsonl.decode(line) if line else None
        if entry is not None and _is_metadata(entry, session_id):
            return entry, b"\n".join(lines[index + 1 :]), len(head)
    return None, b"", len(head)


def _read_tail(read: ReadAt, start: int, size: int) -> tuple[list[SessionEntry], int]:
    """Return the last lifecycle entry after *start* and the updates since.

    Also the offset down to which the file was read: *start* if there is no such entry.
    """
    tail: list[SessionEntry] = []

    def is_enough(lines: list[bytes]) -> bool:
        for line in reversed(lines):
            may_be = line and _may_be_lifecycle(line)
            entry = jsonl.decode(line) if may_be else None
            if entry is not None:
                tail.append(entry)
                if is_lifecycle(entry):
                    return True
        return False

    reached = journal.read_backwards(read, start, size, is_enough)
    return tail[::-1], reached


def _entries(lines: Iterable[bytes]) -> Iterator[SessionEntry]:
    """Yield the entries that are whole, each decoded when it is asked for."""
    return filter(None, map(jsonl.decode, filter(None, lines)))


def _may_be_lifecycle(line: bytes) -> bool:
    """Whether *line* can be a lifecycle entry or an update; few others are decoded."""
    for mark in _MARKS:  # noqa: SIM110  # any() would double what this takes
        if mark in line:
            return True
    return False


def _is_metadata(entry: SessionEntry, session_id: str) -> bool:
    return entry.get("type") == METADATA and entry.get("session_id") == session_id
