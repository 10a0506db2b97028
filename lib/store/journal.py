"""The bytes on disk: the file of one session, read and appended to.

Promises
    * Lines are only added. Only a destroyed line 1 is written again, by `repair`.
    * Writers exclude each other with the file's lock. Readers take no lock.
    * A crash can tear at most the line being written. Readers pass over it, and the
      next append starts on a line of its own.
    * A file is moved only under its lock, and never over another.

`links` gives a file its name and keeps it at one.
"""

from __future__ import annotations

import errno
import os
import time

from .. import file_lock
from ..errors import LockError, LockUnsupportedError, StoreError
from ..system import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    ReadAt = Callable[[int, int], bytes]

BLOCK_BYTES = 4 * 1024  # a short session whole, or about ten entries
LAST_BYTES = 1024  # the last entry, and some before it
HEAD_BYTES = 64 * 1024  # no entry is longer, so line 1 is within
TAIL_BYTES = 16 * 1024 * 1024
_APPEND = os.O_RDWR | os.O_APPEND | private.SAFE_FLAGS
_READ_ONLY = os.O_RDONLY | private.SAFE_FLAGS


class LockPolicy:
    """How long to wait for a lock, in seconds, and whether to write even without it.

    Hooks do: a process that was stopped while it held the lock must not cost an entry.
    That is logged in errors.log. With *shared_deadline* all waits together end
    *timeout* seconds from now.
    """

    __slots__ = ("_deadline", "seconds", "write_unlocked")

    def __init__(
        self,
        timeout: float,
        *,
        write_unlocked: bool = False,
        shared_deadline: bool = False,
    ) -> None:
        self.write_unlocked = write_unlocked
        self.seconds = timeout
        self._deadline = time.monotonic() + timeout if shared_deadline else None

    @property
    def timeout(self) -> float:
        """The seconds that the next lock may take."""
        if self._deadline is None:
            return self.seconds
        return max(0.0, self._deadline - time.monotonic())


DEFAULT_LOCK_POLICY = LockPolicy(file_lock.DEFAULT_TIMEOUT_SECONDS)


def append(
    path: str, make: Callable[[], bytes], policy: LockPolicy
) -> LockError | None:
    """Add the line that *make* returns to the session's file at *path*.

    *make* is called under the lock, so that what it reads cannot change before its
    line is written. The line starts on its own even after a torn one.

    If the lock is not free in time, this raises LockTimeoutError, or, if *policy* says
    `write_unlocked`, writes without it, by the same single append-mode write, and
    returns the error. It does the same where the file system has no locks.

    Raises FileNotFoundError if there is no file (it never creates one), StoreError if
    it must not be written to, OSError if the line could not be written whole.
    """
    deadline = time.monotonic() + policy.timeout
    while True:
        descriptor, _ = open_ours(path, _APPEND)
        try:
            problem = _try_lock(descriptor, path, deadline, policy)
            is_locked = problem is None
            if is_locked and not file_lock.is_same_file(path, descriptor):
                continue  # it was moved while we waited
            _check_links(path, descriptor, remove=is_locked)
            line = _with_leading_newline(descriptor, make())
            private.write_whole(descriptor, line, roll_back=is_locked)
            return problem
        finally:
            file_lock.release(descriptor)


class locked:  # noqa: N801  # a context manager, used like a function
    """Hold the lock of the session's file at *path*, which then has this name alone.

    Gives the descriptor that has the lock: what is decided about the file is decided
    by it, since *path* can become another file's. Entering raises FileNotFoundError,
    StoreError or LockError. `contextlib` would cost the hooks 3 ms.
    """

    def __init__(self, path: str, timeout: float = 0.0) -> None:
        self._path = path
        self._timeout = timeout

    def __enter__(self) -> int:
        self._descriptor, _ = open_ours(self._path, _APPEND)
        try:
            file_lock.acquire(self._descriptor, self._path, self._timeout)
            if not file_lock.is_same_file(self._path, self._descriptor):
                raise FileNotFoundError(
                    errno.ENOENT, "moved in the meantime", self._path
                )
            _check_links(self._path, self._descriptor, remove=True)
        except BaseException:
            file_lock.release(self._descriptor)
            raise
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        file_lock.release(self._descriptor)


def reading(descriptor: int) -> ReadAt:
    """Return what reads the open file *descriptor*: so many bytes, from an offset on.

    It returns fewer only at the end of the file.
    """
    return lambda length, offset: read_at(descriptor, length, offset)


def read_head(read: ReadAt, size: int, limit: int) -> bytes:
    """Return the whole lines in the first *limit* bytes of a file of *size*.

    A file that is not longer is returned whole: its last line may lack the newline.
    """
    block = read(min(limit, size), 0)
    return block if size <= limit else block[: block.rfind(b"\n") + 1]


def read_backwards(
    read: ReadAt, start: int, size: int, is_enough: Callable[[list[bytes]], bool]
) -> int:
    """Pass the lines between *start* and *size* to *is_enough*, the last block first.

    Stops when it returns True, or after TAIL_BYTES. The lines of a block are in the
    order of the file. A line longer than an entry can be is skipped, to bound memory.
    Returns the offset that has been reached.
    """
    low, block, rest = size, LAST_BYTES, b""
    while low > start and size - low < TAIL_BYTES:
        high, low = low, max(start, low - block)
        lines = (read(high - low, low) + rest).split(b"\n")
        rest = lines.pop(0) if low > start else b""
        if len(rest) > HEAD_BYTES:
            rest = b""
        if is_enough(lines):
            break
        block = HEAD_BYTES
    return low


def open_ours(path: str, flags: int = _READ_ONLY) -> tuple[int, os.stat_result]:
    """Open the session's file at *path*; return its descriptor and status.

    Raises FileNotFoundError, StoreError (not a regular file of this user), OSError.
    """
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


def _try_lock(
    descriptor: int, path: str, deadline: float, policy: LockPolicy
) -> LockError | None:
    """Return None if it is locked, else the error if *policy* lets us go on without."""
    try:
        file_lock.acquire(descriptor, path, max(0.0, deadline - time.monotonic()))
    except LockError as error:
        if policy.write_unlocked or isinstance(error, LockUnsupportedError):
            return error
        raise
    return None


def _check_links(path: str, descriptor: int, *, remove: bool) -> None:
    if os.fstat(descriptor).st_nlink > 1:
        from . import links  # a crash, or a stranger, has left a second name

        links.finish_interrupted_move(path, descriptor, remove=remove)


def _with_leading_newline(descriptor: int, line: bytes) -> bytes:
    size = os.fstat(descriptor).st_size
    if size > 0 and read_at(descriptor, 1, size - 1) != b"\n":
        return b"\n" + line
    return line


def _seek_and_read(descriptor: int, length: int, offset: int) -> bytes:
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, length)


# Both return less than *length* only at the end of the file. Windows has no pread.
read_at: Callable[[int, int, int], bytes] = getattr(os, "pread", _seek_and_read)
