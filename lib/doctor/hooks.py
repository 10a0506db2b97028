"""The wiring: which of our hooks are in which settings, and whether they can run."""

from __future__ import annotations

import os
import shlex
from typing import NamedTuple

from . import previously_installed
from .finding import CHECKOUT, OK, PROBLEM, Context, Finding, Repair, install_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..claude.hook_merge import InstalledHook

# A project's settings may be shared by its repository: they are its people's to edit.
_OURS_TO_EDIT = ("user", "local")


class Scope(NamedTuple):
    """A settings file, our hooks in it, and whether it turns all hooks off."""

    name: str
    path: str
    hooks: list[InstalledHook]
    off: bool


def scopes(project: str) -> dict[str, str]:
    """Return the settings file of each scope for a start in *project*; each once."""
    from ..claude import settings

    files: dict[str, tuple[str, str]] = {}
    for scope, path in settings.settings_files(project).items():
        files.setdefault(os.path.realpath(path), (scope, path))  # at home two are one
    return dict(files.values())


def here() -> dict[str, str]:
    """Return the settings files that count for a start where we are."""
    from ..store import paths

    return scopes(paths.project_folder(os.environ))


def read(name: str, path: str) -> Scope:
    """Return what the settings file at *path* has; raise SettingsError."""
    from ..claude import settings

    return Scope(name, path, settings.installed_hooks(path), settings.disabled(path))


def check_hooks(_: Context) -> Iterator[Finding]:
    """Check the settings of each scope, and at what is wired in them together."""
    from ..claude import settings

    found: list[Scope] = []
    for name, path in here().items():
        try:
            scope = read(name, path)
        except settings.SettingsError as error:
            message, fix = f"{name}: {error}", f"edit {shlex.quote(path)}"
            yield Finding(PROBLEM, "hooks", message, fix)
            continue
        found.append(scope)
        yield from _summary(scope)
    installed = [scope for scope in found if scope.hooks]
    for scope in installed:
        yield from _file_faults(scope)
    if installed:
        yield from _missing_events(installed)
        yield from _duplicates(installed)
    else:
        yield _none_installed()


def check_scopes(_: Context) -> Iterator[Finding]:
    """Say which settings were looked at, and which nobody but the client sees."""
    files = ", ".join(f"{path} ({name})" for name, path in here().items())
    message = f"looked at {files}; not seen: managed settings, plugins, --settings"
    yield Finding(OK, "scopes", message)


def _summary(scope: Scope) -> Iterator[Finding]:
    name, path, hooks, off = scope
    if hooks:
        folders = ", ".join(sorted({os.path.dirname(hook.script) for hook in hooks}))
        yield Finding(OK, "hooks", f"{path} ({name}): {len(hooks)} hooks of {folders}")
    if off:
        fix = f"take disableAllHooks out of {shlex.quote(path)}"
        yield Finding(PROBLEM, "hooks", f"{name}: {path} turns off all hooks", fix)


def _none_installed() -> Finding:
    """Say so; also of hooks that are wired above, where a start here does not look.

    Claude Code reads project settings from the folder it is started in alone (measured
    with 2.1.330).
    """
    from ..claude import settings
    from ..store import paths
    from ..system import git

    here_now = paths.project_folder(os.environ)
    above = git.Worktrees().root(here_now)
    message = "no hook is installed, so no session is recorded"
    for scope, path in settings.settings_files(above).items():
        if scope != "user" and above != here_now and os.path.exists(path):
            message += f"; {path} counts only for sessions started in {above}"
    scope, path = previously_installed.scope(here()) or ("user", "")
    before = previously_installed.evidence([])
    if before:
        message += f". They were installed before: {before}"
    return Finding(PROBLEM, "hooks", message, install_command(scope, path))


# ---- Gone, incomplete, double ---------------------------------------------------


