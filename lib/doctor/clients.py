"""Live clients that leave no record, and why that likely is.

Who is alive is taken from files of Claude Code's own that nobody has documented. So
this never is a problem, only a warning: it proves nothing.
"""

from __future__ import annotations

import os
import shlex

from ..text import humanize
from .finding import OK, WARN, Context, Finding, install_command
from .hooks import Scope, here, read, scopes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..claude.clients import Client

    Reason = tuple[str, str | None]  # why, and what fixes it

_MAX_NAMED = 10
_YOUNG_SECONDS = 10
_WITHOUT_HOOKS = ("--bare", "--safe-mode")
_SOURCES = "--setting-sources"
_PICKERS = ("--resume", "-r")


def check_clients(context: Context) -> Iterator[Finding]:
    """Compare the live clients with the record."""
    from ..claude import clients

    if not clients.can_be_known():
        return
    found = clients.live(context.now)
    if found is None:
        found = [] if context.quick else clients.asked(context.now)
    if not found:
        return
    on_record = _processes_on_record()
    without = [client for client in found if client.process not in on_record]
    told = f"{len(found) - len(without)} of {len(found)} live clients on record"
    yield Finding(OK, "clients", told)
    for client in without[:_MAX_NAMED]:
        yield _named(client, context.now)
    if len(without) > _MAX_NAMED:
        more = f"{len(without) - _MAX_NAMED} more leave no record"
        yield Finding(WARN, "clients", more)


def _named(client: Client, now: float) -> Finding:
    reasons = list(_reasons(client, now)) or [_unknown(client, now)]
    why = "; ".join(reason for reason, _ in reasons)
    where = f" in {client.cwd}" if client.cwd else ""
    message = f"the client with pid {client.pid}{where} leaves no record: {why}"
    return Finding(WARN, "clients", message, reasons[0][1])


def _processes_on_record() -> set[str]:
    """Return the fingerprint of every process that any session had open last."""
    from .. import sessions

    found: set[str] = set()
    for archived in (False, True):
        for info in sessions.discover_sessions(archived=archived):
            if info.metadata:
                processes = [info.metadata, *info.metadata.get("others", [])]
                found.update(seen.get("process", "") for seen in processes)
    return found


# ---- Why ------------------------------------------------------------------------


def _reasons(client: Client, now: float) -> Iterator[Reason]:
    """Yield why the client may leave no record; what is certain goes first."""
    installed = [scope for scope in _settings_of(client) if scope.hooks]
    yield from _switched_off(client, installed)
    yield from _other_store(client)
    if installed:
        yield from _not_to_be_run(installed)
        yield from _untrusted(client)
        yield from _older(client, installed, now)
    else:
        yield _not_installed(client)
        yield from _untrusted(client)


def _switched_off(client: Client, installed: list[Scope]) -> Iterator[Reason]:
    for word in _WITHOUT_HOOKS:
        if word in client.arguments:
            yield f"it was started with {word}, which runs no hooks", None
    sources = _sources(client.arguments)
    if (
        sources is not None
        and installed
        and not sources & {scope.name for scope in installed}
    ):
        names = ", ".join(scope.name for scope in installed)
        why = f"it was started with {_SOURCES}, without the settings of {names}"
        yield f"{why}, where the hooks are", install_command()
    for scope in _settings_of(client):
        if scope.off:
            yield f"{scope.path} turns off all hooks", _edit(scope.path)


def _sources(arguments: tuple[str, ...]) -> set[str] | None:
    """Return the settings that the client was told to read; None if it was not."""
    for word, following in zip(arguments, (*arguments[1:], ""), strict=True):
        name, given, value = word.partition("=")
        if name == _SOURCES:
            return set((value if given else following).split(","))
    return None


def _edit(path: str) -> str:
    return f"take disableAllHooks out of {shlex.quote(path)}"


