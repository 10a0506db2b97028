"""A folder that is opened once: what is done in it is done in that very folder.

Where others may write, a path can lead elsewhere from one system call to the next, and
what was checked is then not what is changed. A descriptor stays with its folder, and a
name relative to it has no links on the way.
"""

from __future__ import annotations

import errno
import os
import stat

from ..errors import StoreError
from . import private

_FOLLOWING = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)
_FLAGS = _FOLLOWING | getattr(os, "O_NOFOLLOW", 0)
# To pass through a folder, one need not be able to list it.
_PATH = _FLAGS | getattr(os, "O_PATH", getattr(os, "O_SEARCH", 0))
_NO_FOLDER = frozenset([errno.ELOOP, errno.ENOTDIR])
_HAS_DESCRIPTORS = os.open in os.supports_dir_fd  # not on Windows
_MAX_LINKS = 40  # as many as Linux follows
_ROOT = 0


class Folder:
    """An open folder, which is closed at the end of a `with` block.

    *path* is for messages. *descriptor* is None where the system cannot open folders;
    names are paths there.
    """

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor

    def __enter__(self) -> Folder:  # noqa: PYI034  # Self is not in 3.10
        return self

    def __exit__(self, *_: object) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)

    def name(self, name: str) -> str:
        """Return *name* as a system call takes it, with `dir_fd=descriptor`."""
        return name if self.descriptor is not None else os.path.join(self.path, name)

    def names(self) -> list[str]:
        """Return the names in it."""
        return os.listdir(self.path if self.descriptor is None else self.descriptor)

    def status(self, name: str) -> os.stat_result:
        """Return the status of *name*, following no link."""
        return os.stat(self.name(name), dir_fd=self.descriptor, follow_symlinks=False)

    def own_status(self) -> os.stat_result:
        """Return the status of the folder."""
        return os.stat(self.path if self.descriptor is None else self.descriptor)

    def has(self, name: str) -> bool:
        """Whether there is anything of this *name*, even a dangling link."""
        try:
            self.status(name)
        except FileNotFoundError:
            return False
        return True

    def open(self, name: str, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor of the file *name*. Raises StoreError for a link."""
        flags |= private.SAFE_FLAGS
        path = os.path.join(self.path, name)
        try:
            return os.open(self.name(name), flags, dir_fd=self.descriptor)
        except OSError as error:
            if error.errno == errno.ELOOP:
                message = f"{path} is a symbolic link; it was left alone"
                raise StoreError(message) from None
            error.filename = path
            raise

    def create(self, name: str, flags: int = os.O_WRONLY) -> int:
        """Create the file *name*, of mode 0600, and return its descriptor."""
        return private.create(self.name(name), flags, dir_fd=self.descriptor)

    def unlink(self, name: str) -> None:
        """Remove *name*."""
        os.unlink(self.name(name), dir_fd=self.descriptor)

    def unlink_same(self, name: str, descriptor: int) -> None:
        """Remove *name* if it is the file *descriptor*; else FileNotFoundError."""
        self.check_same(name, descriptor)
        self.unlink(name)

    def is_same(self, name: str, descriptor: int) -> bool:
        """Whether *name* is the file that *descriptor* is open on."""
        try:
            return os.path.samestat(self.status(name), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def check_same(self, name: str, descriptor: int) -> None:
        """Raise FileNotFoundError unless *name* is the file *descriptor*."""
        if not self.is_same(name, descriptor):
            path = os.path.join(self.path, name)
            raise FileNotFoundError(errno.ENOENT, "it was replaced by another", path)

    def replace(self, name: str, target: str) -> None:
        """Rename *name* to *target*, which is replaced if there is one."""
        here = self.descriptor
        names = self.name(name), self.name(target)
        os.replace(*names, src_dir_fd=here, dst_dir_fd=here)

    def symlink(self, target: str, name: str) -> None:
        """Make the symbolic link *name* to *target*, in place of one that is there."""
        temporary = private.temporary_name(name)
        os.symlink(target, self.name(temporary), dir_fd=self.descriptor)
        try:
            self.replace(temporary, name)
        except BaseException:
            self.unlink(temporary)
            raise

    def read_link(self, name: str) -> str:
        """Return where the symbolic link *name* leads; OSError if it is not one."""
        return os.readlink(self.name(name), dir_fd=self.descriptor)

    def rmdir(self, name: str) -> None:
        """Remove the empty folder *name*."""
        os.rmdir(self.name(name), dir_fd=self.descriptor)

    def folder(self, name: str, *, create: bool = False) -> Folder:
        """Open the folder *name* of this user in it; with *create*, make a missing one.

        Raises StoreError for a link, another user's folder or anything else of that
        name, FileNotFoundError, OSError.
        """
        path = os.path.join(self.path, name)
        if create:
            self.make(name)
        return _checked(path, self.name(name), _FLAGS, self.descriptor)

    def make(self, name: str) -> None:
        """Make the folder *name*, of mode 0700, unless there is something already."""
        try:
            make(self.name(name), dir_fd=self.descriptor)
        except FileExistsError:
            pass

    def sync(self) -> None:
        """Make the names in it durable, where the system can."""
        if self.descriptor is None:
            return
        try:
            descriptor = os.open(os.curdir, _FLAGS, dir_fd=self.descriptor)
        except OSError:
            return  # it can be written to, but not read
        try:
            os.fsync(descriptor)
        except OSError:
            pass  # not every file system syncs a folder
        finally:
            os.close(descriptor)


def make(name: str, *, dir_fd: int | None = None) -> None:
    """Make the folder *name*, of mode 0700, whatever the umask; FileExistsError."""
    os.mkdir(name, private.FOLDER_MODE, dir_fd=dir_fd)
    make_private(name, dir_fd=dir_fd)


def make_private(name: str, *, dir_fd: int | None = None) -> None:
    """Give the folder *name* of this user, not a link to one, mode 0700.

    It need not be readable: a folder that its owner cannot list is one to be fixed.
    Raises StoreError if it is another user's, and OSError.
    """
    if not _HAS_DESCRIPTORS:
        return
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=dir_fd)
    except PermissionError:
        _make_unreadable_private(name, dir_fd)
        return
    try:
        _check_user(name, os.fstat(descriptor))
        os.fchmod(descriptor, private.FOLDER_MODE)
    finally:
        os.close(descriptor)


def _make_unreadable_private(name: str, dir_fd: int | None) -> None:
    _check_user(name, os.stat(name, dir_fd=dir_fd, follow_symlinks=False))
    try:
        os.chmod(name, private.FOLDER_MODE, dir_fd=dir_fd, follow_symlinks=False)
    except NotImplementedError:  # glibc before 2.32
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), name) from None


def open_own(path: str, *, follow: bool = True) -> Folder:
    """Open the folder of this user at *path*; without *follow*, not through a link.

    Raises StoreError if it is another user's or not a folder, FileNotFoundError, and
    OSError.
    """
    return _checked(path, path, _FOLLOWING if follow else _FLAGS, None)


def _checked(path: str, name: str, flags: int, dir_fd: int | None) -> Folder:
    folder = Folder(path, _open(path, name, flags, dir_fd))
    try:
        _check_user(path, folder.own_status())
    except BaseException:
        folder.__exit__()
        raise
    return folder


def _check_user(path: str, status: os.stat_result) -> None:
    owner = status.st_uid
    if not private.is_user(owner):
        raise StoreError(f"{path} belongs to user {owner}, not you; it was left alone")


def _open(path: str, name: str, flags: int, dir_fd: int | None) -> int | None:
    """Return a descriptor of the folder *name*, whose *path* is named in errors."""
    if not _HAS_DESCRIPTORS:
        return None
    try:
        return os.open(name, flags, dir_fd=dir_fd)
    except OSError as error:
        if error.errno in _NO_FOLDER:
            raise StoreError(
                f"{path} is a symbolic link, or not a folder; it was left alone"
            ) from None
        error.filename = path
        raise


# ---- Paths that others may be able to change ------------------------------------


def check_owner(path: str, status: os.stat_result, *, or_root: bool = False) -> None:
    """Raise StoreError unless *path* is this user's by its *status*, or root's.

    Root's only with *or_root*. What is written in a folder of another user, or over a
    file of another user, becomes that user's to change, or to lose.
    """
    owner = status.st_uid
    if not private.is_user(owner) and not (or_root and owner == _ROOT):
        raise StoreError(
            f"{path} belongs to user {owner}, not you; nothing was changed. Run this "
            "as that user"
        )


def open_trusted(path: str, *, create: bool = False) -> Folder:
    """Open the folder at *path*, as `open_parent` opens that of a file."""
    if _HAS_DESCRIPTORS:
        return _walk(path, create=create, whole=True)[0]
    return _parent_by_path(os.path.join(path, os.curdir), create=create)[0]


def open_parent(path: str, *, create: bool = False) -> tuple[Folder, str]:
    """Open the folder that the file at *path* is in; return it and the file's name.

    It is reached from the root, name by name. A symbolic link, also in place of the
    file, is followed only if it is this user's or root's: another's link leads where
    another wants. With *create*, folders that are missing are made, but only in a
    folder of this user or of root. Raises StoreError, FileNotFoundError, OSError.
    """
    if _HAS_DESCRIPTORS:
        return _walk(path, create=create, whole=False)
    return _parent_by_path(os.path.realpath(path), create=create)


def _walk(path: str, *, create: bool, whole: bool) -> tuple[Folder, str]:
    """Return the folder at *path* and `.`; or, if not *whole*, its parent and name."""
    names, links = _parts(os.path.abspath(path)), 0
    folder = Folder(os.sep, os.open(os.sep, _PATH))
    try:
        while names:
            name = names.pop(0)
            target = _target(folder, name)
            if target is not None:
                links += 1
                names = _parts(target) + names
                if os.path.isabs(target):
                    folder = _go(folder, os.sep, os.sep)
            elif names or whole:
                folder = _enter(folder, name, create=create)
            else:
                return folder, name
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
    except BaseException:
        folder.__exit__()
        raise
    return folder, os.curdir


def _parent_by_path(path: str, *, create: bool) -> tuple[Folder, str]:
    where, name = os.path.split(path)
    if create:
        os.makedirs(where, private.FOLDER_MODE, exist_ok=True)
    return Folder(where, None), name


def _parts(path: str) -> list[str]:
    return [name for name in path.split(os.sep) if name not in ("", os.curdir)]


def _enter(folder: Folder, name: str, *, create: bool) -> Folder:
    path = os.path.normpath(os.path.join(folder.path, name))
    if create and not folder.has(name):
        check_owner(folder.path, folder.own_status(), or_root=True)
        folder.make(name)
    return _go(folder, name, path)


def _go(folder: Folder, name: str, path: str) -> Folder:
    """Return the folder *name* of *folder*, which is closed."""
    descriptor = _open(path, name, _PATH, folder.descriptor)
    folder.__exit__()
    return Folder(path, descriptor)


def _target(folder: Folder, name: str) -> str | None:
    """Return where the link *name* leads; None if there is no link of that name.

    Raises StoreError unless the link is this user's or root's.
    """
    try:
        status, target = _look(folder, name)
    except FileNotFoundError:
        return None
    if target is None or status.st_uid == _ROOT or private.is_user(status.st_uid):
        return target
    path = os.path.join(folder.path, name)
    raise StoreError(
        f"{path} is a symbolic link of user {status.st_uid}, not yours; it was not "
        "followed"
    )


def _look(folder: Folder, name: str) -> tuple[os.stat_result, str | None]:
    """Return the status of *name*, and if it is a symbolic link, where it leads.

    Both are of the same link, even if it is replaced in the meantime.
    """
    flags = getattr(os, "O_PATH", 0)
    while not flags:  # as on macOS
        status = folder.status(name)
        if not stat.S_ISLNK(status.st_mode):
            return status, None
        target, after = folder.read_link(name), folder.status(name)
        if os.path.samestat(status, after) and status.st_ctime_ns == after.st_ctime_ns:
            return status, target
    link = folder.open(name, flags)
    try:
        status = os.fstat(link)
        is_link = stat.S_ISLNK(status.st_mode)
        return status, os.readlink("", dir_fd=link) if is_link else None
    finally:
        os.close(link)
