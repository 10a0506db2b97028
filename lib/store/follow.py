"""Session files as they change: which appear, grow and go, and the entries added.

Nothing is written, locked or kept open. A poll costs one stat for each file, and only
what was added is read. A line is read once its newline is there.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ..record import jsonl, timestamps
from . import journal, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from ..model import SessionEntry

    Identity = tuple[int, int]  # the device and the inode of a file

APPEARED, CHANGED, MOVED, GONE = "appeared", "changed", "moved", "gone"
_BLOCK = 1 << 16
_PADDING = jsonl.PADDING.encode()
_NEVER = "0"  # sorts before any timestamp


class FileEvent(NamedTuple):
    """What happened to a file, its status, and its path: if MOVED, in the archive."""

    kind: str
    path: str
    status: os.stat_result

    @property
    def identity(self) -> Identity:
        """What the file is known by, wherever it is moved to."""
        return _identity(self.status)


class FolderPoller:
    """Watches the file at the path *only*, or those of all live sessions."""

    def __init__(self, only: str | None = None) -> None:
        self._only = only
        # The identity of a file that was deleted may soon be another file's.
        self._files: dict[tuple[str, Identity], os.stat_result] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there was no file at the last poll."""
        return not self._files

    def poll(self) -> list[FileEvent]:
        """Return what happened since the last poll; at the first, each file APPEARED.

        A file that was replaced by another is MOVED or GONE, and the other APPEARED.
        Raises StoreError if the folder cannot be read; a missing one has no files.
        """
        files = [self._only] if self._only else _paths(paths.SESSIONS_DIR)
        before = self._files
        self._files = {
            (path, _identity(status)): status for path, status in _there(files)
        }
        gone = before.keys() - self._files.keys()
        events = [_departure(path, before[path, key]) for path, key in gone]
        for (path, key), status in self._files.items():
            known = before.get((path, key))
            if known is None:
                events.append(FileEvent(APPEARED, path, status))
            elif _signature(known) != _signature(status):
                events.append(FileEvent(CHANGED, path, status))
        return events


def _departure(path: str, status: os.stat_result) -> FileEvent:
    """Return where the file went that is no longer at *path*."""
    for archived, now in _there(paths.archived_paths(paths.id_of(path))):
        if os.path.samestat(now, status):
            return FileEvent(MOVED, archived, now)
    return FileEvent(GONE, path, status)


def _paths(folder: str) -> list[str]:
    return [entry.path for entry in paths.session_files(folder)]


