"""Atomic changes of files: replacing one, and renaming one without replacing another.

New content is written beside the old one and renamed, so readers see the one or the
other, never a part. Everything is done relative to opened folders, and owner, mode and
attributes are those of open files: whoever may write to the folder can replace a name
at any moment.
"""

from __future__ import annotations

import errno
import os
import stat

from . import folder, private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .folder import Folder

# The system call that renames, and the flag that forbids replacing: renameat2(2) of
# Linux, renameatx_np(2) of macOS. A C library has one of them, or none.
_CALLS = (("renameat2", 1), ("renameatx_np", 4))
# The errors of a kernel or a file system without this call or this flag.
_UNSUPPORTED = frozenset([errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
# Without O_NONBLOCK, opening a FIFO waits for a reader.
_STREAM = os.O_WRONLY | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_NONBLOCK", 0)


def write(path: str, content: bytes, *, mode: int = private.FILE_MODE) -> None:
    """Write *content* to the file at *path*, of *mode*, all or nothing.

    An existing file of this user is replaced. A symbolic link of this user or of root
    stays, and its target is replaced. A device or a pipe is written to. Raises OSError
    that names the path: a StoreError for a file or a link of another user.
    """
    if _is_stream(path):
        _write_stream(path, content)
        return
    try:
        parent, name = folder.open_parent(path)
        with parent:
            _check_replaceable(parent, name)
            temporary = write_temporary(parent, name, content, mode=mode)
            put(parent, temporary, name)
    except OSError as error:
        if error.filename is not None:
            error.filename, error.filename2 = path, None  # not the temporary name
        raise


def put(parent: Folder, temporary: str, name: str) -> None:
    """Rename *temporary* to *name* in the folder *parent*; if that fails, remove it."""
    try:
        parent.replace(temporary, name)
    except BaseException:
        parent.unlink(temporary)
        raise


def write_temporary(
    parent: Folder,
    name: str,
    content: bytes,
    *,
    mode: int = private.FILE_MODE,
    like: int | None = None,
) -> str:
    """Write *content* durably to a new file in *parent*, and return its name.

    With *like*, it gets the group, mode and extended attributes of that open file,
    which must be this user's. The caller renames it to *name* or removes it.
    """
    temporary = private.temporary_name(name)
    descriptor = parent.create(temporary)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if like is not None:
                _copy_attributes(like, descriptor)
            elif mode != private.FILE_MODE:
                os.fchmod(descriptor, mode)
            os.fsync(descriptor)
    except BaseException:
        parent.unlink(temporary)
        raise
    return temporary


def _copy_attributes(source: int, target: int) -> None:
    """Copy group, extended attributes (Linux has ACLs among them) and mode."""
    if not hasattr(os, "fchown"):
        return  # Windows
    wanted = os.fstat(source)
    if os.fstat(target).st_gid != wanted.st_gid:
        os.fchown(target, -1, wanted.st_gid)
    for name in _attributes(source):
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError:
            pass  # as cp(1) does: only the system may set some of them
    os.fchmod(target, stat.S_IMODE(wanted.st_mode))


def _attributes(descriptor: int) -> list[str]:
    try:
        return os.listxattr(descriptor) if hasattr(os, "listxattr") else []
    except OSError:
        return []  # a file system without them


def _check_replaceable(parent: Folder, name: str) -> None:
    if not parent.has(name):
        return
    status, path = parent.status(name), os.path.join(parent.path, name)
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    private.check_ours(path, status)


def _is_stream(path: str) -> bool:
    """Whether *path* is a device or a pipe: written to, not replaced."""
    return os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path))


def _write_stream(path: str, content: bytes) -> None:
    # Not truncated: by now a link to somebody's file may be there.
    try:
        descriptor = os.open(path, _STREAM)
    except OSError as error:
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "No program reads from it", path) from None
        raise
    with open(descriptor, "wb") as stream:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EBUSY, "It was replaced in the meantime", path)
        if hasattr(os, "set_blocking"):
            os.set_blocking(descriptor, True)  # a slow reader is waited for
        stream.write(content)


# ---- Renaming -------------------------------------------------------------------


def rename(source: Folder, name: str, destination: Folder, new: str) -> None:
    """Rename *name* in *source* to *new* in *destination*, which must not exist there.

    Atomic if the system and the file system support it. Otherwise the file gets its
    second name and then loses the first: a crash in between leaves it with both.
    Raises FileExistsError, FileNotFoundError, or another OSError, such as when
    *destination* is on another file system.
    """
    if not _rename_atomically(source, name, destination, new):
        os.link(
            source.name(name),
            destination.name(new),
            src_dir_fd=source.descriptor,
            dst_dir_fd=destination.descriptor,
            follow_symlinks=False,
        )
        source.unlink(name)


def _rename_atomically(
    source: Folder, name: str, destination: Folder, new: str
) -> bool:
    """Return whether it was renamed: False if that is not supported here.

    Raises OSError if it fails.
    """
    try:
        import ctypes  # takes 4 ms, which few callers need

        library = ctypes.CDLL(None, use_errno=True)
        called, flag = next(c for c in _CALLS if hasattr(library, c[0]))
    except (ImportError, StopIteration, OSError):
        return False  # a Python without ctypes, another system, or an old one
    old = source.descriptor, os.fsencode(name)
    call = getattr(library, called)
    if call(*old, destination.descriptor, os.fsencode(new), flag) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNSUPPORTED:
        return False
    here, there = os.path.join(source.path, name), os.path.join(destination.path, new)
    raise OSError(number, os.strerror(number), here, None, there)
