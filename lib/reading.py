"""Reading sessions: all entries of one, or the folded metadata of all. Never writes."""

from __future__ import annotations

import os
import stat
import time

from . import jsonl, record, store
from .errors import StoreError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .model import SessionEntry, SessionInfo, SessionMetadata

_RECENT = 50
_LONGEST_LINE = 1 << 20  # no entry is; a line of zeros may fill the disk
_TOO_LONG = b"too long\n"


def load(path: str) -> list[SessionEntry]:
    """Return the entries of the file at *path*; see `sessions.load_session_jsonl`."""
    import logging  # 8 ms that `headcount list` does without

    logger = logging.getLogger("headcount")
    entries: list[SessionEntry] = []
    damaged = 0
    try:
        for number, line in enumerate(_lines(path), start=1):
            entry = jsonl.decode(line)
            if entry is not None:
                entries.append(entry)
            elif line.strip():
                damaged += 1
                logger.warning("%s: line %d is damaged, passed over", path, number)
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read: %s", path, error)
        return entries
    if damaged * 10 > damaged + len(entries):
        logger.error(
            "%s: %d of %d lines are damaged; is its disk, or another writer, at fault?",
            path,
            damaged,
            damaged + len(entries),
        )
    return entries


def discover(folder: str, now: float) -> list[SessionInfo]:
    """Return every session of *folder*, by name."""
    from pathlib import Path

    from .model import SessionInfo

    found: list[SessionInfo] = []
    for path in sorted(entry.path for entry in store.session_files(folder)):
        try:
            metadata = _metadata(path, now)
        except FileNotFoundError:
            continue  # archived, or brought back, since we looked
        found.append(SessionInfo(_shown_id(path), Path(path), metadata))
    return found


def recently_written(most: int, now: float) -> Iterator[record.Record]:
    """Yield the live sessions, the last written first, at most *most*."""
    written: list[tuple[float, str]] = []
    for entry in store.session_files(store.SESSIONS_DIR):
        try:
            if store.is_session_id(_shown_id(entry.path)):
                written.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
        except FileNotFoundError:
            continue
    for _, path in sorted(written, reverse=True)[:most]:
        try:
            found = record.read(path, now)
        except OSError:
            continue
        if found is not None:
            yield found


def last_of_process(known: str, *, besides: str) -> SessionMetadata | None:
    """Return the session last written of those that the process has or had open.

    *known* is its fingerprint. Only what was written last is looked through.
    """
    for found in recently_written(_RECENT, time.time()):
        metadata = found.metadata
        if metadata.get("process") == known and metadata["session_id"] != besides:
            return metadata
    return None


def _metadata(path: str, now: float) -> SessionMetadata | None:
    try:
        found = record.read(path, now)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    return found.metadata if found else None


def _shown_id(path: str) -> str:
    return os.path.basename(path).removesuffix(store.SUFFIX)


def _lines(path: str) -> Iterator[bytes]:
    # O_NONBLOCK: a FIFO would otherwise wait for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with open(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise StoreError(f"{path} is not a regular file")
        while line := file.readline(_LONGEST_LINE):
            if len(line) < _LONGEST_LINE:
                yield line
            else:
                yield _TOO_LONG
                while line and not line.endswith(b"\n"):
                    line = file.readline(_LONGEST_LINE)
