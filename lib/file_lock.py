"""Locks a file: filelock's protocol on the file's own descriptor, with a timeout.

Promises
    * At most one process holds the lock of a file, among all that lock it here or
      through filelock. Readers take no lock.
    * The kernel releases the lock at once when its holder dies, however it dies. A
      holder that is stopped keeps it, so every wait has a timeout.
    * The lock is on the file itself. There is no lock file to go stale or be deleted.

For the first two seconds we make the system call that filelock would make; only those
who wait longer import filelock. Its import costs 35 ms of processor time in every
waiter at once: with 64 of them on two processors the waits grew tenfold. The delay
between two attempts doubles from 0.5 ms to 20 ms, each time with jitter.
"""

from __future__ import annotations

import os
import sys
import time

from .errors import LockError, LockTimeoutError, LockUnsupportedError
from .system import private

try:
    import fcntl
except ImportError:  # Windows: filelock has its own call there
    fcntl = None  # type: ignore[assignment]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

# Long enough for a queue of 256 writers. Hooks have a timeout of their own.
DEFAULT_TIMEOUT_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.0005
_MAX_DELAY_SECONDS = 0.02
_SESSION_SUFFIX = ".jsonl"
_FLOCK_ONLY_SECONDS = 2.0  # then filelock is imported; see above


def with_lock(
    path: str | os.PathLike[str],
    operation: Callable[[], T],
    *,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
) -> T:
    """Call *operation* while holding the lock of the file at *path*; return its result.

    A missing file is created empty, except a `*.jsonl`: a session's file begins with
    its metadata. The lock is always released. It is not reentrant: locking the same
    file again inside *operation* times out.

    Raises LockTimeoutError after *timeout* seconds, and LockError if the file cannot
    be locked at all. Either is also printed as one `[file-lock]` line on stderr.
    """
    name = os.fspath(path)
    try:
        descriptor = _open_and_lock(name, time.monotonic() + timeout)
    except LockError as error:
        sys.stderr.write(f"[file-lock] {error}\n")
        raise
    try:
        return operation()
    finally:
        release(descriptor)


def acquire(descriptor: int, path: str, timeout: float) -> None:
    """Lock *descriptor*, which is open on *path*, until `release`.

    Raises LockTimeoutError after *timeout* seconds (0: after one attempt), and
    LockUnsupportedError if the file system has no locks.
    """
    started = time.monotonic()
    attempts, delay = 1, _FIRST_DELAY_SECONDS
    attempt: Callable[[int], bool] = _try_once
    while not _guarded(attempt, descriptor, path):
        waited = time.monotonic() - started
        if waited >= timeout:
            raise LockTimeoutError(
                f"cannot lock {path}: {attempts} attempts in {waited:.2f} s, and each "
                "found it held by another process. If that process is stopped, "
                f"continue or end it (`fuser {path}` shows its pid)"
            )
        if waited > _FLOCK_ONLY_SECONDS:
            attempt = _filelock_attempt()
        time.sleep(min(_jittered(delay), max(0.0, timeout - waited)))
        delay = min(delay * 2, _MAX_DELAY_SECONDS)
        attempts += 1


def release(descriptor: int) -> None:
    """Release the lock of *descriptor*, if it has one, and close it.

    Closing alone would leave the lock to a child that was forked meanwhile.
    """
    try:
        if fcntl is not None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    except OSError:
        pass  # a file system without locks
    finally:
        os.close(descriptor)


def is_same_file(path: str, descriptor: int) -> bool:
    """Whether *path* is still the file that *descriptor* is open on."""
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _open_and_lock(path: str, deadline: float) -> int:
    while True:
        descriptor = _open(path)
        try:
            acquire(descriptor, path, max(0.0, deadline - time.monotonic()))
            if is_same_file(path, descriptor):
                return descriptor
        except BaseException:
            release(descriptor)
            raise
        release(descriptor)  # it was moved while we waited: lock the file there now


def _open(path: str) -> int:
    is_session = path.endswith(_SESSION_SUFFIX)
    try:
        if is_session:
            return os.open(path, os.O_RDWR | private.SAFE_FLAGS)
        return private.open_or_create(path, os.O_RDWR)
    except OSError as error:
        if is_session and isinstance(error, FileNotFoundError):
            raise LockError(f"cannot lock {path}: there is no such session") from None
        raise LockError(f"cannot open {path} to lock it: {error.strerror}") from error


def _guarded(attempt: Callable[[int], bool], descriptor: int, path: str) -> bool:
    """Return whether *attempt* got the lock; raise LockUnsupportedError if it fails."""
    try:
        return attempt(descriptor)
    except OSError as error:
        raise LockUnsupportedError(
            f"cannot lock {path}: {error.strerror}; does its file system support locks?"
        ) from error


def _try_once(descriptor: int) -> bool:
    """Return whether the lock was free; it is taken as filelock takes it."""
    if fcntl is None:
        return _filelock_attempt()(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EACCES is contention on some systems
        return False
    return True


def _filelock_attempt() -> Callable[[int], bool]:
    from .system import site_packages

    site_packages.add_site_packages()
    try:
        from filelock import lock_descriptor
    except ImportError:  # during uninstall, or without the environment
        return _try_once
    return lambda descriptor: lock_descriptor(descriptor, blocking=False)


def _jittered(delay: float) -> float:
    """Return between half and all of *delay*; importing `random` would cost 5 ms."""
    return delay * (0.5 + os.urandom(1)[0] / 510)
