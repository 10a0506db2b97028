"""The names of a session's file: how it gets one, and what a crash leaves behind.

A file is created under a hidden name and linked to its live one. It is moved to the
archive and back in one step; where the system has no rename that never overwrites, by a
link to the new name and an unlink of the old one. At any moment it has these names:

    hidden            Being created, or `create` was killed: no reader sees it.
                      `remove_leftovers` removes it after an hour.
    hidden + live     Created, or `create` was killed before it removed the hidden
                      name. Whoever next locks the file removes that.
    live              The normal state.
    live + archived   Being moved, or a move was killed, either way. Whoever next locks
                      the file removes the archived name: the session is live.
    archived          The normal state of an archived session.
    any + elsewhere   Somebody linked the file from outside the store. It is left
                      alone, with an error.

Whoever creates or moves a file holds its lock until it has one name again; so a second
name that is found while holding the lock belongs to an interrupted operation.

A name is removed or moved relative to its opened folder, and only if it is still that
of the file in hand: a path can lead elsewhere from one moment to the next.
"""

from __future__ import annotations

import errno
import os

from .. import file_lock
from ..errors import LockUnsupportedError, StoreError
from ..system import folder, private
from . import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ..system.folder import Folder

_APPEND = os.O_RDWR | os.O_APPEND
_NO_HARD_LINKS = frozenset([errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK])


def create(
    path: str, line: bytes, *, is_taken: Callable[[], bool] = lambda: False
) -> None:
    """Create the session's file at *path* with *line*, all or nothing.

    The line is written under a hidden name, made durable, and linked to *path*: no
    reader sees a file without its first line, and of two creators one wins. If the
    other's file was created and archived before ours was linked, *is_taken* reports it
    and ours is removed again. Raises FileExistsError if the session exists, OSError.
    """
    hidden = paths.temporary_path(paths.id_of(path))
    descriptor = private.create(hidden, _APPEND)
    try:
        file_lock.acquire(descriptor, hidden, 0)  # until the hidden name is removed
    except LockUnsupportedError:
        pass  # nobody else can lock it either
    try:
        private.write_whole(descriptor, line)
        os.fsync(descriptor)
        _link(hidden, path, line)
        if is_taken():
            _undo_create(path, descriptor, len(line))
    finally:
        _unlink_if_there(hidden)
        file_lock.release(descriptor)
    private.sync_folder(os.path.dirname(path))


def open_folder(path: str) -> Folder:
    """Open the folder of the session's file at *path*: the store, or an archived day.

    The store may be behind a link, which the user has chosen; what is in it may not.
    Raises StoreError, FileNotFoundError, OSError.
    """
    where = os.path.dirname(path)
    store = folder.open_own(paths.SESSIONS_DIR)
    if where == paths.SESSIONS_DIR:
        return store
    with store, store.folder(os.path.basename(paths.ARCHIVE_DIR)) as archive:
        if os.path.dirname(where) != paths.ARCHIVE_DIR:
            raise StoreError(f"{path} is not in the store; it was left alone")
        return archive.folder(os.path.basename(where))


def make_day(day: str) -> Folder:
    """Open the folder of *day* in the archive, and make what is missing of both."""
    with folder.open_own(paths.SESSIONS_DIR) as store:
        name = os.path.basename(paths.ARCHIVE_DIR)
        with store.folder(name, create=True) as archive:
            return archive.folder(day, create=True)


def unlink(path: str, descriptor: int) -> None:
    """Remove the name *path* of the file *descriptor*.

    Raises FileNotFoundError if it is another file's by now, StoreError, OSError.
    """
    with open_folder(path) as parent:
        parent.unlink_same(os.path.basename(path), descriptor)


def move(path: str, target: str, descriptor: int) -> None:
    """Rename the file *descriptor* from *path* to *target*, both in the store.

    Raises FileExistsError, and what `unlink` raises.
    """
    with open_folder(path) as source, open_folder(target) as destination:
        name = os.path.basename(path)
        source.check_same(name, descriptor)
        rename(source, name, destination, os.path.basename(target))


def rename(source: Folder, name: str, destination: Folder, new: str) -> None:
    """Rename *name* in *source* to *new* in *destination*, never over another file."""
    from ..system import atomic  # most starts of a session move nothing

    atomic.rename(source, name, destination, new)


def finish_interrupted_move(path: str, descriptor: int, *, remove: bool) -> None:
    """Make *path*, which has a second name, the only name of the file *descriptor*.

    *remove* False, for those who do not hold the lock, only checks that all its names
    are in the store. Raises StoreError if one is not, and FileNotFoundError if *path*
    is archived and the session live: it is no longer where it was looked for.
    """
    status = os.fstat(descriptor)
    surplus = status.st_nlink - 1
    if surplus < 1:
        return
    if remove:
        _prefer_live_name(path, descriptor)
    for other in _possible_names(path):
        if other != path and os.path.samestat(os.lstat(other), status):
            surplus -= 1
            if remove:
                unlink(other, descriptor)
    if surplus > 0:
        from ..system.shell import command_or_reason  # only when it is needed

        find = command_or_reason("find", "/", "-samefile", path)
        raise StoreError(
            f"{path} has a second name (hard link) outside the store; it was left "
            f"alone. `{find}` finds the other"
        )


def remove_leftovers(older_than: float) -> None:
    """Remove hidden files that a killed `create` left before *older_than* (epoch)."""
    with folder.open_own(paths.SESSIONS_DIR) as store:
        for name in filter(paths.is_temporary, store.names()):
            status = store.status(name)
            private.check_ours(os.path.join(store.path, name), status)
            if status.st_mtime < older_than:
                store.unlink(name)


def _link(hidden: str, path: str, line: bytes) -> None:
    try:
        os.link(hidden, path, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        _create_in_place(path, line)


def _create_in_place(path: str, line: bytes) -> None:
    """Create the file under its live name, where the file system has no hard links."""
    descriptor = private.create(path, _APPEND)
    try:
        private.write_whole(descriptor, line)
    finally:
        os.close(descriptor)


def _undo_create(path: str, descriptor: int, size: int) -> None:
    """Remove the file at *path*, created under the lock of *descriptor*.

    If an entry was written without the lock, so that the file is larger than *size*, it
    stays. Raises FileExistsError if it was removed.
    """
    status = os.fstat(descriptor)
    if status.st_size == size and os.path.samestat(os.lstat(path), status):
        unlink(path, descriptor)
        raise FileExistsError(errno.EEXIST, "created and archived by another", path)


def _prefer_live_name(path: str, descriptor: int) -> None:
    """Remove *path* and raise FileNotFoundError if it is archived, and live as well."""
    live = paths.session_path(paths.id_of(path))
    if path != live and file_lock.is_same_file(live, descriptor):
        unlink(path, descriptor)
        raise FileNotFoundError(errno.ENOENT, "restored in the meantime", path)


def _possible_names(path: str) -> list[str]:
    where, session_id = os.path.dirname(path), paths.id_of(path)
    hidden = [
        os.path.join(where, name)
        for name in os.listdir(where)
        if name.startswith(f".{session_id}.") and paths.is_temporary(name)
    ]
    return hidden + paths.archived_paths(session_id)


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
