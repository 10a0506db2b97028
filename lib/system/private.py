"""Opening, creating and reading files that only this user may read or write."""

from __future__ import annotations

import errno
import os
import stat

from ..errors import StoreError

FILE_MODE = 0o600
FOLDER_MODE = 0o700
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)  # for a writer of a FIFO in a file's place
SAFE_FLAGS = getattr(os, "O_NOFOLLOW", 0) | _NO_WAIT
_RANDOM_BYTES = 8
_NAME_LENGTH = 50  # characters of up to 4 bytes; a name has at most 255 bytes
_HAS_USERS = hasattr(os, "geteuid")  # not on Windows


def create(path: str, flags: int, *, dir_fd: int | None = None) -> int:
    """Create the file at *path*, of mode 0600, and return a descriptor with *flags*.

    Raises FileExistsError if there is anything, and OSError.
    """
    flags |= os.O_CREAT | os.O_EXCL | SAFE_FLAGS
    descriptor = os.open(path, flags, FILE_MODE, dir_fd=dir_fd)
    make_private(descriptor)  # whatever the umask
    return descriptor


def open_or_create(path: str, flags: int, *, dir_fd: int | None = None) -> int:
    """Open the file at *path* with *flags*; create it, of mode 0600, if it is missing.

    The mode of a file that is there stays: it may have another name elsewhere.
    """
    while True:
        try:
            return os.open(path, flags | SAFE_FLAGS, dir_fd=dir_fd)
        except FileNotFoundError:
            pass
        try:
            return create(path, flags, dir_fd=dir_fd)
        except FileExistsError:
            continue  # another process was quicker


def make_private(descriptor: int) -> None:
    """Give the file *descriptor* mode 0600."""
    if hasattr(os, "fchmod"):  # not on Windows
        os.fchmod(descriptor, FILE_MODE)


def is_user(owner: int) -> bool:
    """Whether *owner*, as a status has it, is this user."""
    return not _HAS_USERS or owner == os.geteuid()


def is_own_folder(path: str) -> bool:
    """Whether there is a folder of this user at *path*, not a link to one."""
    try:
        status = os.lstat(path)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and is_user(status.st_uid)


def check_ours(path: str, status: os.stat_result) -> None:
    """Raise StoreError unless *status* is that of a regular file of this user."""
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a regular file; it was left alone")
    if not is_user(status.st_uid):
        raise StoreError(
            f"{path} belongs to user {status.st_uid}, not you; it was left alone. "
            "`headcount doctor` says how to fix it"
        )


def open_regular(path: str, flags: int = 0, *, trusted: bool = False) -> int:
    """Open the file at *path* for reading, and return its descriptor.

    It may be in a folder of anybody's. With *trusted*, the file must be one that no
    other user but root has made. Never waits. Raises OSError: a StoreError unless it is
    such a regular file.
    """
    # Even opening a device can have an effect, so look first. After that, others may
    # have replaced it.
    follow = not flags & getattr(os, "O_NOFOLLOW", 0)
    _check_regular(path, os.stat(path, follow_symlinks=follow), trusted=trusted)
    descriptor = os.open(path, os.O_RDONLY | _NO_WAIT | flags)
    try:
        _check_regular(path, os.fstat(descriptor), trusted=trusted)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(path: str, status: os.stat_result, *, trusted: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a regular file")
    if trusted and _HAS_USERS and status.st_uid not in (0, os.geteuid()):
        raise StoreError(f"{path} belongs to user {status.st_uid}, not you")


def read_regular(
    path: str, limit: int, flags: int = 0, *, trusted: bool = False
) -> bytes:
    """Return the content of the regular file at *path*, at most *limit* bytes.

    Raises OSError, as `open_regular` does.
    """
    with open(open_regular(path, flags, trusted=trusted), "rb") as file:
        return file.read(limit) or b""  # None: a file of /proc has nothing yet


def read_whole(path: str, limit: int) -> bytes:
    """Return the content of the regular file at *path*; OSError if it is longer."""
    return within(read_regular(path, limit + 1), path, limit)


def within(content: bytes, path: str, limit: int) -> bytes:
    """Return *content*, of the file at *path*; OSError if it is over *limit* bytes."""
    if len(content) > limit:
        message = f"It has more than {limit >> 20} MiB"
        raise OSError(errno.EFBIG, message, path)
    return content


def temporary_name(name: str) -> str:
    """Return a new hidden name for a file that is to become *name*."""
    name = name.lstrip(".")[:_NAME_LENGTH]
    return f".{name}.{os.urandom(_RANDOM_BYTES).hex()}.tmp"


def write_whole(descriptor: int, line: bytes, *, roll_back: bool = True) -> None:
    """Write *line* where the file is positioned, in one call, or raise OSError.

    With *roll_back*, a part written to the end is taken back: the caller must hold
    the file's lock.
    """
    before = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(
                errno.ENOSPC, "the entry was not written: no room for all of it"
            )
    except OSError:
        if roll_back and os.fstat(descriptor).st_size != before:
            os.ftruncate(descriptor, before)
        raise


def sync_folder(folder: str) -> None:
    """Make the names in *folder* durable, as after a rename; OSError if that fails."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows does not open folders, and needs no sync of them
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
