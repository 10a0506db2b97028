"""Our hooks in Claude Code's settings files: install them, uninstall them, list them.

The backup beside a settings file holds it as it was without us, before our last change.
Uninstalling restores those bytes if nobody else changed the file since; otherwise it
takes out what is ours, and keeps the rest (`hook_merge` has the rules).

Installers exclude each other with a lock. Claude Code takes none, so the bytes are
compared right before the rename, and once more after it. Nothing is installed in a file
that Claude Code would ignore: SettingsError is raised, and it is left as it is.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
import shlex
from typing import TYPE_CHECKING, Any

from .. import file_lock
from ..checkout import environment
from ..errors import HeadcountError, StoreError
from ..store import paths
from ..system import git, private
from . import config_file
from .settings_text import hook_merge, json_edit, status_line, validation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from .config_file import Change
    from .settings_text.hook_merge import Hooks, InstalledHook
    from .settings_text.json_edit import Node
    from .settings_text.status_line import StatusLine

# On Linux and on macOS. Settings in them are stronger than those of the user.
MANAGED_FOLDERS = ("/etc/claude-code", "/Library/Application Support/ClaudeCode")
_LOCAL = "settings.local.json"
_OFF, _MANAGED_ONLY = "disableAllHooks", "allowManagedHooksOnly"
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
_PLACEHOLDER = re.compile(r"/path/to/headcount(/\.venv)?(/\S+)")


class SettingsError(HeadcountError, ValueError):
    """The settings file cannot be read or changed; it is as it was."""


def settings_files(project_dir: str | None = None) -> dict[str, str]:
    """Return the settings file of each scope; of `user` alone without a project.

    In the order in which the client reads them. `repository` is the local file at the
    root of the main worktree, if that is another folder: a client that is started below
    it, or in a linked worktree, reads it as well (`versions.reads_repository`).

    Raises SettingsError if CLAUDE_CONFIG_DIR or HOME is relative: the user's settings
    are trusted, and a repository could name its own.
    """
    user = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    if not os.path.isabs(user):
        raise SettingsError(
            f"the user's settings are in {user}, a relative path, which may be in "
            "anybody's project; set CLAUDE_CONFIG_DIR, or HOME, to an absolute path"
        )
    files = {"user": os.path.join(os.path.normpath(user), "settings.json")}
    if project_dir is not None:
        folder = os.path.join(os.path.abspath(project_dir), ".claude")
        files["project"] = os.path.join(folder, "settings.json")
        files["local"] = os.path.join(folder, _LOCAL)
        if repository := _repository(project_dir):
            files["repository"] = os.path.join(repository, ".claude", _LOCAL)
    return files


def _repository(project_dir: str) -> str | None:
    """Return the root of the main worktree of *project_dir*, if it is elsewhere.

    The client does not read local settings there if it is the home folder, nor if the
    repository is bare (measured with 2.1.332).
    """
    project = os.path.realpath(project_dir)
    root = git.main_root(git.Worktrees().root(project))
    home = os.path.realpath(os.path.expanduser("~"))
    return None if root in (project, home) else root


def managed_files() -> list[str]:
    """Return the managed settings files of this machine that exist."""
    files = []
    for folder in MANAGED_FOLDERS:
        parts = glob.glob(
            os.path.join(glob.escape(folder), "managed-settings.d/*.json")
        )
        files += [os.path.join(folder, "managed-settings.json"), *sorted(parts)]
    return [path for path in files if os.path.exists(path)]


def installed_hooks(path: str) -> list[InstalledHook]:
    """Return our hooks in the settings file at *path*; [] if it does not exist."""
    return hook_merge.installed_hooks(_root(path))


def can_run(hook: InstalledHook) -> bool:
    """Whether the script of *hook* is there, and its Python or `hooks/run`.

    That finds another Python; commands of earlier versions do not name it.
    """
    run = os.path.join(os.path.dirname(hook.script), "run")
    finds_another = "/hooks/run" in hook.command and os.path.isfile(run)
    has_python = os.access(hook.python, os.X_OK) or finds_another
    return os.path.isfile(hook.script) and has_python


def check(path: str, *, lenient: bool = True) -> None:
    """Raise SettingsError if Claude Code would ignore the settings file at *path*.

    *lenient*: it skips malformed hooks of most events (`skip_malformed_hooks`).
    """
    with _settings_errors(path):
        validation.validate(config_file.read(path) or "{}", lenient=lenient)


def unknown_words(path: str, *, in_all_events: bool = False) -> list[str]:
    """Say which words in the settings file at *path* may make a client ignore it.

    One sentence for each. *in_all_events* is for clients that ignore the file for an
    unknown type of hook in any event (`versions.skip_unknown_types`). Raises
    SettingsError.
    """
    with _settings_errors(path):
        text = config_file.read(path) or "{}"
        return validation.unknown_words(text, in_all_events=in_all_events)


def switches(files: Iterable[str]) -> dict[str, str]:
    """Return what turns our hooks off in *files* and managed settings, by path.

    *files* are those of `settings_files`, in its order. Managed settings come after
    them, and can also allow only hooks of their own. Of several files with the same
    switch the last counts; a file that Claude Code ignores does not (measured with
    2.1.332).
    """
    last: dict[str, tuple[str, bool]] = {}
    managed = managed_files()
    for path in [*files, *managed]:
        for name, is_off in _switches_in(path, is_managed=path in managed):
            last[name] = path, is_off
    return {path: name for name, (path, is_off) in last.items() if is_off}


def _switches_in(path: str, *, is_managed: bool) -> Iterator[tuple[str, bool]]:
    """Yield each switch in the file at *path*, and whether it turns our hooks off.

    Of managed settings only the values of the wrong type are ignored, not the file, and
    for `allowManagedHooksOnly` such a value counts as true.
    """
    try:
        values = _root(path).children
        if not is_managed:
            check(path)
    except SettingsError:
        return
    off, managed_only = values.get(_OFF), values.get(_MANAGED_ONLY)
    if off and isinstance(off.value, bool):
        yield _OFF, off.value
    if is_managed and managed_only and managed_only.value is not None:
        allows_ours = managed_only.value is False or managed_only.value == "false"
        yield _MANAGED_ONLY, not allows_ours


def broken_managed_files() -> list[str]:
    """Return the managed settings files that are not a JSON object.

    With one of them Claude Code does not start (measured with 2.1.332); an empty one is
    ignored. A file that cannot be read is not returned.
    """
    return [path for path in managed_files() if _is_broken(path)]


def _is_broken(path: str) -> bool:
    try:
        text = config_file.read(path) or ""
        return bool(text.strip()) and not isinstance(json_edit.parse(text).value, dict)
    except OSError:
        return False
    except ValueError:  # not UTF-8, or not JSON
        return True


def variable(path: str, name: str) -> str | None:
    """Return what the settings file at *path* sets the variable *name* to, or None.

    A hook gets it in place of one from the environment. Raises SettingsError.
    """
    variables = _root(path).children.get("env")
    node = variables.children.get(name) if variables else None
    return node.value if node and isinstance(node.value, str) else None


def installed_status_line(path: str) -> str | None:
    """Return the command of our status line in the settings file at *path*."""
    line = _root(path).children.get(status_line.KEY)
    return status_line.our_command(line.value) if line else None


def status_line_owner(path: str) -> str:
    """Return whose `statusLine` the settings file at *path* has: ours, theirs, none."""
    root = _root(path)
    if status_line.KEY not in root.children:
        return "none"
    return "ours" if status_line.find(root) else "theirs"


def desired_hooks(checkout: str, events: Mapping[str, bool] | None = None) -> Hooks:
    """Return the group of each event, as `settings.example.json` of *checkout* has it.

    Only those of *events*, if given, which says of each whether its hook is to be
    asynchronous; in the example none is. Raises SettingsError if that file cannot be
    read, or if JSON cannot name *checkout*.
    """
    with _example(checkout) as example:
        hooks: Hooks = {event: groups[0] for event, groups in example["hooks"].items()}
        if events is None:
            return hooks
        for event, group in hooks.items():
            if events.get(event):
                hook_merge.make_asynchronous(event, group["hooks"][0])
        return {event: group for event, group in hooks.items() if event in events}


def desired_status_line(checkout: str) -> StatusLine:
    """Return `statusLine`, from where `desired_hooks` has the hooks."""
    with _example(checkout) as example:
        return dict(example[status_line.KEY])


def install_hooks(
    path: str,
    hooks: Hooks,
    line: StatusLine | None = None,
    *,
    dry_run: bool = False,
    lenient: bool = True,
) -> Change:
    """Merge *hooks* and the status *line* into the settings file at *path*.

    The file is created if it does not exist. *lenient* is as for `check`.
    """

    def edit(before: str | None, backup: str | None) -> tuple[str, str | None]:
        after = hook_merge.merge(before, hooks, line)
        hook_merge.verify(before, after, hooks, line)
        if _is_ignored(after, lenient=lenient):  # say where, in the file as it is
            validation.validate(before or "{}", lenient=lenient)
        return after, (before and hook_merge.remove(before, backup)) or backup

    if not dry_run:
        paths.ensure_folder(paths.SESSIONS_DIR)
    return _change(path, edit, dry_run=dry_run)


def uninstall_hooks(path: str, *, dry_run: bool = False) -> Change:
    """Remove what is ours, of whichever checkout, from the settings file at *path*.

    The backup is removed if the file now has the same bytes.
    """

    def edit(before: str | None, backup: str | None) -> tuple[str | None, str | None]:
        after = before and hook_merge.remove(before, backup)
        hook_merge.verify(before, after, {})
        return after, None if after == backup else backup

    return _change(path, edit, dry_run=dry_run)


def _is_ignored(text: str, *, lenient: bool) -> bool:
    try:
        validation.validate(text, lenient=lenient)
    except ValueError:
        return True
    return False


def _change(path: str, edit: config_file.Edit, *, dry_run: bool) -> Change:
    with _settings_errors(path):
        if dry_run:
            return config_file.plan(path, edit)
        if not os.path.isdir(paths.SESSIONS_DIR):  # uninstalling: no place for a lock
            return config_file.change(path, edit)
        lock = os.path.join(paths.SESSIONS_DIR, paths.INSTALL_LOCK)
        return file_lock.with_lock(lock, lambda: config_file.change(path, edit))


@contextlib.contextmanager
def _settings_errors(path: str) -> Iterator[None]:
    """Raise what goes wrong with the settings file at *path* as a SettingsError."""
    try:
        yield
        return
    except StoreError as error:  # another user's
        raise SettingsError(str(error)) from None
    except HeadcountError:
        raise
    except UnicodeDecodeError as error:
        valid = error.object[: error.start]
        line, column = valid.count(b"\n") + 1, len(valid) - valid.rfind(b"\n")
        reason = f"is not UTF-8 (line {line}, column {column})"
    except json_edit.JsonTextError as error:
        reason = f"is not valid JSON: {error}"
    except ValueError as error:
        reason = f"is not valid as settings of Claude Code: {error}"
    except OSError as error:
        reason = f"cannot be used: {error}"
    raise SettingsError(f"{path} {reason}; nothing was changed")


def _root(path: str) -> Node:
    """Return the root of the settings file at *path*; of `{}` if it does not exist."""
    with _settings_errors(path):
        text = config_file.read(path)
        return json_edit.parse("{}" if text is None else text)


@contextlib.contextmanager
def _example(checkout: str) -> Iterator[dict[str, Any]]:
    """Yield `settings.example.json` of *checkout*, with its paths filled in.

    Raises SettingsError if it cannot be read, or lacks what is looked up in it.
    """
    folders = {"": _as_utf8(checkout), "/.venv": _as_utf8(environment(checkout))}

    def fill(value: dict[str, Any]) -> dict[str, Any]:
        if "command" in value:
            value["command"] = _PLACEHOLDER.sub(
                lambda match: shlex.quote(folders[match[1] or ""] + match[2]),
                value["command"],
            )
        return value

    path = os.path.join(checkout, "settings.example.json")
    try:
        content = private.read_whole(path, config_file.MAX_BYTES)
        yield json.loads(content, object_hook=fill)
    except (OSError, *_MALFORMED) as error:
        raise SettingsError(f"cannot use {path}: {error}") from error


def _as_utf8(path: str) -> str:
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(
            f"the path {path!a} is not UTF-8, and JSON cannot name it; "
            "move the checkout to a path that is"
        ) from None
