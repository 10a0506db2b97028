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
    from collections.abc import Callable, Iterator

    from ..model import SessionEntry, SessionInfo, SessionMetadata
    from ..record.fold import Snapshot

    Report = Callable[[str, str], None]

_MAX_RECENT = 50
_TOO_LONG = b"too long"
_BLOCK_BYTES = 1 << 18


class no_collection:  # noqa: N801  # a context manager, used like a function
    """Pause the garbage collector while many objects are created that are all kept.

    Its repeated passes would take a tenth of the time.
    """

    def __enter__(self) -> None:
        self._was_on = gc.isenabled()
        gc.disable()

    def __exit__(self, *_: object) -> None:
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

    Upper and lower case are the same.
    """
    from ..model import SessionInfo

    prefix = prefix.lower()
    files = paths.session_files(folder)
    sessions: list[SessionInfo] = []
    with no_collection():
        for path in sorted(f.path for f in files if f.name.lower().startswith(prefix)):
            try:
                metadata = metadata_at(path, now)
            except FileNotFoundError:
                continue  # archived or restored in the meantime
            session_id = metadata["session_id"] if metadata else paths.id_of(path)
            sessions.append(SessionInfo(session_id, path, metadata))
    return sessions


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
        journal.read_backwards(descriptor, 0, status.st_size, is_enough)
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
