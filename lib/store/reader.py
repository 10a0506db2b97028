"""Reading sessions: all entries of one, or the folded metadata of all. Never writes."""

from __future__ import annotations

import gc
import os
import time

from ..record import jsonl
from ..system import private, process
from . import journal, paths, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..model import SessionEntry, SessionInfo, SessionMetadata
    from ..record.fold import Snapshot

    Report = Callable[[str, str], None]

_MAX_RECENT = 50
_TOO_LONG = b"too long"
_BLOCK_BYTES = 1 << 18
_BATCH = 100  # files read before any is decoded


class no_collection:  # noqa: N801  # a context manager, used like a function
    """Pause the garbage collector while many objects are created that are all kept.

    Its repeated passes would take a tenth of the time, and one afterwards as much.
    """

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        if self._was_on and not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()  # what was created is in the oldest generation now
        if self._was_on:
            gc.enable()


def load(path: str) -> list[SessionEntry]:
    """Return the entries of the file at *path*; see `sessions.load_session_jsonl`."""
    with no_collection():
        return list(stream(path))


def stream(path: str, report: Report | None = None) -> Iterator[SessionEntry]:
    """Yield the entries of the file at *path*; see `sessions.iter_session_jsonl`.

    *report* gets the level and the text of each warning; by default they are logged.
    """
    report = report or _log
    number = whole = damaged = 0
    try:
        for lines in _blocks(path):
            for line, entry in zip(lines, jsonl.decode_all(lines), strict=True):
                number += 1
                if entry is not None:
                    whole += 1
                    yield entry
                elif line.strip():
                    damaged += 1
                    report("warning", f"{path}: line {number} is damaged, skipped")
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        report("warning", f"{path} cannot be read: {error}")
        return
    if damaged * 10 > damaged + whole:
        report(
            "error",
            f"{path}: {damaged} of {damaged + whole} lines are damaged; is its disk, "
            "or another writer, at fault?",
        )


def _log(level: str, text: str) -> None:
    import logging  # 8 ms that whole files do without

    getattr(logging.getLogger("headcount"), level)("%s", text)


def discover(folder: str, now: float, prefix: str = "") -> list[SessionInfo]:
    """Return every session of *folder* whose id begins with *prefix*, by name.

    Upper and lower case are the same. Raises StoreError if the folder cannot be read.
    """
    with no_collection():
        found = batches(files(folder, prefix), now)
        return [info for batch in found for info in batch]


def files(folder: str, prefix: str = "") -> list[str]:
    """Return the paths of the files that `discover` reads, in its order."""
    found = paths.session_files(folder)
    if prefix:
        prefix = prefix.lower()
        found = (file for file in found if file.name.lower().startswith(prefix))
    return sorted(file.path for file in found)


def batches(files: Sequence[str], now: float) -> Iterator[list[SessionInfo]]:
    """Yield the sessions in *files*, in batches; see `discover`.

    The files of a batch are read first and decoded after that. One by one takes half as
    long again, since after each system call Python is slow for a while; so whoever does
    more with a batch does one thing at a time, too.
    """
    from ..model import SessionInfo

    for batch in _batches(files):
        yield [
            SessionInfo(paths.id_of(path), path, metadata)
            for path, metadata in metadata_of_all(batch, now)
        ]


def metadata_of_all(
    paths: Sequence[str], now: float
) -> Iterator[tuple[str, SessionMetadata | None]]:
    """Yield each of *paths*, without those that are gone, and what it holds now.

    The files are read in batches, each before it is decoded; see `batches`.
    """
    for batch in _batches(paths):
        for path, ends in [(path, _ends_of(path)) for path in batch]:
            try:
                yield path, _decoded(ends, path, now)
            except FileNotFoundError:
                continue  # archived or restored in the meantime


def _batches(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _BATCH):
        yield paths[start : start + _BATCH]


def recently_written(
    listing: paths.Listing, limit: int, now: float
) -> Iterator[Snapshot]:
    """Yield the live sessions of *listing*, the last written first, at most *limit*."""
    for _, path in reversed(listing.files[-limit:]):
        try:
            session = snapshot.read(path, now)
        except OSError:
            continue
        if session is not None:
            yield session