def _other_store(client: Client) -> Iterator[Reason]:
    """Compare HEADCOUNT_DIR alone; a relative one is taken from its project."""
    from ..errors import StoreError
    from ..store import paths

    if client.store is None:
        return
    environment = {**os.environ, "HEADCOUNT_DIR": client.store}
    try:
        theirs = paths.locate({**environment, "CLAUDE_PROJECT_DIR": client.cwd})
    except StoreError as error:
        yield str(error), None
        return
    if os.path.realpath(theirs) != os.path.realpath(paths.SESSIONS_DIR):
        named = "HEADCOUNT_DIR in" if client.store else "no HEADCOUNT_DIR in"
        fix = f"HEADCOUNT_DIR={shlex.quote(theirs)} headcount list"
        yield f"it records to {theirs} ({named} its environment)", fix


def _not_to_be_run(installed: list[Scope]) -> Iterator[Reason]:
    hooks = [hook for scope in installed for hook in scope.hooks]
    usable = [
        hook
        for hook in hooks
        if os.access(hook.script, os.R_OK) and os.access(hook.python, os.X_OK)
    ]
    if not usable:
        yield (
            "none of the installed hooks can be run",
            install_command(installed[0].name, installed[0].path),
        )


def _not_installed(client: Client) -> Reason:
    """Say that no hook is installed where it looks, and where one is instead."""
    for folder in _above(client.cwd):
        for scope in _read_all(scopes(folder)):
            if scope.name != "user" and scope.hooks:
                why = f"the hooks in {scope.path} count only for a start in {folder}"
                return f"{why}, and it was started below that", install_command()
    for scope in _read_all(here()):
        if scope.hooks:
            why = f"the hooks in {scope.path} are for that project alone"
            return f"{why}, and it was started elsewhere", install_command()
    return "no hook is installed in the settings it reads", install_command()


def _untrusted(client: Client) -> Iterator[Reason]:
    from ..claude import clients

    fix = f"answer its question (pid {client.pid}), or leave it be"
    if clients.is_plausible(client.cwd) is not False:
        if client.asks:
            yield "it has not begun a session yet", None
    elif client.asks:
        yield "it asks whether to trust its folder; until then no hook runs", fix
    elif client.entrypoint == "cli" and client.cwd != os.path.expanduser("~"):
        yield "its folder is not trusted", fix


def _older(client: Client, installed: list[Scope], now: float) -> Iterator[Reason]:
    changed = min(_installed_since(scope.path) for scope in installed)
    if client.started < changed and not client.asks:
        ago = humanize(now - client.started)
        why = (
            f"it was started {ago} ago, before the hooks were installed (the settings "
        )
        why += f"changed {humanize(now - changed)} ago)"
        yield why, "give it a prompt: from then on it is on record"


def _installed_since(path: str) -> float:
    """Return about when our hooks came into the settings (epoch seconds).

    Our backup is made then; the settings themselves are changed by others, too.
    """
    from ..claude.config_file import BACKUP_SUFFIX

    for name in (os.path.realpath(path) + BACKUP_SUFFIX, path):
        try:
            return os.stat(name).st_mtime
        except OSError:
            continue
    return 0.0


def _unknown(client: Client, now: float) -> Reason:
    if client.arguments[-1:] and client.arguments[-1] in _PICKERS:
        return "it shows the list of sessions to resume; none is chosen yet", None
    if now - client.started < _YOUNG_SECONDS:
        return "it has only just been started; look again", None
    return "why is not known", "give it a prompt and look again"


# ---- The settings it reads ------------------------------------------------------


def _settings_of(client: Client) -> list[Scope]:
    return _read_all(scopes(client.cwd or "/"))


def _read_all(files: dict[str, str]) -> list[Scope]:
    from ..errors import HeadcountError

    found = []
    for name, path in files.items():
        try:
            found.append(read(name, path))
        except (HeadcountError, ValueError):  # the check of the hooks tells ours
            continue
    return found


def _above(folder: str) -> Iterator[str]:
    while folder != (above := os.path.dirname(folder)):
        yield above
        folder = above
