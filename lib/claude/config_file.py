"""A UTF-8 file that belongs to the user: read it whole, replace it whole.

Readers see the old bytes or the new ones, never a part, even after a crash (if the file
system renames atomically). Symbolic links, mode and group are kept, on Linux extended
attributes, too, and newlines are not translated. A file that cannot be read or written
raises OSError; one that is not UTF-8, UnicodeDecodeError.

A file, a link or a folder of another user is refused with StoreError. Whatever is
changed is changed through the opened folder and through descriptors: whoever may write
to the folder, too, must not be able to make us give away or open to others a file.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..system import atomic, folder, private

if TYPE_CHECKING:
    from ..system.folder import Folder

BACKUP_SUFFIX = ".headcount-backup"
MAX_BYTES = 16 * 1024 * 1024  # a thousand times what people write
# From the texts of a file and its backup to their new texts; None stands for no file.
Edit = Callable[["str | None", "str | None"], "tuple[str | None, str | None]"]

_LOSSLESS = "surrogateescape"  # for a damaged backup, or a write in progress
_ATTEMPTS = 5
_PAUSE_SECONDS = 0.05  # for a writer that truncates the file before it writes


class Change(NamedTuple):
    """How a file and its backup were changed, or would be."""

    path: str  # without symbolic links
    before: str | None
    after: str | None
    backup: str | None

    @property
    def changed(self) -> bool:
        """Whether the file was changed, or would be."""
        return self.before != self.after


def read(path: str, *, errors: str = "strict") -> str | None:
    """Return the text of the regular file at *path*; None if it does not exist.

    Raises OSError if it is another kind of file, or has more than MAX_BYTES.
    """
    try:
        return private.read_whole(path, MAX_BYTES).decode("utf-8", errors)
    except FileNotFoundError:
        return None


def plan(path: str, edit: Edit) -> Change:
    """Return how *edit* would change the file at *path* and its backup."""
    try:
        with _open(path, create=False) as file:
            return file.plan(edit)
    except FileNotFoundError:  # its folder would be made
        _check_parent(path)
        return Change(os.path.realpath(path), None, *edit(None, None))


def change(path: str, edit: Edit) -> Change:
    """Change the file at *path* and its backup as *edit* says.

    If another program writes to the file in the meantime, this starts again; after
    several attempts it raises OSError. *edit* raises ValueError to refuse a content.
    """
    with _open(path, create=True) as file:
        for attempt in range(_ATTEMPTS):
            time.sleep(attempt * _PAUSE_SECONDS)
            before = file.text()
            try:
                planned = file.plan(edit)
            except ValueError:
                time.sleep(_PAUSE_SECONDS)
                if file.text() == before:
                    raise
                continue
            if not planned.changed:
                return planned
            if file.apply(planned) and file.text() == planned.after:
                return planned
    raise OSError(errno.EBUSY, "Another program keeps writing to it", path)


@contextlib.contextmanager
def _open(path: str, *, create: bool) -> Iterator[_File]:
    parent, name = folder.open_parent(path, create=create)
    with parent:
        folder.check_owner(parent.path, parent.own_status(), or_root=True)
        yield _File(parent, name)


def _check_parent(path: str) -> None:
    """Raise StoreError if the missing folder of *path* would be in another user's."""
    parent = os.path.dirname(os.path.realpath(path))
    while not os.path.isdir(parent):
        parent = os.path.dirname(parent)
    folder.check_owner(parent, os.stat(parent), or_root=True)


class _File:
    """The file *name* in the open folder *parent*, and the backup beside it."""

    def __init__(self, parent: Folder, name: str) -> None:
        self._parent = parent
        self._name = name
        self._backup = name + BACKUP_SUFFIX
        self._path = os.path.join(parent.path, name)

    def text(self) -> str | None:
        """Return what is in it; None if it does not exist."""
        return self._read(self._name)

    def plan(self, edit: Edit) -> Change:
        """Return how *edit* would change it."""
        before = self._read(self._name, "strict")
        return Change(self._path, before, *edit(before, self._read(self._backup)))

    def apply(self, planned: Change) -> bool:
        """Write the backup and the file; False if another program wrote to it first."""
        if planned.after is not None and not self._is_writable():
            raise PermissionError(errno.EACCES, "It is read-only", self._path)
        backup = planned.backup
        if backup is not None and backup != self._read(self._backup):
            temporary = self._write_temporary(self._backup, backup)
            atomic.put(self._parent, temporary, self._backup)
        if not self._replace(planned):
            return False
        if backup is None:
            self._unlink(self._backup)
        self._parent.sync()
        return True

    def _replace(self, planned: Change) -> bool:
        # A program that takes no lock can write in the microseconds between the
        # comparison and the rename, and is then overwritten. No system call does both.
        temporary = None
        if planned.after is not None:
            temporary = self._write_temporary(self._name, planned.after)
        try:
            if self.text() != planned.before:
                return False
            if temporary is None:
                self._parent.unlink(self._name)
            else:
                self._parent.replace(temporary, self._name)
        finally:
            if temporary is not None:
                self._unlink(temporary)
        return True

    def _write_temporary(self, name: str, text: str) -> str:
        """Write *text* to a new file with the attributes of the present one."""
        content = text.encode("utf-8", _LOSSLESS)
        with self._opened(self._name) as present:
            return atomic.write_temporary(self._parent, name, content, like=present)

    def _read(self, name: str, errors: str = _LOSSLESS) -> str | None:
        with self._opened(name) as descriptor:
            if descriptor is None:
                return None
            with open(descriptor, "rb", closefd=False) as file:
                content = file.read(MAX_BYTES + 1)
            path = os.path.join(self._parent.path, name)
            return private.within(content, path, MAX_BYTES).decode("utf-8", errors)

    @contextlib.contextmanager
    def _opened(self, name: str) -> Iterator[int | None]:
        """Open the file *name* if there is one: a regular file of this user."""
        try:
            self._check(
                name, self._parent.status(name)
            )  # to open it may have an effect
            descriptor = self._parent.open(name)
        except FileNotFoundError:
            yield None
            return
        try:
            self._check(name, os.fstat(descriptor))
            yield descriptor
        finally:
            os.close(descriptor)

    def _check(self, name: str, status: os.stat_result) -> None:
        path = os.path.join(self._parent.path, name)
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISLNK(status.st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", path)
        folder.check_owner(path, status)

    def _is_writable(self) -> bool:
        """Whether the file may be written to, which a rename would not care about."""
        if not self._parent.has(self._name):
            return True
        name = self._parent.name(self._name)
        return os.access(name, os.W_OK, dir_fd=self._parent.descriptor)

    def _unlink(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self._parent.unlink(name)
