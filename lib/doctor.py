"""`headcount doctor`: is everything in place, and if not, which command mends it.

Each check yields findings, and none changes anything. A check that cannot be carried
out is itself a finding, so that one fault does not hide the others: the store may be
missing, unreadable or refused, and the rest is looked at all the same.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
from typing import NamedTuple

from .errors import HeadcountError, StoreError
from .words import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .settings import WiredHook

    Check = Callable[[float], Iterator["Finding"]]

OK, WARN, PROBLEM = "ok", "warn", "problem"

_OLDEST_PYTHON = (3, 10)
_PACKAGES = ("filelock", "psutil", "python-dateutil")
_ERROR_LOG = "errors.log"
_LOG_DAYS = 7
_LOG_LINES = 3
_DAY_SECONDS = 86_400
_MOST_NAMED = 5
_LOCK_SECONDS = 0.5
_OTHERS_MAY = 0o077
_FULL_ACCESS = os.R_OK | os.W_OK | os.X_OK
_ELSEWHERE = 'export HEADCOUNT_DIR="..." (a folder of yours on a local file system)'
_LONGEST = 4096


class Finding(NamedTuple):
    """What a check found: OK, WARN or PROBLEM, and if known, what mends it."""

    level: str
    check: str
    message: str
    mend: str | None = None


def examine(now: float) -> list[Finding]:
    """Carry out every check at *now* (epoch seconds), whatever one of them meets."""
    found: dict[str, Finding] = {}
    for check in _CHECKS:
        for finding in _findings(check, now):
            found.setdefault(finding.message, finding)  # one cause may stop several
    return list(found.values())


def lines(findings: Iterable[Finding]) -> list[str]:
    """Return the findings as people read them, what mends one below it."""
    shown = []
    for level, check, message, mend in findings:
        shown.append(plain(f"{level:<8} {check:<9} {message}", _LONGEST))
        if mend:
            shown.append(plain(f"{'':<18} mend: {mend}", _LONGEST))
    return shown


def _findings(check: Check, now: float) -> Iterator[Finding]:
    try:
        yield from check(now)
    except (HeadcountError, OSError) as error:
        mend = _ELSEWHERE if isinstance(error, StoreError) else None
        yield Finding(PROBLEM, check.__name__.strip("_"), str(error), mend)


# ---- The interpreter ------------------------------------------------------------


def _python(_: float) -> Iterator[Finding]:
    told = f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}"
    if sys.version_info[:2] >= _OLDEST_PYTHON:
        yield Finding(OK, "python", told)
        return
    oldest = ".".join(map(str, _OLDEST_PYTHON))
    message = f"{told}; {oldest} is the oldest that will do"
    yield Finding(PROBLEM, "python", message, _install())


def _packages(_: float) -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    found, missing = [], []
    for name in _PACKAGES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if found:
        yield Finding(OK, "packages", ", ".join(found))
    if missing:
        message = f"{sys.executable} lacks {', '.join(missing)}"
        mend = shlex.join([sys.executable, "-m", "pip", "install", *missing])
        yield Finding(PROBLEM, "packages", message, mend)


# ---- The store ------------------------------------------------------------------


def _store(now: float) -> Iterator[Finding]:
    from . import store

    folder = store.SESSIONS_DIR
    if not os.path.lexists(folder):
        yield _missing_store(folder)
        return
    faults = list(_folder_faults(folder, "store"))
    yield from faults
    if not faults:
        count = sum(1 for _ in store.session_files(folder))
        archived = sum(
            1 for day in store.archive_folders() for _ in store.session_files(day)
        )
        yield Finding(OK, "store", f"{folder}: {count} sessions, {archived} archived")
    if os.path.isdir(folder) and os.access(folder, _FULL_ACCESS):
        for check in (_files, _archive, _lock, _errors):
            yield from _findings(check, now)


def _missing_store(folder: str) -> Finding:
    above = os.path.dirname(folder)
    while not os.path.lexists(above):
        above = os.path.dirname(above)
    if os.path.isdir(above) and os.access(above, os.W_OK | os.X_OK):
        return Finding(OK, "store", f"{folder} is made when the first session begins")
    message = f"{folder} cannot be made: {above} is no folder that you may write to"
    return Finding(PROBLEM, "store", message, _ELSEWHERE)


def _folder_faults(folder: str, check: str) -> Iterator[Finding]:
    if not os.path.isdir(folder):
        link = " but a symbolic link to nothing" * os.path.islink(folder)
        fault = f"{folder} is no folder{link}"
        yield Finding(PROBLEM, check, fault, _move_away(folder))
        return
    status = os.stat(folder)
    mode = stat.S_IMODE(status.st_mode)
    private = shlex.join(["chmod", "700", folder])
    if not _is_ours(status):
        message = f"{folder} belongs to user {status.st_uid}, not to you"
        yield Finding(PROBLEM, check, message, _take_over(folder))
    elif mode & _OTHERS_MAY:
        message = f"{folder} is open to others (mode {mode:04o})"
        yield Finding(PROBLEM, check, message, private)
    elif mode & stat.S_IRWXU != stat.S_IRWXU or not os.access(folder, _FULL_ACCESS):
        message = f"{folder} is closed to yourself (mode {mode:04o})"
        yield Finding(PROBLEM, check, message, private)


def _files(_: float) -> Iterator[Finding]:
    """Look at the session files: whose they are, who may read them, what they hold."""
    from . import sessions

    files = _all_files()
    theirs = [path for path, status in files.items() if not _is_ours(status)]
    opened = [path for path, status in files.items() if _is_not_private(status)]
    faulty = {*theirs, *opened}
    damaged = [
        str(info.path)
        for archived in (False, True)
        for info in sessions.discover_sessions(archived=archived)
        if info.metadata is None and str(info.path) not in faulty
        if os.path.lexists(info.path)  # else it was archived meanwhile
    ]
    yield from _on_files(theirs, "not yours", _take_over)
    yield from _on_files(opened, "not of mode 0600", _make_private)
    yield from _on_files(damaged, "without valid metadata", _move_away)
    if files and not (faulty or damaged):
        yield Finding(OK, "files", "every session file is yours, private and readable")


def _all_files() -> dict[str, os.stat_result]:
    from . import store

    files: dict[str, os.stat_result] = {}
    for folder in (store.SESSIONS_DIR, *store.archive_folders()):
        paths = sorted(entry.path for entry in store.session_files(folder))
        for path in (*paths, os.path.join(folder, _ERROR_LOG)):
            try:
                files[path] = os.lstat(path)
            except FileNotFoundError:
                continue  # archived meanwhile, or no such log
    return files


def _is_not_private(status: os.stat_result) -> bool:
    from . import store

    mode = status.st_mode
    return stat.S_ISREG(mode) and stat.S_IMODE(mode) != store.FILE_MODE


def _on_files(
    paths: list[str], fault: str, mend: Callable[..., str]
) -> Iterator[Finding]:
    """Yield one finding for all *paths*; the command is for as many as it names."""
    if not paths:
        return
    named = paths[:_MOST_NAMED]
    more = len(paths) - len(named)
    message = f"{len(paths)} {fault}: {', '.join(named)}"
    message += f" and {more} more; mend these and look again" if more else ""
    yield Finding(PROBLEM, "files", message, mend(*named))


def _archive(_: float) -> Iterator[Finding]:
    from . import store

    folder = store.ARCHIVE_DIR
    if os.path.islink(folder):
        message = f"{folder} is a symbolic link; nothing is archived through it"
        yield Finding(PROBLEM, "archive", message, shlex.join(["rm", folder]))
    elif os.path.lexists(folder):
        yield from _folder_faults(folder, "archive")


def _lock(_: float) -> Iterator[Finding]:
    """Take a lock on a file of our own in the store, which is there but for that."""
    import contextlib
    import io

    from . import file_lock, store

    path = os.path.join(store.SESSIONS_DIR, f".doctor.{os.urandom(8).hex()}.tmp")
    try:
        with contextlib.redirect_stderr(io.StringIO()):  # the finding says it
            file_lock.with_lock(path, lambda: None, timeout=_LOCK_SECONDS)
    except HeadcountError as error:
        yield Finding(PROBLEM, "lock", str(error), _ELSEWHERE)
    else:
        yield Finding(OK, "lock", "files in the store can be locked")
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)


def _errors(now: float) -> Iterator[Finding]:
    from . import errorlog

    noted = errorlog.recent(now - _LOG_DAYS * _DAY_SECONDS)
    if not noted:
        yield Finding(OK, "errors", f"no hook failed in the last {_LOG_DAYS} days")
        return
    count = f"{len(noted)} line{'' if len(noted) == 1 else 's'} in {_ERROR_LOG}"
    newest = f"{count} of the last {_LOG_DAYS} days; the newest:"
    yield Finding(WARN, "errors", newest)
    for line in noted[-_LOG_LINES:]:
        yield Finding(WARN, "errors", line)


# ---- The hooks ------------------------------------------------------------------


def _hooks(_: float) -> Iterator[Finding]:
    wired: dict[str, list[WiredHook]] = {}
    files = _settings_files()
    for scope, path in files.items():
        yield from _in_scope(scope, path, wired)
    hooks = [hook for group in wired.values() for hook in group]
    if hooks:
        yield from _file_faults(hooks)
        yield from _missing_events(hooks)
        yield from _doubles(wired, files)
    else:
        yield Finding(PROBLEM, "hooks", _nothing_wired(), _install())


def _nothing_wired() -> str:
    """Say so; also of hooks that are wired above, where a start here does not look.

    Claude Code reads project settings from the folder it is started in alone (measured
    with 2.1.330).
    """
    from . import settings, store, tree

    here = store.project_folder(os.environ)
    above = tree.root_of(here)
    message = "no hook is wired, so no session is recorded"
    for scope, path in settings.settings_files(above).items():
        if scope != "user" and above != here and os.path.exists(path):
            message += f"; {path} counts only for sessions started in {above}"
    return message


def _in_scope(
    scope: str, path: str, wired: dict[str, list[WiredHook]]
) -> Iterator[Finding]:
    """Look at one settings file, and put its hooks of ours into *wired*."""
    from . import settings

    try:
        hooks, off = settings.installed(path), settings.disabled(path)
    except settings.SettingsError as error:
        message, mend = f"{scope}: {error}", f"edit {shlex.quote(path)}"
        yield Finding(PROBLEM, "hooks", message, mend)
        return
    wired[scope] = hooks
    if hooks:
        folders = ", ".join(sorted({os.path.dirname(hook.script) for hook in hooks}))
        yield Finding(OK, "hooks", f"{path} ({scope}): {len(hooks)} hooks of {folders}")
    if off:
        mend = f"take disableAllHooks out of {shlex.quote(path)}"
        yield Finding(PROBLEM, "hooks", f"{scope}: {path} turns off all hooks", mend)


def _settings_files() -> dict[str, str]:
    """Return the settings file of each scope here; each file once."""
    from . import settings, store

    project = store.project_folder(os.environ)
    files: dict[str, tuple[str, str]] = {}
    for scope, path in settings.settings_files(project).items():
        files.setdefault(os.path.realpath(path), (scope, path))  # at home two are one
    return dict(files.values())


def _file_faults(hooks: list[WiredHook]) -> Iterator[Finding]:
    pythons = {hook.python or hook.command for hook in hooks}
    scripts = {hook.script or hook.command for hook in hooks}
    for path in sorted(pythons | scripts):
        if not os.access(path, os.X_OK if path in pythons else os.R_OK):
            told = "python" if path in pythons else "script"
            there = os.path.exists(path)
            why = "may not be used by you" if there else "is missing, or its target is"
            message = f"the wired {told} {path} {why}"
            yield Finding(PROBLEM, "hooks", message, _install())


def _missing_events(hooks: list[WiredHook]) -> Iterator[Finding]:
    """Compare with what the wired checkouts would wire today."""
    from . import settings

    checkouts = {os.path.dirname(os.path.dirname(hook.script)) for hook in hooks}
    wanted: set[str] = set()
    for checkout in sorted(checkouts):
        if os.path.isdir(checkout):  # else its scripts were found missing
            wanted.update(settings.wanted(checkout))
    missing = sorted(wanted - {hook.event for hook in hooks})
    if missing:
        message = f"not wired: {', '.join(missing)}"
        yield Finding(PROBLEM, "hooks", message, _install())


def _doubles(
    wired: dict[str, list[WiredHook]], files: dict[str, str]
) -> Iterator[Finding]:
    """Find events for which two different commands of ours run.

    Claude Code runs the same command once, however many scopes have it.
    """
    commands: dict[str, dict[str, str]] = {}
    for scope, hooks in wired.items():
        for hook in hooks:
            commands.setdefault(hook.event, {}).setdefault(hook.command, scope)
    double = sorted(event for event, found in commands.items() if len(found) > 1)
    if not double:
        return
    # In the order of `wired`: what is wired for one project yields to what is for all.
    scopes = [s for s in wired if any(s in commands[e].values() for e in double)]
    mend = _install()
    if len(scopes) > 1:
        project = os.path.dirname(os.path.dirname(files[scopes[-1]]))
        mend = f"{mend} --uninstall --scope {scopes[-1]} --project "
        mend += shlex.quote(project)
    message = f"two commands for {', '.join(double)} in the settings of "
    message += f"{' and '.join(scopes)}: each is recorded twice"
    yield Finding(PROBLEM, "hooks", message, mend)


def _link(_: float) -> Iterator[Finding]:
    link = os.path.expanduser("~/.local/bin/headcount")
    if os.path.islink(link) and not os.path.exists(link):
        message = f"{link} is a symbolic link to nothing ({os.readlink(link)})"
        yield Finding(PROBLEM, "command", message, _install())


# ---- What mends it --------------------------------------------------------------


def _install() -> str:
    checkout = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    script = os.path.join(checkout, "install.sh")
    return shlex.quote(script) if os.path.exists(script) else "install.sh of a checkout"


def _is_ours(status: os.stat_result) -> bool:
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()


def _take_over(*paths: str) -> str:
    return shlex.join(["sudo", "chown", str(os.geteuid()), *paths])


def _make_private(*paths: str) -> str:
    return shlex.join(["chmod", "600", *paths])


def _move_away(*paths: str) -> str:
    return "; ".join(shlex.join(["mv", path, f"{path}.aside"]) for path in paths)


_CHECKS = (_python, _packages, _store, _hooks, _link)
