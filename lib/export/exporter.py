"""All entries since a cursor, from the live and the archived files.

Promises
    * Each entry once, as it was written, in the order of its file.
    * A session that was deleted, or a file that was rewritten, is one `gap`.
    * A file that is moved meanwhile is neither left out nor taken for a deleted one:
      the store is looked through again until no folder changed during that.
    * No session is taken for deleted while there is something that cannot be read.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from ..errors import StoreError
from ..record import jsonl, schema, timestamps
from ..store import paths
from ..text import count
from .reader import SessionReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator

    from .cursor import Position

    Lines = list[bytes]
    Stamps = dict[str, int | None]  # when each folder last changed, in nanoseconds

DELETED, REWRITTEN = "deleted", "rewritten"
_PASSES = 5
_PAUSE_SECONDS = 0.02
_TICK_NS = 20_000_000  # more than a tick of the clock that file systems use
_PADDING = jsonl.PADDING.encode()


class Exporter:
    """Reads what was added since *positions*, by the id of each file, and moves them.

    With *types*, only entries of these types. *report* gets a message about what is
    left out.
    """

    def __init__(
        self,
        positions: dict[int, Position],
        types: Collection[str] = (),
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.positions = positions
        self.known = _Known({}, {})
        self._types = tuple(types)
        self._report = report
        self._reported: set[str] = set()

    def read_new(self) -> Iterator[Lines]:
        """Yield what was added, in blocks; after each, `positions` is behind it.

        Raises StoreError if the store cannot be read.
        """
        if self.positions and not os.path.isdir(paths.SESSIONS_DIR):
            raise StoreError(
                f"{paths.SESSIONS_DIR} does not exist, but the cursor is of a store "
                f"with {count(len(self.positions), 'session')}; was it moved?"
            )
        for attempt in range(_PASSES):
            if attempt:
                time.sleep(_PAUSE_SECONDS)
            current = _Pass(self)
            yield from current.run()
            if current.is_quiet:
                return

    def warn(self, message: str) -> None:
        """Report *message*, but only once."""
        if message not in self._reported:
            self._reported.add(message)
            self._report(message)

    def select(self, path: str, lines: Lines) -> Lines:
        """Return those of *lines*, from *path*, that are entries to be exported."""
        selected, damaged = [], 0
        for line, entry in zip(lines, jsonl.decode_all(lines), strict=True):
            if entry is None:
                damaged += bool(line.strip(_PADDING))
            elif (kind := entry.get("type")) in schema.EXPORT_TYPES:
                self.warn(f"{path}: an entry of the reserved type {kind} is left out")
            elif not self._types or kind in self._types:
                selected.append(line.strip(_PADDING))
        if damaged:
            self._report(f"{path}: {count(damaged, 'damaged line')} left out")
        return selected


class _File(NamedTuple):
    """What a file was when all of it had been read."""

    signature: tuple[int, int, int]
    identity: int

    def is_same(self, status: os.stat_result) -> bool:
        return self.signature == _signature(status)


class _Known(NamedTuple):
    """What the pass before has seen, by path: files, and folders of the archive."""

    files: dict[str, _File]
    folders: dict[str, tuple[int | None, dict[int, str]]]


def _signature(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


class _Pass:
    """One look at all files of the store."""

    def __init__(self, exporter: Exporter) -> None:
        self._exporter = exporter
        self._positions = exporter.positions
        self._is_first = not exporter.positions
        self._before, exporter.known = exporter.known, _Known({}, {})
        self._known = exporter.known
        self._seen: dict[int, str] = {}  # the session of each file, by the file's id
        self._unmatched: list[str] = []
        self._missing: dict[Position, int] = {}
        self._is_whole = True  # everything could be looked at
        self.is_quiet = False  # nothing was moved during the pass

    def run(self) -> Iterator[Lines]:
        """Yield the new lines, then the gaps."""
        began = time.time_ns()
        folders, self._is_whole = _folders()
        stamps = _stamps(folders)
        for folder in folders:
            if not self._is_settled(folder, stamps, newest=folders[-2:]):
                yield from self._read_folder(folder, stamps[folder])
        missing = self._positions.keys() - self._seen.keys()
        self._missing = {self._positions[identity]: identity for identity in missing}
        for path in self._unmatched:
            yield from self._open(path, is_last=True)
        self.is_quiet = _stamps(folders) == stamps and not _changed_since(stamps, began)
        if not (self.is_quiet and self._is_whole):
            self._known.folders.clear()
        yield from self._gaps()

    def _is_settled(self, folder: str, stamps: Stamps, newest: list[str]) -> bool:
        """Whether nothing in *folder* of the archive can have changed since.

        An entry may be written to a file as it is archived: that is in the *newest*.
        """
        stamp, sessions = self._before.folders.get(folder, (None, {}))
        if folder in newest or stamp is None or stamp != stamps[folder]:
            return False
        self._seen.update(sessions)
        self._known.folders[folder] = stamp, sessions
        return True

    def _read_folder(self, folder: str, stamp: int | None) -> Iterator[Lines]:
        if folder != paths.SESSIONS_DIR:
            self._known.folders[folder] = stamp, {}
        try:
            files = [f for f in paths.session_files(folder) if not self._is_read(f)]
        except StoreError as error:
            if folder == paths.SESSIONS_DIR:
                raise
            self._leave_out(str(error))
            return
        for path in _in_order(files):
            yield from self._open(path)

    def _is_read(self, file: os.DirEntry[str]) -> bool:
        """Whether *file* is as it was when all of it had been read."""
        known = self._before.files.get(file.path)
        try:
            if known is None or not known.is_same(file.stat(follow_symlinks=False)):
                return False
        except OSError:
            return False
        self._remember(file.path, known)
        return True

    def _remember(self, path: str, file: _File) -> None:
        session_id = paths.id_of(path)
        self._known.files[path] = file
        self._seen[file.identity] = session_id
        folder = self._known.folders.get(os.path.dirname(path))
        if folder:
            folder[1][file.identity] = session_id

    def _open(self, path: str, *, is_last: bool = False) -> Iterator[Lines]:
        try:
            with SessionReader(path) as file:
                yield from self._visit(file, is_last=is_last)
        except FileNotFoundError:
            pass  # it was moved, which its folder shows
        except StoreError as error:
            self._exporter.warn(f"left out: {error}")
        except OSError as error:
            self._leave_out(f"cannot read {path}: {error.strerror}")

    def _leave_out(self, why: str) -> None:
        self._is_whole = False
        self._exporter.warn(f"left out for now: {why}")

    def _visit(self, file: SessionReader, *, is_last: bool) -> Iterator[Lines]:
        identity = file.identity
        position = None if identity is None else self._positions.get(identity)
        session_id = None if identity is None else self._seen.get(identity)
        if session_id not in (None, file.session_id):
            self._exporter.warn(f"left out: {file.path} has the id of {session_id}")
        elif identity is not None and position and file.has_line_at(position):
            yield from self._read(file, identity, position.offset)
        elif session_id is not None:
            pass  # a shorter copy
        elif not (is_last or self._is_first):
            self._unmatched.append(file.path)
        elif identity is not None and position:
            del self._positions[identity]
            yield [_gap(identity, REWRITTEN)]
            yield from self._read(file, identity, 0)
        else:
            yield from self._read_unknown(file)

    def _read_unknown(self, file: SessionReader) -> Iterator[Lines]:
        """Read a new file, or a known one whose line 1 is no longer the same.

        It was damaged, or written again by `store.repair`.
        """
        place = file.find(self._missing) if self._missing else None
        if place is not None:
            identity = self._missing.pop(place)
            del self._positions[identity]
            current = identity if file.identity is None else file.identity
            self._positions[current] = place
            line = file.metadata_line()
            if line is not None and current != identity:
                yield self._exporter.select(file.path, [line])
            yield from self._read(file, current, place.offset)
        elif file.identity is not None:
            yield from self._read(file, file.identity, 0)
        elif file.status.st_size:
            self._exporter.warn(
                f"left out: {file.path} does not begin with entries of "
                f"{file.session_id}; `headcount doctor` says how to fix it"
            )

    def _read(self, file: SessionReader, identity: int, offset: int) -> Iterator[Lines]:
        if offset < file.status.st_size:  # most files have nothing new
            for lines, end in file.read(offset):
                self._positions[identity] = end
                yield self._exporter.select(file.path, lines)
        self._remember(file.path, _File(_signature(file.status), identity))

    def _gaps(self) -> Iterator[Lines]:
        missing = self._positions.keys() - self._seen.keys()
        if self.is_quiet and self._is_whole:
            for identity in sorted(missing):
                del self._positions[identity]
                yield [_gap(identity, DELETED)]
        elif missing and not self._is_whole:
            self._exporter.warn(
                f"{count(len(missing), 'session')} may have been deleted; that is not "
                "known until everything can be read"
            )


def _gap(identity: int, reason: str) -> bytes:
    """Return the line that says that a session's entries are gone."""
    gap = {
        "type": schema.GAP,
        "v": 1,
        "metadata_id": f"{identity:016x}",
        "reason": reason,
        "timestamp": timestamps.from_epoch(time.time()),
    }
    return jsonl.encode(gap).rstrip(b"\n")


