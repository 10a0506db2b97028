"""`doctor --live`: let the client begin and end a session, and look for its record.

`claude --init-only` runs the hooks of SessionStart and SessionEnd and exits. It needs
neither a prompt nor a key nor a connection (measured with 2.1.332). Here it runs in an
empty folder and with a store of its own: it reads the settings of the user and managed
ones, but not those of a project. Hooks of others in them run, too. `--settings` names
the store once more, since the settings of the user may name another.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile

from .. import plugin
from ..claude import settings, versions
from ..record import jsonl, schema
from ..store import paths
from .finding import OK, PROBLEM, WARN, Context, Finding, install_command
from .hooks import here, read_all, turned_off

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_OPTION = "--init-only"
_STORE = "HEADCOUNT_DIR"
_EVENTS = ("SessionStart", "SessionEnd")
_MAX_SECONDS = 60.0  # other hooks may be slow
_MAX_MESSAGE = 300


def check_live(context: Context) -> Iterator[Finding]:
    """Run the client once: are the start and the end of its session on record?"""
    if not context.live:
        return
    if elsewhere := _only_in_projects():
        yield elsewhere
        return
    run, recorded, error = _try()
    if not (missing := [event for event in _EVENTS if event not in recorded]):
        message = f"`claude {_OPTION}` ran the hooks of SessionStart and SessionEnd, "
        yield Finding(OK, "live", message + "and both are on record")
        return
    path = settings.settings_files()["user"]
    why, fix = _cause_in_settings(path, context.now) or _cause_in_run(path, run, error)
    message = f"`claude {_OPTION}` left no record of {' and '.join(missing)}: {why}"
    yield Finding(PROBLEM, "live", message, fix)


def _only_in_projects() -> Finding | None:
    """Say that nothing can be tried, if only settings of this project have our hooks.

    Their other hooks may be anybody's, so no client is started in it.
    """
    found = {scope.name: scope.path for scope in read_all(here()) if scope.hooks}
    if not found or "user" in found:
        return None
    message = f"not tried: `claude {_OPTION}` would run in an empty folder, and our "
    message += f"hooks are only in {' and '.join(found.values())}"
    fix = "start claude in this project, and see whether `headcount list` has it"
    return Finding(WARN, "live", message, fix)


def _try() -> tuple[versions.Run | None, list[str], str]:
    """Run the client; return how it ended, the events on record, the last error."""
    with tempfile.TemporaryDirectory(prefix="headcount-") as folder:
        store = os.path.join(folder, "store")
        project = os.path.join(folder, "project")
        os.mkdir(project)
        run = versions.run(
            *(_OPTION, "--settings", json.dumps({"env": {_STORE: store}})),
            seconds=_MAX_SECONDS,
            cwd=project,
            **{_STORE: store},
        )
        return run, [*_events(store)], _last_line(store, paths.ERROR_LOG)


def _cause_in_settings(path: str, now: float) -> tuple[str, str] | None:
    """Return why the client cannot run our hooks, and what fixes it, or None."""
    for _, why, fix in turned_off({"user": path}):
        return why, fix
    clients = versions.in_use(now)
    in_all_events = not versions.skip_unknown_types(clients)
    try:
        settings.check(path, lenient=versions.skip_malformed_hooks(clients))
        unknown = settings.unknown_words(path, in_all_events=in_all_events)
    except settings.SettingsError as refused:
        return str(refused), f"edit {path}"
    if unknown:
        return f"in {path}, {unknown[0]}", f"correct it in {path}"
    return next(_other_stores(), None)


def _other_stores() -> Iterator[tuple[str, str]]:
    """Yield where managed settings send the record, which nothing can override."""
    for path in settings.managed_files():
        with contextlib.suppress(settings.SettingsError):
            if store := settings.variable(path, _STORE):
                yield f"{path} has the hooks record to {store}", f"look in {store}"


def _cause_in_run(path: str, run: versions.Run | None, error: str) -> tuple[str, str]:
    """Return the likely cause in words, and what fixes it."""
    if run is None:
        return "no `claude` that can be run is on PATH", "add its folder to PATH"
    installed, plugins = settings.installed_hooks(path), plugin.enabled({"user": path})
    if not (installed or plugins):
        return (
            f"{path} has none of Headcount's hooks, and it reads no other",
            install_command(),
        )
    hooks = f"the hooks {'in' if installed else 'of the plugin enabled in'} {path}"
    if error:
        return f"{hooks} failed: {error}", install_command()
    return f"it did not run {hooks} ({_outcome(run)})", install_command()


def _outcome(run: versions.Run) -> str:
    if run.status is None:
        return f"it had not ended after {_MAX_SECONDS:g} s"
    lines = run.stderr.decode(errors="replace").split("\n")
    said = next(filter(None, map(str.strip, lines)), "")[:_MAX_MESSAGE]
    return f"exit code {run.status}" + f": {said}" * bool(said)


def _events(store: str) -> Iterator[str]:
    """Yield those of _EVENTS that are on record in *store*."""
    for file in paths.session_files(store):
        with open(file.path, "rb") as lines:
            for entry in filter(None, map(jsonl.decode, lines)):
                if entry.get("type") == schema.CLOSE:
                    yield "SessionEnd"
                elif entry.get("source") == "startup":  # else another hook began it
                    yield "SessionStart"


def _last_line(store: str, name: str) -> str:
    try:
        with open(os.path.join(store, name), encoding="utf-8", errors="replace") as log:
            return log.read().strip().rpartition("\n")[2][:_MAX_MESSAGE]
    except FileNotFoundError:
        return ""
