"""Repairs a session's file whose first line was destroyed, as by a disk that lost it.

The new metadata is written in its place, so that the file has the metadata first, keeps
its length, and stays the same file for those that follow it.
"""

from __future__ import annotations

import os

from ..errors import StoreError
from ..record import jsonl, timestamps
from ..system import private
from . import journal, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionEntry

_READ_WRITE = os.O_RDWR | private.SAFE_FLAGS
# What the metadata can do without if the line is too short, the first one first.
_OPTIONAL = (
    *("tasks", "previous_session_id", "client_version", "entrypoint", "label"),
    *("project_dir", "transcript_path", "cwd", "process", "pid"),
)


def is_possible(path: str) -> bool:
    """Whether line 1 of the file at *path* is destroyed, and can be written again.

    The entries after it must be those of the session that the file is named by. False
    if it cannot be read, or is not a regular file of this user.
    """
    try:
        descriptor, status = journal.open_ours(path)
    except OSError:
        return False
    try:
        return _examine(descriptor, status.st_size, paths.id_of(path)) is not None
    finally:
        os.close(descriptor)


def put_metadata(path: str, entry: SessionEntry, timeout: float) -> bool:
    """Write the metadata *entry* over the destroyed first line of the file at *path*.

    The start is that of the first entry after it. What does not fit is left out.
    Returns False, with nothing written, if `is_possible` is false, or the line is too
    short. Raises StoreError, LockError, OSError.
    """
    with journal.locked(path, timeout) as locked:
        descriptor, status = journal.open_ours(path, _READ_WRITE)
        try:
            if not os.path.samestat(os.fstat(locked), status):
                raise StoreError(f"{path} was replaced just now; it was left alone")
            damage = _examine(descriptor, status.st_size, paths.id_of(path))
            line = _fit(entry, *damage) if damage else None
            if line is None:
                return False
            os.lseek(descriptor, 0, os.SEEK_SET)
            private.write_whole(descriptor, line, roll_back=False)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    return True


def _examine(descriptor: int, size: int, session_id: str) -> tuple[int, str] | None:
    """Return the length of what is destroyed, and the time of the entry after it."""
    read = journal.reading(descriptor)
    head = journal.read_head(read, size, journal.HEAD_BYTES)
    line, _, rest = head.partition(b"\n")
    length = len(line) + 1
    if jsonl.decode(line) is not None:  # it may be line 2, after zeros
        rest = line.lstrip(b"\0")
        length = len(line) - len(rest)
    first = next(filter(None, map(jsonl.decode, rest.split(b"\n"))), {})
    start = timestamps.normalize(first.get("timestamp"))
    is_ours = first.get("session_id") == session_id and "v" in first
    return (length, start) if is_ours and start else None


def _fit(entry: SessionEntry, length: int, start: str) -> bytes | None:
    """Return *entry* as a line of *length*, newline included; None if it needs more."""
    entry = {**entry, "start_time": start, "last_heartbeat": start}
    for key in ("", *_OPTIONAL):
        entry.pop(key, None)
        line = jsonl.encode(entry)
        if len(line) <= length:
            return line.rstrip(b"\n").ljust(length - 1) + b"\n"
    return None