def _file_faults(scope: Scope) -> Iterator[Finding]:
    """Yield what the hooks of *scope* name and cannot use, a missing checkout once."""
    fix, repair = install_command(scope.name, scope.path), _reinstall(scope)
    gone = sorted(path for path in _checkouts(scope) if not os.path.isdir(path))
    for checkout in gone:
        message = f"{scope.name}: the hooks are in {checkout}, which does not exist"
        message += " (was it moved?)"
        yield Finding(PROBLEM, "hooks", message, fix, repair)
    for path, kind in sorted(_named_files(scope).items()):
        if any(path.startswith(checkout + os.sep) for checkout in gone):
            continue
        if not os.access(path, os.X_OK if kind == "python" else os.R_OK):
            there = os.path.exists(path)
            why = "you may not use" if there else "is missing, or links to nothing"
            message = f"{scope.name}: the hooks use the {kind} {path}, which {why}"
            yield Finding(PROBLEM, "hooks", message, fix, repair)


def _named_files(scope: Scope) -> dict[str, str]:
    scripts = {hook.script or hook.command: "script" for hook in scope.hooks}
    pythons = {hook.python or hook.command: "python" for hook in scope.hooks}
    return scripts | pythons


def _checkouts(scope: Scope) -> set[str]:
    scripts = [hook.script for hook in scope.hooks if os.path.isabs(hook.script)]
    return {os.path.dirname(os.path.dirname(script)) for script in scripts}


def _missing_events(installed: list[Scope]) -> Iterator[Finding]:
    """Compare with what the installed checkouts would wire today."""
    from ..claude import settings

    wanted: set[str] = set()
    for checkout in sorted(set().union(*map(_checkouts, installed))):
        if os.path.isdir(checkout):  # else it was found missing
            wanted.update(settings.desired_hooks(checkout))
    there = {hook.event for scope in installed for hook in scope.hooks}
    missing = sorted(wanted - there)
    if missing:
        message = f"hook{'s' * (len(missing) > 1)} missing: {', '.join(missing)}"
        before = previously_installed.evidence(missing)
        if before:
            message += f". They were installed before: {before}"
        fix = install_command(installed[0].name, installed[0].path)
        yield Finding(PROBLEM, "hooks", message, fix, _reinstall(installed[0]))


def _duplicates(installed: list[Scope]) -> Iterator[Finding]:
    """Find events for which two different commands of ours run.

    Claude Code runs the same command once, however many scopes have it.
    """
    commands: dict[str, dict[str, Scope]] = {}
    for scope in installed:
        for hook in scope.hooks:
            commands.setdefault(hook.event, {}).setdefault(hook.command, scope)
    double = sorted(event for event, found in commands.items() if len(found) > 1)
    if not double:
        return
    # In the order of `wired`: what is wired for one project yields to what is for all.
    involved = [s for s in installed if any(s in commands[e].values() for e in double)]
    message = f"two commands for {', '.join(double)} in the settings of "
    message += f"{' and '.join(s.name for s in involved)}: each is recorded twice"
    last = involved[-1]
    if len(involved) == 1:
        fix, repair = install_command(last.name, last.path), _reinstall(last)
    else:
        fix, repair = _uninstall(last), _uninstall_repair(last)
    yield Finding(PROBLEM, "hooks", message, fix, repair)


# ---- What mends it --------------------------------------------------------------


def _uninstall(scope: Scope) -> str:
    return install_command(scope.name, scope.path, "--uninstall")


def _uninstall_repair(scope: Scope) -> Repair | None:
    from ..claude import settings

    if scope.name not in _OURS_TO_EDIT:
        return None
    description = f"take our hooks out of {scope.path}"
    return Repair(description, lambda: settings.uninstall_hooks(scope.path))


def _reinstall(scope: Scope) -> Repair | None:
    """Return how to wire our own checkout in *scope*, if there is no doubt about it.

    There is none if no other checkout that is still there is wired in it, and our own
    has all that a hook needs.
    """
    from ..claude import settings

    others = {path for path in _checkouts(scope) if not _is_own(path)}
    if scope.name not in _OURS_TO_EDIT or any(map(os.path.isdir, others)):
        return None
    if not os.access(os.path.join(CHECKOUT, ".venv/bin/python"), os.X_OK):
        return None
    try:
        ours = settings.desired_hooks(CHECKOUT)
    except settings.SettingsError:
        return None
    description = f"install the hooks of {CHECKOUT} in {scope.path}"
    return Repair(description, lambda: settings.install_hooks(scope.path, ours))


def _is_own(checkout: str) -> bool:
    return os.path.realpath(checkout) == os.path.realpath(CHECKOUT)
