"""The hooks: which are installed in which settings, and can they be run?"""

from __future__ import annotations

import contextlib
import os
from typing import NamedTuple

from .. import plugin
from ..claude import settings, versions
from ..errors import StoreError
from ..store import paths
from ..system import git
from ..system.shell import command_or_reason
from . import previously_installed
from .finding import (
    CHECKOUT,
    OK,
    PROBLEM,
    PYTHON,
    WARN,
    Context,
    Finding,
    Repair,
    install_command,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..claude.settings_text.hook_merge import InstalledHook

# Not `project`: those settings may be in a repository, and belong to its people.
_EDITABLE = ("user", "local", "repository")


class Scope(NamedTuple):
    """A settings file, and what is ours in it."""

    name: str
    path: str
    hooks: list[InstalledHook]
    status_line: str | None  # its command


def scopes(project: str) -> dict[str, str]:
    """Return the settings files, by scope, of a client started in *project*.

    A file that is the same for two scopes is returned once, for the first.
    """
    files: dict[str, tuple[str, str]] = {}
    for scope, path in settings.settings_files(project).items():
        # In the home folder, `user` and `project` are one file.
        files.setdefault(os.path.realpath(path), (scope, path))
    return dict(files.values())


def here() -> dict[str, str]:
    """Return the settings files, by scope, of a client started in this folder."""
    return scopes(paths.project_folder(os.environ))


def read(name: str, path: str) -> Scope:
    """Read the settings file at *path*, of scope *name*; may raise SettingsError."""
    hooks, line = settings.installed_hooks(path), settings.installed_status_line(path)
    return Scope(name, path, hooks, line)


def read_all(files: dict[str, str]) -> list[Scope]:
    """Read the valid ones of the settings *files*; `check_hooks` reports the others."""
    valid = []
    for name, path in files.items():
        try:
            valid.append(read(name, path))
        except settings.SettingsError:
            continue
    return valid


def check_hooks(context: Context) -> Iterator[Finding]:
    """Check the settings of each scope, and what they install together."""
    installed: list[Scope] = []
    clients = versions.in_use(context.now)
    lenient = versions.skip_malformed_hooks(clients)
    for name, why, fix in turned_off(here()):
        yield Finding(PROBLEM, "hooks", f"{name}: {why}", fix)
    for name, path in here().items():
        try:
            scope = read(name, path)
            if scope.hooks:
                installed.append(scope)
            settings.check(path, lenient=lenient)
        except settings.SettingsError as error:
            message, fix = f"{name}: {error}", f"edit {path}"
            yield Finding(PROBLEM, "hooks", message, fix)
            continue
        yield from _summary(scope)
        yield from _unknown_words(scope, clients)
    enabled = plugin.enabled(here())
    yield from _enabled_plugins(enabled, installed)
    if installed:
        yield from _other_store()
        yield from _check_installed(installed, clients, enabled)
    elif not enabled:
        yield _none_installed()


def _check_installed(
    installed: list[Scope], clients: list[versions.ClientInUse], enabled: dict[str, str]
) -> Iterator[Finding]:
    events = _desired_events(installed, clients)
    for scope in installed:
        yield from _missing_files(scope, events)
        yield from _unknown_events(scope, events, clients)
        yield from _asynchronous(scope, events, clients)
        yield from _repeated(scope, events)
    yield from _unread_repository(installed, clients)
    if not enabled:  # a plugin records what the settings do not
        yield from _missing_events(installed, events)
    yield from _duplicates(installed, events)


def _unread_repository(
    installed: list[Scope], clients: list[versions.ClientInUse]
) -> Iterator[Finding]:
    """Find clients that do not read the one file with our hooks when started here."""
    why = versions.without_repository(clients)
    if why and [scope.name for scope in installed] == ["repository"]:
        message = f"repository: not all clients read {installed[0].path} if they are "
        message += f"started here: {why}"
        yield Finding(WARN, "hooks", message, install_command())


def check_scopes(_: Context) -> Iterator[Finding]:
    """Name the settings files that were read, and the settings that cannot be."""
    files = {path: name for name, path in here().items()}
    files |= dict.fromkeys(settings.managed_files(), "managed")
    names = ", ".join(f"{path} ({name})" for path, name in files.items())
    message = f"checked {names}; not checked: managed settings of a server, "
    message += "--plugin-dir, --settings"
    yield Finding(OK, "scopes", message)


def _summary(scope: Scope) -> Iterator[Finding]:
    name, path, hooks = scope.name, scope.path, scope.hooks
    if hooks:
        folders = ", ".join(sorted({os.path.dirname(hook.script) for hook in hooks}))
        yield Finding(OK, "hooks", f"{path} ({name}): {len(hooks)} hooks of {folders}")


def _unknown_words(
    scope: Scope, clients: list[versions.ClientInUse]
) -> Iterator[Finding]:
    """Find what may make a client ignore the settings; a newer one may know it."""
    in_all_events = not versions.skip_unknown_types(clients)
    for what in settings.unknown_words(scope.path, in_all_events=in_all_events):
        message = f"{scope.name}: in {scope.path}, {what}"
        fix = f"correct it in {scope.path}, or prove with `headcount doctor --live` "
        yield Finding(WARN, "hooks", message, fix + "that your client knows it")


def _other_store() -> Iterator[Finding]:
    """Find settings that send the hooks to another store than this command reads."""
    variables = {}
    for path in here().values():
        with contextlib.suppress(settings.SettingsError):
            variables[path] = settings.variable(path, "HEADCOUNT_DIR")
    named = [(path, store) for path, store in variables.items() if store is not None]
    if not named:
        return
    path, value = named[-1]  # of several settings the last counts
    try:
        store = paths.locate({**os.environ, "HEADCOUNT_DIR": value})
    except StoreError as error:
        yield Finding(PROBLEM, "hooks", f"{path}: {error}", f"edit {path}")
        return
    if os.path.realpath(store) != os.path.realpath(paths.SESSIONS_DIR):
        message = f"{path} has the hooks record to {store} (HEADCOUNT_DIR), and "
        message += f"`headcount` reads {paths.SESSIONS_DIR} here"
        fix = command_or_reason("export", f"HEADCOUNT_DIR={store}")
        yield Finding(WARN, "hooks", message, fix)


def _enabled_plugins(
    enabled: dict[str, str], installed: list[Scope]
) -> Iterator[Finding]:
    """Report our plugins, and hooks in settings that run beside theirs."""
    for name, path in enabled.items():
        folders = plugin.folders(name)
        where = ", ".join(folders or [])
        if folders is not None and not any(map(os.path.isdir, folders)):
            message = f"{path} enables the plugin {name}, which is not installed"
            message += f": {where} is gone" * bool(where)
            fix = command_or_reason("claude", "plugin", "install", name)
            yield Finding(PROBLEM, "hooks", message, fix)
            continue
        message = f"{path} enables the plugin {name}" + f", in {where}" * bool(where)
        yield Finding(OK, "hooks", message)
        for scope in installed:
            message = f"{scope.name}: the plugin {name} is enabled, and {scope.path} "
            message += f"has {len(scope.hooks)} hooks too; each event runs both, and "
            message += "one of them records it"
            fix = install_command(scope.name, scope.path, "--uninstall")
            yield Finding(WARN, "hooks", message, fix, _remove_hooks(scope))


def turned_off(files: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield the scope, why and a fix for *files* and managed settings without hooks."""
    names = {path: name for name, path in files.items()}
    for path, switch in settings.switches(names).items():
        fix = f"remove {switch} from {path}"
        if path in names:
            yield names[path], f"{path} turns off all hooks", fix
        else:
            fix = f"ask whoever manages this machine to {fix}"
            yield "managed", f"{path} turns off your hooks ({switch})", fix
    for path in settings.broken_managed_files():
        why = f"{path} is not a JSON object, so Claude Code does not start"
        yield "managed", why, f"ask whoever manages this machine to correct {path}"


def _none_installed() -> Finding:
    """Say so, and name settings of this worktree that do not apply in this folder."""
    files = here().values()
    root = git.Worktrees().root(paths.project_folder(os.environ))
    message = "no hook is installed, so no session is recorded"
    for path in settings.settings_files(root).values():
        if path not in files and os.path.exists(path):
            message += f"; {path} applies only to sessions started in {root}"
    message += previously_installed.evidence([])
    scope, path = previously_installed.scope(here()) or ("user", "")
    return Finding(PROBLEM, "hooks", message, install_command(scope, path))


# ---- Missing, unknown and duplicate hooks ---------------------------------------


def _desired_events(
    installed: list[Scope], clients: list[versions.ClientInUse]
) -> dict[str, bool]:
    """Return the events that all *clients* know, as `versions` does.

    Without a client, nothing speaks against the hooks that are installed.
    """
    known = versions.events_known_to(clients)
    hooks = [hook for scope in installed for hook in scope.hooks]
    return known if clients else known | {hook.event: hook.is_async for hook in hooks}


def _events(installed: list[Scope]) -> set[str]:
    return {hook.event for scope in installed for hook in scope.hooks}


def _unknown_events(
    scope: Scope, events: Mapping[str, bool], clients: list[versions.ClientInUse]
) -> Iterator[Finding]:
    """Find hooks for which a client drops the whole settings file."""
    voided = versions.voided_by(_events([scope]), clients)
    if voided:
        client, unknown = voided
        message = f"{scope.name}: {client.name} has version {client.version}, which "
        message += f"does not know {', '.join(unknown)} and so ignores all of "
        message += scope.path
        fix = install_command(scope.name, scope.path)
        yield Finding(PROBLEM, "hooks", message, fix, _reinstall(scope, events))


def _asynchronous(
    scope: Scope, events: Mapping[str, bool], clients: list[versions.ClientInUse]
) -> Iterator[Finding]:
    """Find hooks for which a client has to wait, and does not.

    A client of unknown version does not count.
    """
    known = [client for client in clients if client.version]
    may_be = versions.events_known_to(known)
    early = sorted(
        {
            hook.event
            for hook in scope.hooks
            if hook.may_be_killed or (hook.is_async and not may_be.get(hook.event))
        }
    )
    if early and known:
        message = f"{scope.name}: {scope.path} has an asynchronous hook for "
        message += f"{', '.join(early)}, and {versions.oldest(known)}, which has to "
        message += "wait for it"
        fix = install_command(scope.name, scope.path)
        yield Finding(WARN, "hooks", message, fix, _reinstall(scope, events))


def _missing_files(scope: Scope, events: Mapping[str, bool]) -> Iterator[Finding]:
    """Find files that the hooks of *scope* need; report a missing checkout once."""
    fix, repair = install_command(scope.name, scope.path), _reinstall(scope, events)
    missing = sorted(path for path in _checkouts(scope) if not os.path.isdir(path))
    for checkout in missing:
        message = f"{scope.name}: the hooks are in {checkout}, which does not exist"
        message += " (was it moved?)"
        yield Finding(PROBLEM, "hooks", message, fix, repair)
    for path, kind in sorted(_named_files(scope).items()):
        if any(path.startswith(checkout + os.sep) for checkout in missing):
            continue
        if not os.access(path, os.X_OK if kind == "python" else os.R_OK):
            exists = os.path.exists(path)
            why = "you may not use" if exists else "is missing, or links to nothing"
            message = f"{scope.name}: the hooks use the {kind} {path}, which {why}"
            yield Finding(PROBLEM, "hooks", message, fix, repair)


def _named_files(scope: Scope) -> dict[str, str]:
    scripts = {hook.script or hook.command: "script" for hook in scope.hooks}
    pythons = {hook.python or hook.command: "python" for hook in scope.hooks}
    return scripts | pythons


def _checkouts(scope: Scope) -> set[str]:
    scripts = [hook.script for hook in scope.hooks if os.path.isabs(hook.script)]
    return {os.path.dirname(os.path.dirname(script)) for script in scripts}


def _missing_events(
    installed: list[Scope], events: Mapping[str, bool]
) -> Iterator[Finding]:
    """Compare with what the checkouts of the user's hooks would install today.

    A repository can contain settings that name any folder as a checkout, so there
    nothing is read. If the user's own settings name none, it is *events*.
    """
    own = [scope for scope in installed if scope.name == "user"]
    desired = set() if own else set(events)
    for checkout in sorted(set().union(*map(_checkouts, own))):
        if not os.path.isdir(checkout):
            continue  # _missing_files reports it
        try:
            desired.update(settings.desired_hooks(checkout, events))
        except settings.SettingsError as error:
            yield Finding(PROBLEM, "hooks", str(error), install_command())
    missing = sorted(desired - _events(installed))
    if missing:
        message = f"hook{'s' * (len(missing) > 1)} missing: {', '.join(missing)}"
        message += previously_installed.evidence(missing)
        fix = install_command(installed[0].name, installed[0].path)
        repair = _reinstall(installed[0], events)
        yield Finding(PROBLEM, "hooks", message, fix, repair)


def _duplicates(
    installed: list[Scope], events: Mapping[str, bool]
) -> Iterator[Finding]:
    """Find events for which two different commands of ours run."""
    by_event = _duplicate_commands(installed)
    if not by_event:
        return
    names = {s.name for commands in by_event.values() for s in commands.values()}
    involved = [scope for scope in installed if scope.name in names]
    message = f"two commands for {', '.join(sorted(by_event))} in the settings of "
    message += f"{' and '.join(s.name for s in involved)}: each event runs both"
    last = involved[-1]  # a project's hooks are removed before those of all projects
    if len(involved) == 1:
        fix, repair = install_command(last.name, last.path), _reinstall(last, events)
    else:
        fix = install_command(last.name, last.path, "--uninstall")
        repair = _uninstall(last)
    yield Finding(PROBLEM, "hooks", message, fix, repair)


def _duplicate_commands(installed: list[Scope]) -> dict[str, dict[str, Scope]]:
    """Return, by event, the scope of each command, for events with several commands.

    Claude Code runs the same command once, even if several scopes have it.
    """
    by_event: dict[str, dict[str, Scope]] = {}
    for scope in installed:
        for hook in scope.hooks:
            by_event.setdefault(hook.event, {}).setdefault(hook.command, scope)
    return {event: scopes for event, scopes in by_event.items() if len(scopes) > 1}


def _repeated(scope: Scope, events: Mapping[str, bool]) -> Iterator[Finding]:
    """Find hooks that *scope* has more than once; Claude Code runs each once."""
    hooks = [(hook.event, hook.command) for hook in scope.hooks]
    repeated = sorted(
        {event for event, command in hooks if hooks.count((event, command)) > 1}
    )
    if repeated:
        message = f"{scope.name}: {scope.path} has the same hook more than once for "
        message += ", ".join(repeated)
        fix = install_command(scope.name, scope.path)
        yield Finding(WARN, "hooks", message, fix, _reinstall(scope, events))


# ---- Repairs --------------------------------------------------------------------


def _uninstall(scope: Scope) -> Repair | None:
    if scope.name not in _EDITABLE:
        return None
    description = f"remove our hooks from {scope.path}"
    return Repair(description, lambda: settings.uninstall_hooks(scope.path))


def _remove_hooks(scope: Scope) -> Repair | None:
    """Return how to remove the hooks and keep the status line, which no plugin has."""
    if scope.status_line is None or scope.name not in _EDITABLE:
        return _uninstall(scope)
    description = f"remove our hooks from {scope.path}"
    return Repair(description, lambda: settings.install_hooks(scope.path, {}))


def _reinstall(scope: Scope, events: Mapping[str, bool]) -> Repair | None:
    """Return how to install this checkout's hooks of *events*, if that is safe.

    It is, unless *scope* has hooks of another checkout that still exists, or this one
    lacks something that a hook needs.
    """
    own = os.path.realpath(CHECKOUT)
    others = {path for path in _checkouts(scope) if os.path.realpath(path) != own}
    if scope.name not in _EDITABLE or any(map(os.path.isdir, others)):
        return None
    if not os.access(PYTHON, os.X_OK):
        return None
    try:
        hooks = settings.desired_hooks(CHECKOUT, events)
    except settings.SettingsError:
        return None
    description = f"install the hooks of {CHECKOUT} in {scope.path}"
    return Repair(description, lambda: settings.install_hooks(scope.path, hooks))
