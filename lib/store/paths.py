"""Where sessions are stored, and under which names.

    <SESSIONS_DIR>/<session-id>.jsonl
    <SESSIONS_DIR>/archive/YYYY-MM-DD/<session-id>.jsonl
    <SESSIONS_DIR>/errors.log
    <SESSIONS_DIR>/store-id      if the store is shared through a server

Folders are 0700 and files 0600, whatever the umask.
"""

from __future__ import annotations

import os
import stat
import time

from ..errors import InvalidSessionIdError, SessionNotFoundError, StoreError
from ..system import private

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeGuard

_KIND = "jsonl"
SUFFIX = f".{_KIND}"
ERROR_LOG = "errors.log"
_ARCHIVE = "archive"
INSTALL_LOCK = ".install.lock"
STORE_ID = "store-id"
GITIGNORE, IGNORE_ALL = ".gitignore", b"*\n"
_TEMPORARY_SUFFIX = ".tmp"

_ID_LENGTH = 128
_RANDOM_BYTES = 8
_HEX = frozenset("0123456789abcdef")
_MAX_DIGITS = 9  # nobody archives a session that often in a day
_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul"]
    + [name + digit for name in ("com", "lpt") for digit in "123456789"]
)
_LONGEST_DEVICE = 4


def locate(environ: Mapping[str, str]) -> str:
    """Return the absolute path of the store that *environ* names.

    `$HEADCOUNT_DIR` (if relative, in the project folder), else `headcount` in
    `$XDG_STATE_HOME` if that is absolute, as the XDG specification requires, else in
    `~/.local/state`.

    Raises StoreError if the user has no home, if it is in that of another user
    (`~bob`), or if a relative folder is not one of its own in the project. The settings
    of a repository can set the variables, and it can carry a symbolic link.
    """
    named = environ.get("HEADCOUNT_DIR", "")
    if named.startswith("~") and named[1:2] not in ("", os.sep):
        raise _refused(named, "names the home of a user")
    folder = os.path.expanduser(named)
    if folder and not os.path.isabs(folder):
        return _inside(project_folder(environ), folder)
    if not folder:
        state = environ.get("XDG_STATE_HOME", "")
        if not os.path.isabs(state):
            state = os.path.expanduser("~/.local/state")
        folder = os.path.join(state, "headcount")
    if not os.path.isabs(folder):
        raise StoreError(f"no home folder for {folder}; set HEADCOUNT_DIR")
    return os.path.normpath(folder)


def project_folder(environ: Mapping[str, str]) -> str:
    """Return the project folder that Claude Code names, else the current folder."""
    return os.path.abspath(environ.get("CLAUDE_PROJECT_DIR") or os.curdir)


def _inside(project: str, relative: str) -> str:
    folder = os.path.normpath(os.path.join(project, relative))
    real, top = os.path.realpath(folder), os.path.realpath(project)
    if os.path.commonpath([real, top]) != top:
        raise _refused(relative, f"leads out of {project}, to {real}")
    if real == top:
        raise _refused(relative, f"is all of {project}")
    try:
        other = None if _is_marked(folder) else first_of_others(folder)
    except OSError as error:
        raise _refused(relative, f"cannot be read: {error.strerror}") from error
    if other:
        raise _refused(relative, f"has other files, such as {other}")
    return folder


def _refused(named: str, why: str) -> StoreError:
    return StoreError(
        f"HEADCOUNT_DIR={named} {why}; nothing is recorded there. Set it to the "
        "absolute path if that is intended"
    )


def _is_marked(folder: str) -> bool:
    """Whether *folder* has the `.gitignore` that a store in a project gets."""
    try:
        path = os.path.join(folder, GITIGNORE)
        descriptor = private.open_regular(path, private.SAFE_FLAGS)
    except OSError:
        return False
    try:
        return os.read(descriptor, len(IGNORE_ALL) + 1) == IGNORE_ALL
    finally:
        os.close(descriptor)


def first_of_others(folder: str) -> str | None:
    """Return the first name in a store or its archive that is not of Headcount.

    None if it has no other, or does not exist. Raises OSError.
    """
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return None
    return next((name for name in names if not _is_of_store(name)), None)