def last_of_process(pid: int, *, exclude: str) -> SessionMetadata | None:
    """Return the session that process *pid* had open last, except *exclude*.

    A process has one session at a time. Current clients close the one they leave
    (/clear, /resume); those up to 2.1.200 are silent when they fork. Only what was
    written last is looked through.
    """
    fingerprint = process.fingerprint(pid)
    if fingerprint is None:
        return None
    for session in recently_written(paths.Listing(), _MAX_RECENT, time.time()):
        metadata = session.metadata
        own = metadata.get("process") == fingerprint
        if own and metadata["session_id"] != exclude:
            return metadata
    return None


def last_entry(
    session_id: str, is_wanted: Callable[[SessionEntry], bool]
) -> SessionEntry | None:
    """Return the last entry of the live session that *is_wanted*, or None.

    None also if the file cannot be read. Only its end is read, as `read_backwards`
    does.
    """
    found: list[SessionEntry] = []

    def is_enough(lines: list[bytes]) -> bool:
        entries = filter(None, map(jsonl.decode, reversed(lines)))
        found.extend(entry for entry in entries if is_wanted(entry))
        return bool(found)

    try:
        descriptor, status = journal.open_ours(paths.session_path(session_id))
    except OSError:
        return None
    try:
        read = journal.reading(descriptor)
        journal.read_backwards(read, 0, status.st_size, is_enough)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return found[0] if found else None


def metadata_at(path: str, now: float) -> SessionMetadata | None:
    """Return the session in the file at *path*; None if it cannot be read.

    Raises FileNotFoundError if there is no such file.
    """
    try:
        session = snapshot.read(path, now)
    except FileNotFoundError:
        raise
    except OSError:
        return None
    return session.metadata if session else None


def _decoded(ends: _Ends | OSError, path: str, now: float) -> SessionMetadata | None:
    if isinstance(ends, FileNotFoundError):
        raise ends
    if isinstance(ends, OSError):
        return None
    try:
        session = snapshot.folded(ends.read, ends.status, path, now)
    except _NotReadError:
        return metadata_at(path, now)
    return session.metadata if session else None


def _ends_of(path: str) -> _Ends | OSError:
    try:
        return _Ends(path)
    except OSError as error:
        return error


class _NotReadError(Exception):
    """More of a file is needed than its two ends."""


class _Ends:
    """The first and last bytes of a file, in which most sessions need no others."""

    __slots__ = ("_head", "_start", "_tail", "status")

    def __init__(self, path: str) -> None:
        """Read the file at *path*; raise what `journal.open_ours` raises."""
        read_at = journal.read_at
        descriptor, self.status = journal.open_ours(path)
        try:
            self._head = read_at(descriptor, journal.BLOCK_BYTES, 0)
            self._tail, self._start = b"", 0
            if self.status.st_size > journal.BLOCK_BYTES:
                self._start = self.status.st_size - journal.LAST_BYTES
                self._tail = read_at(descriptor, journal.LAST_BYTES, self._start)
        finally:
            os.close(descriptor)

    def read(self, length: int, offset: int) -> bytes:
        """Return what `journal.ReadAt` does; raise _NotReadError if it was not read."""
        end = offset + length
        if end <= len(self._head):
            return self._head[offset:end]
        start = self._start
        if start <= offset and end <= start + len(self._tail):
            return self._tail[offset - start : end - start]
        raise _NotReadError


def _blocks(path: str) -> Iterator[list[bytes]]:
    """Yield the lines of the file at *path*, in blocks; _TOO_LONG for a long one."""
    with open(private.open_regular(path), "rb", buffering=0) as file:
        rest, too_long = b"", False
        while block := file.read(_BLOCK_BYTES):
            *lines, rest = (rest + block).split(b"\n")
            if too_long and lines:
                lines[0], too_long = _TOO_LONG, False
            if len(rest) > jsonl.MAX_LINE_BYTES:
                rest, too_long = b"", True
            if lines:
                yield lines
        if rest or too_long:
            yield [_TOO_LONG if too_long else rest]