def _folders() -> tuple[list[str], bool]:
    """Return the folders of sessions, oldest first, and whether that is all of them.

    `paths.archive_folders` leaves out what it must not look into.
    """
    days = paths.archive_folders()
    try:
        names = os.listdir(paths.ARCHIVE_DIR)
    except FileNotFoundError:
        names = []
    except OSError:
        return [paths.SESSIONS_DIR], False
    is_whole = len(days) == sum(name[:1].isdigit() for name in names)
    return [*reversed(days), paths.SESSIONS_DIR], is_whole


def _stamps(folders: list[str]) -> Stamps:
    stamps: Stamps = {}
    for folder in (paths.ARCHIVE_DIR, *folders):
        try:
            stamps[folder] = os.stat(folder).st_mtime_ns
        except OSError:
            stamps[folder] = None
    return stamps


def _changed_since(stamps: Stamps, began: int) -> bool:
    """Whether a folder changed since *began*, or so little before it that it may have.

    Times of files are as coarse as the tick of a clock.
    """
    latest = time.time_ns()
    known = [stamp for stamp in stamps.values() if stamp is not None]
    return any(began - _TICK_NS <= stamp <= latest for stamp in known)


def _in_order(files: Iterable[os.DirEntry[str]]) -> list[str]:
    """Return the paths of *files*; those of one session in the order of archiving."""
    keyed = []
    for file in files:
        session_id, _, number = file.name.removesuffix(paths.SUFFIX).partition(".")
        keyed.append((session_id, int(number or 0), file.path))
    return [path for _, _, path in sorted(keyed)]