def _is_of_store(name: str) -> bool:
    return (
        name in (_ARCHIVE, GITIGNORE)
        or is_by_product(name)
        or is_session_file(name, archived=True)
        or _is_day(name)
    )


def _is_day(name: str) -> bool:
    """Whether *name* is like 2026-01-31."""
    parts = name.split("-")
    return [len(part) for part in parts] == [4, 2, 2] and all(map(_is_number, parts))


def is_session_id(value: object) -> TypeGuard[str]:
    """Whether *value* is an id that is safe as a file name on every system.

    The rule is that of `session_path`; the names of devices on Windows are not allowed.
    """
    return (
        isinstance(value, str)
        and 0 < len(value) <= _ID_LENGTH
        and value[0] in _ALNUM
        and value.isascii()
        and value.replace("-", "").replace("_", "").isalnum()
        and (len(value) > _LONGEST_DEVICE or value.lower() not in _DEVICES)
    )


def session_path(session_id: str) -> str:
    """Return the path of the live session; raise InvalidSessionIdError."""
    if not is_session_id(session_id):
        raise InvalidSessionIdError(
            f"{ascii(session_id)[:80]} is not a session id: 1 to {_ID_LENGTH} of "
            "A-Z a-z 0-9 - _, beginning with a letter or digit"
        )
    return os.path.join(SESSIONS_DIR, session_id + SUFFIX)


def id_of(path: str) -> str:
    """Return the session id that the file at *path*, live or archived, is named by."""
    return path.rpartition(os.sep)[2].partition(".")[0]


def temporary_path(name: str) -> str:
    """Return a new path in the store that no listing shows, for a file to be *name*."""
    digits = os.urandom(_RANDOM_BYTES).hex()
    return os.path.join(SESSIONS_DIR, f".{name}.{digits}{_TEMPORARY_SUFFIX}")


def is_temporary(name: str) -> bool:
    """Whether `temporary_path` gives such names: `.<id>.<16 hex digits>.tmp`."""
    if not (name.startswith(".") and name.endswith(_TEMPORARY_SUFFIX)):
        return False
    session_id, _, digits = name[1 : -len(_TEMPORARY_SUFFIX)].partition(".")
    return (
        is_session_id(session_id)
        and len(digits) == 2 * _RANDOM_BYTES
        and _HEX.issuperset(digits)
    )


def is_by_product(name: str) -> bool:
    """Whether a file *name* in the store is ours, but not of a session."""
    names = (ERROR_LOG, f"{ERROR_LOG}.1", INSTALL_LOCK, STORE_ID)
    return name in names or is_temporary(name)


def is_session_file(name: str, *, archived: bool) -> bool:
    """Whether a file *name* is that of a session, whose id it begins with.

    It is `<id>.jsonl`. If *archived* more than once in a day, the session has
    `<id>.1.jsonl`, and so on, besides.
    """
    session_id, _, rest = name.partition(".")
    if rest != _KIND:
        number, _, kind = rest.partition(".")
        if not (archived and kind == _KIND and _is_number(number)):
            return False
    return is_session_id(session_id)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS


