"""The bytes on disk: one session's file, a metadata line and then a line per entry.

Promises
    * Line 1 is there before the file has its name. Lines are only added.
    * Writers exclude each other with the file's lock. Readers take no lock.
    * A crash can tear at most the line being written. Readers pass over it, and the
      next append starts on a line of its own.
    * A file is moved only under its lock, and never over another.

Calling sequence
    create(path, line)   or   append(path, make_line, timeout=...)
    with locked(path):   rename.rename(path, target)
"""

from __future__ import annotations

import errno
import os
import time

from .. import file_lock
from ..errors import LockError, LockUnsupportedError, StoreError
from ..system import private
from . import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK_BYTES = 4 * 1024  # a short session whole, or about ten entries
LAST_BYTES = 1024  # the last entry, and some before it
HEAD_BYTES = 64 * 1024  # no entry is longer, so line 1 lies within
TAIL_BYTES = 16 * 1024 * 1024
_APPEND = os.O_RDWR | os.O_APPEND | private.SAFE_FLAGS
_READ = os.O_RDONLY | private.SAFE_FLAGS
_NO_HARD_LINKS = frozenset([errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])


def create(
    path: str, line: bytes, *, is_taken: Callable[[], bool] = lambda: False
) -> None:
    """Begin the session's file at *path* with *line*, all or nothing.

    The line is written under a hidden name, made durable, and linked into place: no
    reader sees a file without its first line, and of two beginners one wins. So it is
    if the other's file was moved away before ours had its name, which *is_taken* tells
    from then on: ours goes again. Raises FileExistsError if another has begun it, else
    OSError.
    """
    hidden = paths.temporary_path(paths.id_of(path))
    descriptor = private.open_private(hidden, _APPEND | os.O_EXCL)
    try:
        file_lock.acquire(descriptor, hidden, 0)  # until the second name is gone
    except LockUnsupportedError:
        pass  # nobody else can take it either
    try:
        _write(descriptor, line)
        os.fsync(descriptor)
        _name(hidden, path, line)
        if is_taken():
            _withdraw(path, descriptor, len(line))
    finally:
        _unlink_if_there(hidden)
        file_lock.release(descriptor)
    private.sync_folder(os.path.dirname(path))


def append(
    path: str,
    make: Callable[[], bytes],
    *,
    timeout: float,
    write_unlocked: bool = False,
) -> LockError | None:
    """Add the line that *make* returns to the session's file at *path*.

    *make* is called under the lock, so that what it reads cannot change before its
    line is there. The line gets one of its own whatever the file ends in.

    If the lock cannot be had within *timeout* seconds this raises LockTimeoutError,
    or, with *write_unlocked*, writes without it, by the same single append-mode write,
    and returns the error. It does the same where the file system has no locks.

    Raises FileNotFoundError if there is no file (it never makes one), StoreError if it
    is not ours to write, OSError if the line could not be written whole.
    """
    deadline = time.monotonic() + timeout
    while True:
        descriptor, _ = _open_ours(path)
        try:
            problem = _try_lock(descriptor, path, deadline)
            if problem is not None:
                if not (write_unlocked or isinstance(problem, LockUnsupportedError)):
                    raise problem
                _settle_links(path, descriptor, unlink=False)
                _write(descriptor, _on_its_own(descriptor, make()), roll_back=False)
                return problem
            if file_lock.is_same_file(path, descriptor):
                _settle_links(path, descriptor)
                _write(descriptor, _on_its_own(descriptor, make()))
                return None
        finally:
            file_lock.release(descriptor)


class locked:  # noqa: N801  # a context manager, used like a function
    """Hold the lock of the session's file at *path*, checked to be ours and settled.

    Entering raises FileNotFoundError, StoreError or LockError. `contextlib` would cost
    the hooks 3 ms.
    """

    def __init__(self, path: str, timeout: float = 0.0) -> None:
        self._path = path
        self._timeout = timeout

    def __enter__(self) -> None:
        self._descriptor, _ = _open_ours(self._path)
        try:
            file_lock.acquire(self._descriptor, self._path, self._timeout)
            if not file_lock.is_same_file(self._path, self._descriptor):
                raise FileNotFoundError(errno.ENOENT, "moved meanwhile", self._path)
            _settle_links(self._path, self._descriptor)
        except BaseException:
            file_lock.release(self._descriptor)
            raise

    def __exit__(self, *_: object) -> None:
        file_lock.release(self._descriptor)


def read_head(descriptor: int, size: int, most: int) -> bytes:
    """Return the whole lines in the first *most* bytes of a file of *size*.

    Of a file that is no longer all of it: its last line may lack the newline.
    """
    block = _pread(descriptor, min(most, size), 0)
    return block if size <= most else block[: block.rfind(b"\n") + 1]


