"""The lock: filelock's protocol on the file's own descriptor, with a finite deadline.

Promises
    * One holder at a time among all who ask here, or through filelock, for the same
      file. Readers take no lock.
    * The kernel holds it: a holder that dies, however it dies, frees it at once. A
      holder that is stopped keeps it, so every wait ends at a deadline.
    * The lock is on the file itself. There is no lock file to go stale or be deleted.

Calling sequence
    with_lock(path, operation)

The tries of the first two seconds are the kernel's own call, the one that filelock
makes; filelock comes in for those who wait longer. Its import costs 35 ms of processor,
in every waiter at once: with 64 of them on two processors the waits grew tenfold.
Waiting doubles from 0.5 ms to 20 ms, each time with jitter.
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

# Long enough for 256 writers in a queue; hooks bring their own, below a second.
DEFAULT_TIMEOUT_SECONDS = 10.0
_FIRST_DELAY_SECONDS = 0.0005
_LONGEST_DELAY_SECONDS = 0.02
# Not created by a lock: a session's file begins with its metadata.
_SESSION_SUFFIX = ".jsonl"
_ALONE_SECONDS = 2.0  # without filelock; see above


def with_lock(
    path: str | os.PathLike[str],
    operation: Callable[[], T],
    *,
    timeout: float = DEFAULT_TIMEOUT_SECONDS,
) -> T:
    """Call *operation* while holding the lock of the file at *path*; return its result.

    A missing file is created empty, except a `*.jsonl`: a session begins with its
    metadata, not with a lock. The lock is released whatever happens. It is not
    reentrant: asking again for the same file inside *operation* waits in vain.

    Raises LockTimeoutError after *timeout* seconds, LockError if the file cannot be
    locked at all; both are also said in one `[file-lock]` line on stderr.
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
    """Lock *descriptor*, open on *path*, until `release`.

    Raises LockTimeoutError after *timeout* seconds (0: one try), and
    LockUnsupportedError where the file system has no locks.
    """
    started = time.monotonic()
    attempts, delay = 1, _FIRST_DELAY_SECONDS
    attempt: Callable[[int], bool] = _try_once
    while not _attempt(attempt, descriptor, path):
        waited = time.monotonic() - started
        if waited >= timeout:
            raise LockTimeoutError(
                f"cannot lock {path}: {attempts} attempts in {waited:.2f} s, the last "
                "found it held by another process. If that one is stopped, continue "
                f"or end it (`fuser {path}` names it)"
            )
        if waited > _ALONE_SECONDS:
            attempt = _filelocks_own()
        time.sleep(min(_jittered(delay), max(0.0, timeout - waited)))
        delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
        attempts += 1


def release(descriptor: int) -> None:
    """Give the lock of *descriptor* back, if it has it, and close it.

    Closing alone would leave the lock with a child that was forked meanwhile.
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
        release(descriptor)  # moved away while we waited: lock what is there now


def _open(path: str) -> int:
    try:
        return os.open(path, os.O_RDWR | private.SAFE_FLAGS)
    except FileNotFoundError:
        if path.endswith(_SESSION_SUFFIX):
            raise LockError(f"cannot lock {path}: there is no such session") from None
    except OSError as error:
        raise LockError(f"cannot open {path} to lock it: {error.strerror}") from error
    try:
        return private.open_private(path, os.O_RDWR)
    except OSError as error:
        raise LockError(f"cannot open {path} to lock it: {error.strerror}") from error


def _attempt(attempt: Callable[[int], bool], descriptor: int, path: str) -> bool:
    try:
        return attempt(descriptor)
    except OSError as error:
        raise LockUnsupportedError(
            f"cannot lock {path}: {error.strerror}; does its file system have locks?"
        ) from error


def _try_once(descriptor: int) -> bool:
    """Take the lock as filelock would, in one call, without its import."""
    if fcntl is None:
        return _filelocks_own()(descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # EACCES is contention on some systems
        return False
    return True


def _filelocks_own() -> Callable[[int], bool]:
    from .system import site_packages

    site_packages.add_site_packages()
    try:
        from filelock import lock_descriptor
    except ImportError:  # uninstalling, or the environment is gone: same kernel call
        return _try_once
    return lambda descriptor: lock_descriptor(descriptor, blocking=False)


def _jittered(delay: float) -> float:
    """Return half to all of *delay*; `random` would cost 5 ms of import."""
    return delay * (0.5 + os.urandom(1)[0] / 510)