def _there(files: list[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield those of *files* that are there, each with its status."""
    for path in files:
        try:
            yield path, os.lstat(path)
        except OSError:
            continue


def _identity(status: os.stat_result) -> Identity:
    return status.st_dev, status.st_ino


def _signature(status: os.stat_result) -> tuple[int, int]:
    return status.st_mtime_ns, status.st_size


# ---- Entries --------------------------------------------------------------------


class Line(NamedTuple):
    """An entry; `written` is its JSON as it is in the file of its session."""

    session_id: str
    entry: SessionEntry
    written: bytes

    def time(self) -> str:
        """Return the time of the entry as a timestamp."""
        time = self.entry.get("timestamp", self.entry.get("start_time"))
        return timestamps.normalize(time) or _NEVER


class TailedFile:
    """A session's file, read from where the last reading stopped."""

    def __init__(self, path: str, status: os.stat_result | None = None) -> None:
        """Start at the beginning, or at the end that the file has with *status*."""
        self.path = path
        self._size = self._offset = 0 if status is None else status.st_size

    def tail(self, limit: int, *, include_partial: bool) -> list[Line]:
        """Return the last entries, at most *limit*, and continue after them.

        With *include_partial*, a complete entry that lacks its newline counts too.
        """
        wanted = limit
        while True:
            with self._open() as file:
                end = file.seek(0, os.SEEK_END)
                # One newline more: the last one ends the last line.
                self._offset = start = _after_newline(file, end, wanted + 1)
            lines = [*self._read(include_partial=include_partial)]
            if len(lines) >= limit or not start:
                return lines[max(0, len(lines) - limit) :]
            wanted *= 4  # some of the lines are damaged

    def read_new(self, status: os.stat_result) -> list[Line]:
        """Return the entries added since the last reading; *status* is the file's now.

        A file that has shrunk was rewritten, and is read from its beginning.
        """
        if status.st_size == self._size:
            return []
        if status.st_size < self._offset:
            self._offset = 0
        lines = [*self._read()]
        self._size = status.st_size
        return lines

    def _open(self) -> BinaryIO:
        return open(journal.open_ours(self.path)[0], "rb")

    def _read(self, *, include_partial: bool = False) -> Iterator[Line]:
        session_id = paths.id_of(self.path)
        for line in self._lines(include_partial=include_partial):
            entry = jsonl.decode(line)
            if entry is not None:
                yield Line(session_id, entry, line.strip(_PADDING))

    def _lines(self, *, include_partial: bool) -> Iterator[bytes]:
        rest = b""
        with self._open() as file:
            reached = _after_newline(file, self._offset, 1)
            file.seek(reached)
            while block := file.read(_BLOCK):
                reached += len(block)
                *lines, rest = (rest + block).split(b"\n")
                yield from lines
                if len(rest) > jsonl.MAX_LINE_BYTES:
                    rest = rest[-1:]  # enough to make the line invalid
        if include_partial:
            yield rest
        self._offset = reached - len(rest)


class Follower:
    """The entries of the session at the path *only*, or of all live ones, as added."""

    def __init__(self, only: str | None = None) -> None:
        self._only = only
        self._poller = FolderPoller(only)
        # Archived ones as well: if restored, they are read from where they ended.
        self._files: dict[Identity, TailedFile] = {}

    @property
    def ended(self) -> bool:
        """Whether the only session that is followed is no longer where it was."""
        return self._only is not None and self._poller.is_empty

    def start(self, limit: int, *, follow: bool) -> list[Line]:
        """Return the last entries, at most *limit*; *follow* says if `poll` is next.

        Raises OSError if only one session is followed, and it cannot be read.
        """
        if follow and self._only is None:
            self._files = dict(_archived())
        lines: list[Line] = []
        events = self._poller.poll()
        for event in sorted(events, key=lambda event: -event.status.st_mtime):
            file = TailedFile(event.path, event.status)
            self._files[event.identity] = file
            # An entry is never newer than its file, so the files after the first that
            # is too old have none of the last entries.
            full = len(lines) == limit
            written = event.status.st_mtime
            if full and (not limit or timestamps.from_epoch(written) < lines[0].time()):
                continue
            lines += self._tail(file, limit, follow=follow)
            lines = self._in_order(lines)[-limit:]
        return lines

    def _tail(self, file: TailedFile, limit: int, *, follow: bool) -> list[Line]:
        try:
            return file.tail(limit, include_partial=not follow)
        except OSError:
            if self._only is not None:
                raise
            return []

    def poll(self) -> list[Line]:
        """Return the entries added since the last poll, in the order of time."""
        lines: list[Line] = []
        for event in self._poller.poll():
            if event.kind == GONE:
                self._files.pop(event.identity, None)
                continue
            file = self._files.get(event.identity)
            if file is None or paths.id_of(file.path) != paths.id_of(event.path):
                file = self._files[event.identity] = TailedFile(event.path)
            file.path = event.path
            try:
                lines += file.read_new(event.status)
            except OSError:
                pass  # it was moved in the meantime, or it is unreadable
        return self._in_order(lines)

    def _in_order(self, lines: list[Line]) -> list[Line]:
        return lines if self._only is not None else sorted(lines, key=Line.time)


def _archived() -> Iterator[tuple[Identity, TailedFile]]:
    """Yield each archived file, to be read from its present end."""
    for folder in paths.archive_folders():
        try:
            archived = _paths(folder)
        except OSError:
            continue  # no file can be restored from there
        for path, status in _there(archived):
            yield _identity(status), TailedFile(path, status)


def _after_newline(file: BinaryIO, before: int, number: int) -> int:
    """Return the offset after the *number*th newline before *before*, or 0."""
    while before:
        low = max(0, before - _BLOCK)
        file.seek(low)
        block = file.read(before - low)
        here = block.count(b"\n")
        if here >= number:
            at = len(block)
            for _ in range(number):
                at = block.rindex(b"\n", 0, at)
            return low + at + 1
        number -= here
        before = low
    return 0
