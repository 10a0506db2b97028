"""Sessions' files as they grow: the last entries, and each one that comes after.

Nothing is written, locked or kept open. A look costs one stat for each file, and reads
only what was added. A line without its end is waited for.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from ..record import jsonl, timestamps
from . import journal, paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import BinaryIO

    from ..model import SessionEntry

_BLOCK = 1 << 16
_LONGEST_LINE = 1 << 20  # no entry is; a line of zeros may fill the disk
_PADDING = (
    b" \t\r\0\xef\xbb\xbf"  # around an object: what a power loss or an editor left
)
_NEVER = "0"  # sorts before any stamp


class Line(NamedTuple):
    """An entry; `written` is its JSON as it stands in the file of its session."""

    session_id: str
    entry: SessionEntry
    written: bytes

    def time(self) -> str:
        """Return when it was, as a stamp."""
        when = self.entry.get("timestamp", self.entry.get("start_time"))
        return timestamps.normalize(when) or _NEVER


class GrowingFile:
    """A session's file, read on from where it was left."""

    def __init__(self, path: str, seen: os.stat_result | None = None) -> None:
        """Stand at the beginning, or at the end of what was *seen* of it."""
        self.path = path
        self._seen = seen
        self._offset = 0 if seen is None else seen.st_size

    def is_at(self, status: os.stat_result) -> bool:
        """Whether *status* is of this very file, wherever it was moved to."""
        return self._seen is None or os.path.samestat(self._seen, status)

    def last(self, most: int, *, to_the_end: bool) -> list[Line]:
        """Return its last entries, at most *most*, and stand behind them.

        *to_the_end*: what is there without its newline counts too, if it is whole.
        """
        wanted = most
        while True:
            with self._open() as file:
                self._offset = start = _start_of_last(file, wanted)
            found = [*self._read(to_the_end=to_the_end)]
            if len(found) >= most or not start:
                return found[max(0, len(found) - most) :]
            wanted *= 4  # damaged lines are no entries

    def news(self, status: os.stat_result) -> list[Line]:
        """Return the entries added since the last look; *status* is the file's now.

        A file that has shrunk was written anew, and is read from its beginning.
        """
        if self._seen is not None and self._seen.st_size == status.st_size:
            return []
        if status.st_size < self._offset:
            self._offset = 0
        found = [*self._read()] if status.st_size > self._offset else []
        self._seen = status
        return found

    def _open(self) -> BinaryIO:
        return open(journal.open_to_read(self.path)[0], "rb")

    def _read(self, *, to_the_end: bool = False) -> Iterator[Line]:
        session_id = paths.id_of(self.path)
        for line in self._whole_lines(to_the_end=to_the_end):
            entry = jsonl.decode(line)
            if entry is not None:
                yield Line(session_id, entry, line.strip(_PADDING))

    def _whole_lines(self, *, to_the_end: bool) -> Iterator[bytes]:
        rest = b""
        with self._open() as file:
            reached = _start_of_line(file, self._offset)
            file.seek(reached)
            while block := file.read(_BLOCK):
                reached += len(block)
                *whole, rest = (rest + block).split(b"\n")
                yield from whole
                if len(rest) > _LONGEST_LINE:
                    rest = rest[-1:]  # enough to spoil what follows of it
        if to_the_end:
            yield rest
        self._offset = reached - len(rest)


class Follower:
    """All live sessions, or one, as their entries come in."""

    def __init__(self, only: str | None = None) -> None:
        """Follow the session whose file is at the path *only*, else all live ones."""
        self.ended = False  # the one is no longer where it was
        self._only = only
        self._files: dict[str, GrowingFile] = {}
        self._archived: dict[tuple[int, int], GrowingFile] = {}

    def begin(self, most: int, *, go_on: bool) -> list[Line]:
        """Return the last entries, at most *most*; with *go_on*, more will be wanted.

        Raises OSError if it is one session, and its file cannot be read.
        """
        present = self._present()
        self._files = {
            path: GrowingFile(path, status) for path, status in present.items()
        }
        if go_on and self._only is None:
            self._archived = dict(_archived())
        found: list[Line] = []
        for path in sorted(present, key=lambda path: -present[path].st_mtime):
            # No entry is later than its file: the rest has none of the last ones.
            full = len(found) == most
            if full and (not most or _modified(present[path]) < found[0].time()):
                break
            found += self._last_of(path, most, go_on=go_on)
            found = self._in_order(found)[-most:]
        return found

    def _last_of(self, path: str, most: int, *, go_on: bool) -> list[Line]:
        try:
            return self._files[path].last(most, to_the_end=not go_on)
        except OSError:
            if self._only is not None:
                raise
            return []

    def look(self) -> list[Line]:
        """Return the entries that were added since the last look, by time."""
        present = self._present()
        found: list[Line] = []
        for path, status in present.items():
            file = self._files.get(path)
            if file is not None and not file.is_at(status):
                found += self._last_words(path)
                file = None
            if file is None:
                file = self._files[path] = self._begun(path, status)
            found += _news(file, status)
        for path in [path for path in self._files if path not in present]:
            found += self._last_words(path)
            self.ended = self._only is not None
        return self._in_order(found)

    def _present(self) -> dict[str, os.stat_result]:
        names: Iterable[str] = [self._only or ""]
        if self._only is None:
            files = paths.session_files(paths.SESSIONS_DIR)
            names = [entry.path for entry in files]
        statuses = {path: _status(path) for path in names}
        return {path: status for path, status in statuses.items() if status is not None}

    def _begun(self, path: str, status: os.stat_result) -> GrowingFile:
        """Return the file at *path*, new to us, or back from the archive."""
        file = self._archived.pop(_identity(status), GrowingFile(path))
        file.path = path
        return file

    def _last_words(self, path: str) -> list[Line]:
        """Read a file that is no longer at *path* to its end, where it is now.

        If it comes back from the archive, it is read on from there.
        """
        file = self._files.pop(path)
        for archived in paths.archived_paths(paths.id_of(path)):
            status = _status(archived)
            if status is not None and file.is_at(status):
                self._archived[_identity(status)] = file
                file.path = archived
                return _news(file, status)
        return []

    def _in_order(self, lines: list[Line]) -> list[Line]:
        return lines if self._only is not None else sorted(lines, key=Line.time)


def _news(file: GrowingFile, status: os.stat_result) -> list[Line]:
    try:
        return file.news(status)
    except OSError:
        return []  # moved meanwhile, or not to be read, as `headcount list` shows


def _archived() -> Iterator[tuple[tuple[int, int], GrowingFile]]:
    """Yield what is archived now: if it comes back, it is read on from here."""
    for folder in paths.archive_folders():
        try:
            names = [entry.path for entry in paths.session_files(folder)]
        except OSError:
            continue  # nothing can come back from there
        for path in names:
            status = _status(path)
            if status is not None:
                yield _identity(status), GrowingFile(path, status)


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _modified(status: os.stat_result) -> str:
    return timestamps.from_epoch(status.st_mtime)


def _status(path: str) -> os.stat_result | None:
    try:
        return os.lstat(path)
    except OSError:
        return None


def _start_of_last(file: BinaryIO, most: int) -> int:
    """Return where the last *most* lines begin, one without an end not counted."""
    return _after_newline(file, file.seek(0, os.SEEK_END), most + 1)


def _start_of_line(file: BinaryIO, offset: int) -> int:
    return _after_newline(file, offset, 1)


def _after_newline(file: BinaryIO, before: int, number: int) -> int:
    """Return what is behind the newline that is *number* newlines before *before*."""
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
