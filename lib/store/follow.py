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

APPEARED, CHANGED, MOVED, GONE = "appeared", "changed", "moved", "gone"
_BLOCK = 1 << 16
_PADDING = jsonl.PADDING.encode()
_NEVER = "0"  # sorts before any timestamp


class FileEvent(NamedTuple):
    """What happened to the file at *path*, and its status now.

    *target* is where it is in the archive now, if it was MOVED there.
    """

    kind: str
    path: str
    status: os.stat_result
    target: str | None = None


class FolderPoller:
    """Watches the files of all live sessions, or a single file."""

    def __init__(self, only: str | None = None) -> None:
        """Watch the file at the path *only*, or all live sessions."""
        self.files: dict[str, os.stat_result] = {}  # by path, as of the last poll
        self._only = only

    def poll(self) -> list[FileEvent]:
        """Return what happened since the last poll; at the first, each file APPEARED.

        A file that was replaced by another is MOVED or GONE, and the other APPEARED.
        Raises StoreError if the folder cannot be read; a missing one has no files.
        """
        before, self.files = self.files, dict(self._list())
        events = [
            _departure(path, status)
            for path, status in before.items()
            if not _is_same(self.files.get(path), status)
        ]
        for path, status in self.files.items():
            known = before.get(path)
            if not _is_same(known, status):
                events.append(FileEvent(APPEARED, path, status))
            elif _signature(known) != _signature(status):
                events.append(FileEvent(CHANGED, path, status))
        return events

    def _list(self) -> Iterator[tuple[str, os.stat_result]]:
        if self._only is not None:
            status = _status(self._only)
            if status is not None:
                yield self._only, status
            return
        for entry in paths.session_files(paths.SESSIONS_DIR):
            try:
                yield entry.path, entry.stat(follow_symlinks=False)
            except OSError:
                continue  # moved or deleted in the meantime


def _departure(path: str, status: os.stat_result) -> FileEvent:
    """Return where the file went that is no longer at *path*."""
    for target in paths.archived_paths(paths.id_of(path)):
        now = _status(target)
        if now is not None and os.path.samestat(now, status):
            return FileEvent(MOVED, path, now, target)
    return FileEvent(GONE, path, status)


def _is_same(one: os.stat_result | None, other: os.stat_result) -> bool:
    return one is not None and os.path.samestat(one, other)


def _signature(status: os.stat_result | None) -> tuple[int, int] | None:
    return status and (status.st_mtime_ns, status.st_size)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


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
        self._status = status
        self._offset = 0 if status is None else status.st_size

    def tail(self, limit: int, *, include_partial: bool) -> list[Line]:
        """Return the last entries, at most *limit*, and continue after them.

        With *include_partial*, a complete entry that lacks its newline counts too.
        """
        wanted = limit
        while True:
            with self._open() as file:
                self._offset = start = _start_of_last(file, wanted)
            lines = [*self._read(include_partial=include_partial)]
            if len(lines) >= limit or not start:
                return lines[max(0, len(lines) - limit) :]
            wanted *= 4  # some of the lines are damaged

    def read_new(self, status: os.stat_result) -> list[Line]:
        """Return the entries added since the last reading; *status* is the file's now.

        A file that has shrunk was rewritten, and is read from its beginning.
        """
        if self._status is not None and self._status.st_size == status.st_size:
            return []
        if status.st_size < self._offset:
            self._offset = 0
        lines = [*self._read()] if status.st_size > self._offset else []
        self._status = status
        return lines

    def _open(self) -> BinaryIO:
        return open(journal.open_to_read(self.path)[0], "rb")

    def _read(self, *, include_partial: bool = False) -> Iterator[Line]:
        session_id = paths.id_of(self.path)
        for line in self._lines(include_partial=include_partial):
            entry = jsonl.decode(line)
            if entry is not None:
                yield Line(session_id, entry, line.strip(_PADDING))

    def _lines(self, *, include_partial: bool) -> Iterator[bytes]:
        rest = b""
        with self._open() as file:
            reached = _start_of_line(file, self._offset)
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
    """The entries of all live sessions, or of one, as they are added."""

    def __init__(self, only: str | None = None) -> None:
        """Follow the session whose file is at the path *only*, or all live ones."""
        self._only = only
        self._poller = FolderPoller(only)
        self._files: dict[str, TailedFile] = {}
        self._archived: dict[tuple[int, int], TailedFile] = {}

    @property
    def ended(self) -> bool:
        """Whether the only session that is followed is no longer where it was."""
        return self._only is not None and not self._poller.files

    def start(self, limit: int, *, follow: bool) -> list[Line]:
        """Return the last entries, at most *limit*; *follow* says if `poll` is next.

        Raises OSError if only one session is followed, and it cannot be read.
        """
        files = {event.path: event.status for event in self._poller.poll()}
        self._files = {path: TailedFile(path, files[path]) for path in files}
        if follow and self._only is None:
            self._archived = dict(_archived())
        lines: list[Line] = []
        for path in sorted(files, key=lambda path: -files[path].st_mtime):
            # An entry is never newer than its file, so the other files have none of
            # the last entries.
            full = len(lines) == limit
            if full and (not limit or _modified(files[path]) < lines[0].time()):
                break
            lines += self._tail(path, limit, follow=follow)
            lines = self._in_order(lines)[-limit:]
        return lines

    def _tail(self, path: str, limit: int, *, follow: bool) -> list[Line]:
        try:
            return self._files[path].tail(limit, include_partial=not follow)
        except OSError:
            if self._only is not None:
                raise
            return []

    def poll(self) -> list[Line]:
        """Return the entries added since the last poll, in the order of time."""
        lines: list[Line] = []
        for event in self._poller.poll():
            file = self._file_of(event)
            if file is not None:
                lines += _read_new(file, event.status)
        return self._in_order(lines)

    def _file_of(self, event: FileEvent) -> TailedFile | None:
        """Return the file of *event*, wherever it is now; None if it was deleted.

        A file that is archived is read to its end there, and if it returns, from there.
        """
        if event.kind == CHANGED:
            return self._files[event.path]
        if event.kind == APPEARED:
            file = self._archived.pop(_identity(event.status), TailedFile(event.path))
            file.path = event.path
            self._files[event.path] = file
            return file
        file = self._files.pop(event.path)
        if event.target is None:
            return None
        file.path = event.target
        self._archived[_identity(event.status)] = file
        return file

    def _in_order(self, lines: list[Line]) -> list[Line]:
        return lines if self._only is not None else sorted(lines, key=Line.time)


def _read_new(file: TailedFile, status: os.stat_result) -> list[Line]:
    try:
        return file.read_new(status)
    except OSError:
        return []  # it was moved in the meantime, or it is unreadable


def _archived() -> Iterator[tuple[tuple[int, int], TailedFile]]:
    """Yield each archived file, to be read from its end on if it is restored."""
    for folder in paths.archive_folders():
        try:
            files = [entry.path for entry in paths.session_files(folder)]
        except OSError:
            continue  # no file can be restored from there
        for path in files:
            status = _status(path)
            if status is not None:
                yield _identity(status), TailedFile(path, status)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _modified(status: os.stat_result) -> str:
    return timestamps.from_epoch(status.st_mtime)


def _start_of_last(file: BinaryIO, limit: int) -> int:
    """Return where the last *limit* lines begin, not counting one without an end."""
    return _after_newline(file, file.seek(0, os.SEEK_END), limit + 1)


def _start_of_line(file: BinaryIO, offset: int) -> int:
    return _after_newline(file, offset, 1)


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