def session_files(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the entries of *folder*, if it exists, that are named like a session.

    No other file is a session to any reader: a repository can bring a store with names
    that a command line takes for options. Raises StoreError if the folder cannot be
    read.
    """
    archived = folder != SESSIONS_DIR
    for entry in _entries(folder):
        if is_session_file(entry.name, archived=archived):
            yield entry


def misnamed_files(folder: str) -> Iterator[str]:
    """Yield the paths of files in *folder* that look like a session's, but by name."""
    archived = folder != SESSIONS_DIR
    for entry in _entries(folder):
        named = is_session_file(entry.name, archived=archived)
        if entry.name.endswith(SUFFIX) and not named:
            yield entry.path


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:
        return
    except OSError as error:
        raise StoreError(
            f"cannot read {folder}: {error.strerror}; `headcount doctor` says more"
        ) from error


def regular_files(folder: str) -> Iterator[tuple[os.DirEntry[str], os.stat_result]]:
    """Yield those of `session_files` that are regular files, with their status."""
    for file in session_files(folder):
        try:
            status = file.stat(follow_symlinks=False)
        except FileNotFoundError:
            continue  # archived or restored in the meantime
        if stat.S_ISREG(status.st_mode):
            yield file, status


class Listing:
    """The files of all live sessions, listed once for all who need them at a start.

    `files` has the time each was last written to (epoch seconds) and its path, least
    recently written first. Raises StoreError if the folder cannot be read.
    """

    __slots__ = ("_began", "files")

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.files = sorted(
            (status.st_mtime, file.path) for file, status in regular_files(SESSIONS_DIR)
        )

    def age(self) -> float:
        """Return how many seconds ago the listing was begun."""
        return time.monotonic() - self._began


def folders(*, archived: bool) -> list[str]:
    """Return the folder of the live sessions, or with *archived* their day folders."""
    return archive_folders() if archived else [SESSIONS_DIR]


def archive_folders() -> list[str]:
    """Return the day folders of the archive, newest first.

    A symbolic link or a folder of another user, in place of the archive or of a day,
    counts as missing; `headcount doctor` reports it.
    """
    if not private.is_own_folder(ARCHIVE_DIR):
        return []
    try:
        days = sorted(os.listdir(ARCHIVE_DIR), reverse=True)
    except OSError:
        return []  # missing or unreadable: that must not stop a session from starting
    folders = [os.path.join(ARCHIVE_DIR, day) for day in days if day[:1].isdigit()]
    return [folder for folder in folders if private.is_own_folder(folder)]


def archived_paths(session_id: str) -> list[str]:
    """Return every archived file of the session, newest first."""
    files: list[str] = []
    for folder in archive_folders():
        names = [session_id + SUFFIX]
        while os.path.lexists(os.path.join(folder, names[-1])):
            names.append(f"{session_id}.{len(names)}{SUFFIX}")
        files += [os.path.join(folder, name) for name in reversed(names[:-1])]
    return files


def not_found(session_id: str) -> SessionNotFoundError:
    """Return the error that the session is not on record, or damaged."""
    return SessionNotFoundError(
        f"no session {session_id} with valid metadata in {SESSIONS_DIR} or its "
        "archive; `headcount list --all` shows all sessions"
    )


def ensure_folder(folder: str) -> None:
    """Create *folder* and its missing parents, private to the user.

    A store inside a project gets a `.gitignore`, so that nobody's clone contains it.
    It gets that, and its mode, also if it is there already. Raises StoreError naming
    the path, also if the store belongs to another user.
    """
    if not os.path.isdir(folder):
        parent = os.path.dirname(folder)
        if parent != folder:
            ensure_folder(parent)
        _make_folder(folder)
    if folder == SESSIONS_DIR:
        _claim(folder)


def _claim(folder: str) -> None:
    """Make sure that the store *folder* is ours, and private if it is in a project."""
    status = os.stat(folder)
    if not private.is_user(status.st_uid):
        raise StoreError(
            f"{folder} belongs to user {status.st_uid}, not you; nothing is recorded "
            "there. `headcount doctor` says how to fix it"
        )
    if not IN_PROJECT:
        return
    is_private = stat.S_IMODE(status.st_mode) == private.FOLDER_MODE
    if not (is_private and _is_marked(folder)):
        _seal(folder)


def _seal(folder: str) -> None:
    """Make the store *folder* private, and give it a `.gitignore`, also for a link."""
    from ..system import atomic
    from ..system.folder import make_private, open_own

    with open_own(folder) as store:
        make_private(os.curdir, dir_fd=store.descriptor)
        temporary = atomic.write_temporary(store, GITIGNORE, IGNORE_ALL)
        atomic.put(store, temporary, GITIGNORE)


def _make_folder(folder: str) -> None:
    from ..system.folder import make  # most calls find the folder there

    try:
        make(folder)
    except OSError as error:
        if isinstance(error, FileExistsError) and os.path.isdir(folder):
            return  # another process was quicker
        raise StoreError(
            f"cannot create the folder {folder}: {error.strerror}; "
            "change its parent's owner, or set HEADCOUNT_DIR to a folder of your own"
        ) from error


# At the end, since a store in a project is examined before it is used.
SESSIONS_DIR = locate(os.environ)
ARCHIVE_DIR = os.path.join(SESSIONS_DIR, _ARCHIVE)
IN_PROJECT = not os.path.isabs(
    os.path.expanduser(os.environ.get("HEADCOUNT_DIR", "") or "/")
)
