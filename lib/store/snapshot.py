"""What a session is now: its metadata entry, folded with what came later.

Read from the head and the tail of the file alone. That is enough because every
lifecycle entry carries what must not be lost from sight: the process, further
processes that have the session open (`others`), and a label or tasks set later.
"""

from __future__ import annotations

import os

from ..record import jsonl
from ..record.fold import Fold, Snapshot
from ..record.schema import LIFECYCLE, METADATA, UPDATE, is_lifecycle
from . import journal, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..model import SessionEntry

_BEGINNING = b'{"type":"session_metadata"'
_MARKS = tuple(f'"{kind}"'.encode() for kind in sorted(LIFECYCLE | {UPDATE}))


def read(path: str, now: float) -> Snapshot | None:
    """Return the session in the file at *path*, or None if it holds no valid metadata.

    Takes no lock, reads a bounded part of the file, and never writes.
    Raises FileNotFoundError, StoreError (not a file of ours), OSError.
    """
    descriptor, status = journal.open_to_read(path)
    try:
        first, head, end = _look_for_metadata(
            descriptor, status.st_size, paths.id_of(path)
        )
        if first is None:
            return None
        tail: list[SessionEntry] = []
        reached = end
        if end < status.st_size:
            tail, reached = _read_tail(descriptor, end, status.st_size)
    finally:
        os.close(descriptor)
    fold = Fold(first, now)
    # The last lifecycle entry says all; only if there is none does what came before.
    if not (tail and is_lifecycle(tail[0])):
        if reached > end:
            fold.skip()
        else:
            fold.begin(first)
            fold.apply(_entries(head.split(b"\n")))
    fold.apply(tail)
    return Snapshot(first, fold.result(min(status.st_mtime, now)))


def has_metadata(path: str) -> bool:
    """Whether `read` would find valid metadata, at a cost that does not grow."""
    descriptor, status = journal.open_to_read(path)
    try:
        found, _, _ = _look_for_metadata(descriptor, status.st_size, paths.id_of(path))
        return found is not None
    finally:
        os.close(descriptor)


def begins_with_metadata(path: str) -> bool:
    """Whether the first valid entry is the metadata of the session it is named by.

    What is not proven so to be a session's file is never moved.
    """
    return _is_metadata(next(_entries(_head(path).split(b"\n")), {}), paths.id_of(path))


def is_recoverable(path: str) -> bool:
    """Whether a file without valid metadata is one that a crash left of ours.

    It is empty, or NULs, or begins with a torn metadata line, or with entries of the
    session it is named by. A stranger's file, as a transcript of Claude Code that has
    the same id for a name, is none of these. One so long that metadata added to it
    would not be found is not begun either.
    """
    head = _head(path)
    if os.stat(path).st_size > journal.HEAD_BYTES // 2:
        return False
    first = next(_entries(head.split(b"\n")), None)
    if first is not None:
        return first.get("session_id") == paths.id_of(path)
    return _BEGINNING.startswith(head.strip(b"\0")[: len(_BEGINNING)])


def _look_for_metadata(
    descriptor: int, size: int, session_id: str
) -> tuple[SessionEntry | None, bytes, int]:
    """Return the metadata entry, what the head has after it, and the head's end.

    It is line 1, so the first block has it, unless a crash has torn that line and it
    was added later.
    """
    head = journal.read_head(descriptor, size, journal.BLOCK_BYTES)
    line, _, rest = head.partition(b"\n")
    entry = jsonl.decode(line)
    if entry is not None and _is_metadata(entry, session_id):
        return entry, rest, len(head)
    head = journal.read_head(descriptor, size, journal.HEAD_BYTES)
    lines = head.split(b"\n")
    for index, line in enumerate(lines):
        entry = jsonl.decode(line) if line else None
        if entry is not None and _is_metadata(entry, session_id):
            return entry, b"\n".join(lines[index + 1 :]), len(head)
    return None, b"", len(head)


def _head(path: str) -> bytes:
    descriptor, status = journal.open_to_read(path)
    try:
        return journal.read_head(descriptor, status.st_size, journal.HEAD_BYTES)
    finally:
        os.close(descriptor)


def _entries(lines: Iterable[bytes]) -> Iterator[SessionEntry]:
    """Yield the entries that are whole, each decoded when it is asked for."""
    return filter(None, map(jsonl.decode, filter(None, lines)))


def _bears_on_the_session(line: bytes) -> bool:
    """Whether *line* can be an entry of ours; most others are not even decoded."""
    for mark in _MARKS:  # noqa: SIM110  # any() would double what this takes
        if mark in line:
            return True
    return False


def _is_metadata(entry: SessionEntry, session_id: str) -> bool:
    return entry.get("type") == METADATA and entry.get("session_id") == session_id


def _read_tail(
    descriptor: int, start: int, size: int
) -> tuple[list[SessionEntry], int]:
    """Return what bears on the session since its last lifecycle entry, that included.

    Also the offset down to which the file was read: *start* if there is none.
    """
    found: list[SessionEntry] = []

    def is_enough(lines: list[bytes]) -> bool:
        for line in reversed(lines):
            bears = line and _bears_on_the_session(line)
            entry = jsonl.decode(line) if bears else None
            if entry is not None:
                found.append(entry)
                if is_lifecycle(entry):
                    return True
        return False

    reached = journal.read_backwards(descriptor, start, size, is_enough)
    return found[::-1], reached
