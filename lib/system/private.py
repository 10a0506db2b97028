"""Opening, reading and replacing files that only this user may read or write."""

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


def open_private(path: str, flags: int) -> int:
    """Open the file at *path* with *flags*, create it if it is missing; mode 0600."""
    descriptor = os.open(path, flags | os.O_CREAT | SAFE_FLAGS, FILE_MODE)
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, FILE_MODE)  # whatever the umask
    return descriptor


def check_ours(path: str, status: os.stat_result) -> None:
    """Raise StoreError unless *status* is that of a regular file of this user."""
    if not stat.S_ISREG(status.st_mode):
        raise StoreError(f"{path} is not a regular file; it was left alone")
    if _HAS_USERS and status.st_uid != os.geteuid():
        raise StoreError(
            f"{path} belongs to user {status.st_uid}, not you; it was left alone. "
            "`headcount doctor` says what helps"
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
    content = read_regular(path, limit + 1)
    if len(content) > limit:
        message = f"It has more than {limit >> 20} MiB"
        raise OSError(errno.EFBIG, message, path)
    return content


def write(path: str, content: bytes, like: str | None = None) -> None:
    """Write *content* to the file at *path*, mode 0600, all or nothing.

    An existing file is replaced; a symbolic link stays, and its target is replaced. A
    device or a pipe is written to. *like* is as in `write_temporary`. Raises OSError
    that names the path.
    """
    if _is_stream(path):
        with open(path, "wb") as stream:
            stream.write(content)
        return
    try:
        _replace(os.path.realpath(path), content, like)
    except OSError as error:
        error.filename, error.filename2 = path, None  # not the temporary name
        raise


def _replace(path: str, content: bytes, like: str | None) -> None:
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    temporary = write_temporary(path, content, like)
    try:
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def write_temporary(path: str, content: bytes, like: str | None = None) -> str:
    """Write *content* durably to a new file beside *path*, and return its name.

    Its mode is 0600; with *like*, it gets the owner, mode and extended attributes of
    that file, if there is one. The caller renames it to *path* or removes it.
    """
    folder, name = os.path.split(path)
    name = f".{name.lstrip('.')[:_NAME_LENGTH]}.{os.urandom(_RANDOM_BYTES).hex()}.tmp"
    temporary = os.path.join(folder, name)
    descriptor = open_private(temporary, os.O_WRONLY | os.O_EXCL)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if like is not None:
                _copy_ownership(like, temporary)
            os.fsync(descriptor)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _copy_ownership(source: str, target: str) -> None:
    import shutil

    try:
        wanted = os.stat(source)
    except FileNotFoundError:
        return
    current = os.stat(target)
    if (current.st_uid, current.st_gid) != (wanted.st_uid, wanted.st_gid):
        os.chown(target, wanted.st_uid, wanted.st_gid)
    shutil.copystat(source, target)
    os.utime(target)


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


def _is_stream(path: str) -> bool:
    """Whether *path* is a device or a pipe: written to, not replaced."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))
