"""Live clients that leave no record, and the likely reason for each.

Which clients are alive is read from Claude Code's own, undocumented files. They prove
nothing, so a finding here is a warning, never a problem.
"""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import NamedTuple

from ..claude import clients, settings, versions
from ..claude.config_file import BACKUP_SUFFIX
from ..errors import StoreError
from ..record import attached
from ..store import paths
from ..system.shell import command_or_reason
from ..text import humanize
from .finding import OK, WARN, Context, Finding, install_command
from .hooks import Scope, here, read_all, scopes, turned_off
from .store import all_sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..claude.clients import Client

_MAX_NAMED = 10
_YOUNG_SECONDS = 10
_NO_HOOK_OPTIONS = ("--bare", "--safe-mode")
_SOURCES_OPTION = "--setting-sources"
_RESUME_OPTIONS = ("--resume", "-r")


class Reason(NamedTuple):
    """Why a client leaves no record, and if known, how to fix it."""

    why: str
    fix: str | None = None


def check_clients(context: Context) -> Iterator[Finding]:
    """Compare the live clients with the record."""
    live = clients.from_files(context.now)
    if live is None:
        live = [] if context.quick else clients.from_command(context.now)
    if not live:
        return
    processes = _recorded_processes()
    missing = [client for client in live if client.process not in processes]
    message = f"{len(live) - len(missing)} of {len(live)} live clients on record"
    yield Finding(OK, "clients", message)
    for client in missing[:_MAX_NAMED]:
        yield _finding(client, context.now)
    if len(missing) > _MAX_NAMED:
        more = f"{len(missing) - _MAX_NAMED} more leave no record"
        yield Finding(WARN, "clients", more)


def _finding(client: Client, now: float) -> Finding:
    """Name all reasons; the fix is that of the first."""
    reasons = list(_reasons(client, now)) or [_no_reason(client, now)]
    why = "; ".join(reason.why for reason in reasons)
    where = f" in {client.cwd}" if client.cwd else ""
    message = f"the client with pid {client.pid}{where} leaves no record: {why}"
    return Finding(WARN, "clients", message, reasons[0].fix)


def _recorded_processes() -> set[str]:
    """Return the fingerprint of each process that is attached to a session."""
    return {
        entry.get("process", "")
        for info in all_sessions()
        if info.metadata
        for entry in attached.processes_of(info.metadata)
    }


# ---- Reasons --------------------------------------------------------------------


def _reasons(client: Client, now: float) -> Iterator[Reason]:
    """Yield what alone explains it, then what only may."""
    files = scopes(client.cwd or "/")
    if client.version and not versions.reads_repository(client.version):
        files.pop("repository", None)
    installed = [scope for scope in read_all(files) if scope.hooks]
    yield from _turned_off(client, files)
    yield from _other_store(client)
    if installed:
        yield from _sources_without_hooks(client, installed)
        yield from _hooks_unusable(installed)
    else:
        yield _not_installed(client)
    yield from _not_trusted(client)
    yield from _started_before(client, installed, now)


def _turned_off(client: Client, files: dict[str, str]) -> Iterator[Reason]:
    for option in _NO_HOOK_OPTIONS:
        if option in client.arguments:
            why = f"it was started with {option}, which runs no hooks"
            yield Reason(why)
    yield from (Reason(why, fix) for _, why, fix in turned_off(files))


def _sources_without_hooks(client: Client, installed: list[Scope]) -> Iterator[Reason]:
    sources = _setting_sources(client.arguments)
    names = [scope.name for scope in installed]
    if sources is not None and not sources & {*names}:
        why = f"it was started with {_SOURCES_OPTION}, without the settings of "
        why += f"{', '.join(names)}, where the hooks are"
        yield Reason(why, install_command())


def _setting_sources(arguments: tuple[str, ...]) -> set[str] | None:
    """Return the scopes named by `--setting-sources`; None if it was not given."""
    for word, following in zip(arguments, (*arguments[1:], ""), strict=True):
        name, equals, value = word.partition("=")
        if name == _SOURCES_OPTION:
            return set((value if equals else following).split(","))
    return None


def _other_store(client: Client) -> Iterator[Reason]:
    """Compare HEADCOUNT_DIR; a relative one is relative to the client's project."""
    if client.store is None:
        return
    environment = {**os.environ, "HEADCOUNT_DIR": client.store}
    try:
        store = paths.locate({**environment, "CLAUDE_PROJECT_DIR": client.cwd})
    except StoreError as error:
        yield Reason(str(error))
        return
    if os.path.realpath(store) != os.path.realpath(paths.SESSIONS_DIR):
        variable = "HEADCOUNT_DIR" if client.store else "no HEADCOUNT_DIR"
        why = f"it records to {store} ({variable} in its environment)"
        fix = command_or_reason("env", f"HEADCOUNT_DIR={store}", "headcount", "list")
        yield Reason(why, fix)


def _hooks_unusable(installed: list[Scope]) -> Iterator[Reason]:
    if not any(settings.can_run(hook) for scope in installed for hook in scope.hooks):
        fix = install_command(installed[0].name, installed[0].path)
        yield Reason("none of the installed hooks can be run", fix)


def _not_installed(client: Client) -> Reason:
    """Say that the client reads no settings with hooks, and where there are some."""
    why = "no hook is installed in the settings it reads"
    for folder in PurePath(client.cwd).parents:
        for scope in read_all(scopes(str(folder))):
            if scope.name in ("project", "local") and scope.hooks:
                why = f"the hooks in {scope.path} apply only to clients started in "
                why += f"{folder} itself, and it was started below"
                return Reason(why, install_command())
    for scope in read_all(here()):
        if scope.hooks:
            why = f"the hooks in {scope.path} apply to that project only, and it was "
            why += "started elsewhere"
            break
    return Reason(why, install_command())


def _not_trusted(client: Client) -> Iterator[Reason]:
    fix = f"answer its question (pid {client.pid}), or ignore this"
    if clients.is_trusted(client.cwd) is not False:
        if client.waiting:
            yield Reason("it has not started a session yet")
    elif client.waiting:
        yield Reason(
            "it asks whether to trust its folder; until then no hook runs", fix
        )
    elif client.entrypoint == "cli" and client.cwd != os.path.expanduser("~"):
        yield Reason("its folder is not trusted", fix)


def _started_before(
    client: Client, installed: list[Scope], now: float
) -> Iterator[Reason]:
    changed = min((_install_time(scope.path) for scope in installed), default=0.0)
    if client.started < changed and not client.waiting:
        why = f"it was started {humanize(now - client.started)} ago, before the hooks "
        why += f"were installed (the settings changed {humanize(now - changed)} ago)"
        yield Reason(why, "send it a prompt; from then on it is on record")


def _install_time(path: str) -> float:
    """Return about when our hooks were installed in *path*, in epoch seconds.

    The backup is written then. The settings may have been changed by others since.
    """
    for name in (os.path.realpath(path) + BACKUP_SUFFIX, path):
        try:
            return os.stat(name).st_mtime
        except OSError:
            continue
    return 0.0


def _no_reason(client: Client, now: float) -> Reason:
    if client.arguments[-1:] and client.arguments[-1] in _RESUME_OPTIONS:
        return Reason("it shows the list of sessions to resume; none is chosen yet")
    if now - client.started < _YOUNG_SECONDS:
        return Reason("it was started only seconds ago; check again")
    return Reason("the reason is unknown", "send it a prompt and check again")