def read_backwards(
    descriptor: int, start: int, size: int, is_enough: Callable[[list[bytes]], bool]
) -> int:
    """Show *is_enough* the lines between *start* and *size*, the last block first.

    Until it says so, or TAIL_BYTES have been read. The lines of one block are in the
    file's order. A line longer than an entry can be is passed over: memory is bounded.
    Returns the offset that has been reached.
    """
    low, block, rest = size, LAST_BYTES, b""
    while low > start and size - low < TAIL_BYTES:
        high, low = low, max(start, low - block)
        lines = (_pread(descriptor, high - low, low) + rest).split(b"\n")
        rest = lines.pop(0) if low > start else b""
        if len(rest) > HEAD_BYTES:
            rest = b""
        if is_enough(lines):
            break
        block = HEAD_BYTES
    return low


def open_to_read(path: str) -> tuple[int, os.stat_result]:
    """Open the regular file of ours at *path*, and say what it is.

    Raises FileNotFoundError, StoreError, OSError.
    """
    return _open_ours(path, _READ)


def remove_leftovers(folder: str, older_than: float) -> None:
    """Remove hidden files of `create` that a crash left before *older_than* (epoch)."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if paths.is_temporary(entry.name):
                status = entry.stat(follow_symlinks=False)
                private.check_ours(entry.path, status)
                if status.st_mtime < older_than:
                    os.unlink(entry.path)


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def _name(hidden: str, path: str, line: bytes) -> None:
    try:
        os.link(hidden, path, follow_symlinks=False)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        descriptor = private.open_private(
            path, _APPEND | os.O_EXCL
        )  # a file system without hard links
        try:
            _write(descriptor, line)
        finally:
            os.close(descriptor)


def _withdraw(path: str, descriptor: int, size: int) -> None:
    """Take away the file at *path*, begun under the lock of *descriptor*.

    One that has grown all the same stays. Raises FileExistsError if it is gone.
    """
    status = os.fstat(descriptor)
    if status.st_size == size and os.path.samestat(os.lstat(path), status):
        os.unlink(path)
        raise FileExistsError(errno.EEXIST, "begun by another, and moved since", path)


def _open_ours(path: str, flags: int = _APPEND) -> tuple[int, os.stat_result]:
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreError(f"{path} is a symbolic link; it was left alone") from None
        raise
    try:
        status = os.fstat(descriptor)
        private.check_ours(path, status)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor, status


def _try_lock(descriptor: int, path: str, deadline: float) -> LockError | None:
    try:
        file_lock.acquire(descriptor, path, max(0.0, deadline - time.monotonic()))
    except LockError as error:
        return error
    return None


def _settle_links(path: str, descriptor: int, *, unlink: bool = True) -> None:
    """See to it that *path* is the file's only name.

    A second name inside the store is a create or a move that a crash interrupted; it
    is finished (with *unlink*) in favour of the live name. Any other is a stranger's.
    """
    status = os.fstat(descriptor)
    surplus = status.st_nlink - 1
    if surplus < 1:
        return
    if unlink:
        _leave_for_live_name(path, status)
    for other in _possible_names(path):
        if other != path and os.path.samestat(os.lstat(other), status):
            surplus -= 1
            if unlink:
                os.unlink(other)
    if surplus > 0:
        raise StoreError(
            f"{path} has a second name (hard link) outside the store; it was left "
            f"alone. `find / -samefile {path}` finds the other"
        )


def _leave_for_live_name(path: str, status: os.stat_result) -> None:
    """If *path* is archived, and back under its live name already, let it go there.

    Raises FileNotFoundError then: the session is no longer where it was looked for.
    """
    live = paths.session_path(paths.id_of(path))
    if os.path.samefile(os.path.dirname(path), paths.SESSIONS_DIR):
        return
    if os.path.lexists(live) and os.path.samestat(os.lstat(live), status):
        os.unlink(path)
        raise FileNotFoundError(errno.ENOENT, "brought back meanwhile", path)


def _possible_names(path: str) -> list[str]:
    folder, session_id = os.path.dirname(path), paths.id_of(path)
    hidden = [
        os.path.join(folder, name)
        for name in os.listdir(folder)
        if name.startswith(f".{session_id}.") and paths.is_temporary(name)
    ]
    return hidden + paths.archived_paths(session_id)


def _on_its_own(descriptor: int, line: bytes) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > 0 and _pread(descriptor, 1, size - 1) != b"\n":
        return b"\n" + line
    return line


def _write(descriptor: int, line: bytes, *, roll_back: bool = True) -> None:
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
    except OSError:
        if roll_back and os.fstat(descriptor).st_size != before:
            os.ftruncate(descriptor, before)
        raise
    if written != len(line):
        if roll_back:
            os.ftruncate(descriptor, before)
        raise OSError(errno.ENOSPC, "the entry was not written: no room for all of it")


def _seek_and_read(descriptor: int, length: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


# Less than asked for comes only where the file has ended. Windows has no pread.
_pread: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)
