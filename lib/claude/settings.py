"""Our hooks in Claude Code's settings: put them in, take them out, say what is there.

The law
    unmerge(merge(text, ours), text) == text, to the byte, and merging twice is merging
    once. What is not ours keeps its bytes, its order and its place in either direction.

    Taking out needs to know which emptied container was there before us. The text
    alone cannot say, so the backup beside the file does: it holds the file as it was,
    without us, before our last change. A container that we empty goes, unless the
    backup has it, empty, in the same place; a file in which nothing is left goes too.

    Where the law ends: without the backup, an empty `{}` or `[]` that was there before
    us is gone after us. Claude Code reads both alike.

Ours is a command hook whose command ends in `# headcount` and names one of our
scripts, wherever the checkout was at that time; and a status line of that kind.

Installers exclude each other with a lock. Claude Code takes none, so the bytes are
compared again right before the rename, and once more after it. Anything but strict JSON
of the documented shape is refused, and the file is left as it is.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from .. import file_lock
from ..errors import HeadcountError
from ..store import paths
from . import config_file, hook_merge, json_edit, status_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from .config_file import Change
    from .json_edit import Node, Path
    from .status_line import StatusLine

T = TypeVar("T")

MARK = status_line.MARK
LOCK_NAME = ".install.lock"

Hooks = dict[str, dict[str, Any]]  # the one group of each event

_SCRIPT = re.compile(
    r"""/hooks/(?:session_start|heartbeat|stop|session_end)\.py(?=['"\s])"""
)
_PLACEHOLDER = re.compile(r"/path/to/headcount(/\S+)")
# hooks, event, index, hooks: never taken from its group, which is malformed without it
_LIST_OF_A_GROUP = 4


class SettingsError(HeadcountError, ValueError):
    """The settings file cannot be read or changed; it is as it was."""


class InstalledHook(NamedTuple):
    """One of our hooks in a settings file; a path that cannot be told is empty."""

    event: str
    command: str
    script: str
    python: str
    timeout: float | None


def settings_files(project_dir: str | None = None) -> dict[str, str]:
    """Return the settings file of each scope; of `user` alone without a project."""
    user = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    files = {"user": os.path.join(os.path.abspath(user), "settings.json")}
    if project_dir is not None:
        folder = os.path.join(os.path.abspath(project_dir), ".claude")
        files["project"] = os.path.join(folder, "settings.json")
        files["local"] = os.path.join(folder, "settings.local.json")
    return files


def installed_hooks(path: str) -> list[InstalledHook]:
    """Return our hooks in the settings file at *path*, in its order; none if no file.

    Raises SettingsError if the file cannot be understood.
    """
    root = _root(path)
    if root is None:
        return []
    return [
        _installed_hook(place, json_edit.at(root, place).value) for place in _ours(root)
    ]


def disabled(path: str) -> bool:
    """Whether the settings file at *path* turns off every hook, ours included.

    Raises SettingsError if the file cannot be understood.
    """
    root = _root(path)
    if root is None or "disableAllHooks" not in root.children:
        return False
    return root.children["disableAllHooks"].value is True


def status_line_owner(path: str) -> str:
    """Say whose `statusLine` the settings file at *path* has: ours, theirs or none.

    Raises SettingsError if the file cannot be understood.
    """
    root = _root(path)
    if root is None or status_line.KEY not in root.children:
        return "none"
    return "ours" if status_line.places(root) else "theirs"


def desired_status_line(checkout: str) -> StatusLine:
    """Return the value of `statusLine` that runs *checkout*'s.

    Raises SettingsError if JSON cannot name *checkout*.
    """
    return status_line.with_command(_filled(status_line.TEMPLATE, checkout))


def desired_hooks(checkout: str) -> Hooks:
    """Return the group of each event, as `settings.example.json` of *checkout* has it.

    Raises SettingsError if there is none, or if JSON cannot name *checkout*.
    """
    hooks = {event: groups[0] for event, groups in _example(checkout)["hooks"].items()}
    for group in hooks.values():
        (hook,) = group["hooks"]
        hook["command"] = _filled(hook["command"], checkout)
    return hooks


def merge(text: str | None, ours: Hooks, line: StatusLine | None = None) -> str:
    """Return the settings *text* (None: no file yet) with each of *ours* in it once.

    One that is there is replaced where it stands, else it goes to the end of its event.
    Ours that are there twice, or under another event, go. The status *line* is set
    unless theirs is there; None leaves it as it is. Raises ValueError if *text* is not
    what Claude Code takes.
    """
    text = "{}\n" if text is None else text
    hook_merge.check(json_edit.parse(text), ours)
    for event, group in ours.items():
        text = _add(text, event, group)
    text = _remove_all(text, _unwanted(json_edit.parse(text), ours), {}) or text
    return status_line.merge(text, line)


def unmerge(text: str, backup: str | None) -> str | None:
    """Return *text* without ours, or None if nothing is left in it.

    *backup* is the file as it was before us, None if there was none: it decides about
    the containers that are empty then. Raises ValueError if *text* is not settings.
    """
    root = json_edit.parse(text)
    hook_merge.check(root, {})
    places = [*_ours(root), *status_line.places(root)]
    return _remove_all(text, places, _empties(backup))


def install_hooks(
    path: str, ours: Hooks, line: StatusLine | None = None, *, dry_run: bool = False
) -> Change:
    """Merge *ours*, and the status *line*, into the settings file at *path*.

    It need not exist yet. Raises SettingsError, and leaves the file alone, if that
    cannot be done.
    """

    def edit(before: str | None, backup: str | None) -> tuple[str, str | None]:
        after = merge(before, ours, line)
        _verify(before, after, ours, line)
        return after, (before and unmerge(before, backup)) or backup

    if not dry_run:
        paths.ensure_folder(paths.SESSIONS_DIR)
    return _change(path, edit, dry_run=dry_run)


def uninstall_hooks(path: str, *, dry_run: bool = False) -> Change:
    """Take ours, of whichever checkout, out of the settings file at *path*.

    The backup goes if the file is again what it holds. Raises SettingsError, and
    leaves the file alone, if that cannot be done.
    """

    def edit(before: str | None, backup: str | None) -> tuple[str | None, str | None]:
        after = before and unmerge(before, backup)
        _verify(before, after, {})
        return after, None if after == backup else backup

    return _change(path, edit, dry_run=dry_run)


# The file


def _change(path: str, edit: config_file.Edit, *, dry_run: bool) -> Change:
    if dry_run:
        return _as_settings_error(path, lambda: config_file.plan(path, edit))
    if not os.path.isdir(paths.SESSIONS_DIR):  # uninstalling: make no place for a lock
        return _as_settings_error(path, lambda: config_file.change(path, edit))
    lock = os.path.join(paths.SESSIONS_DIR, LOCK_NAME)
    return file_lock.with_lock(
        lock, lambda: _as_settings_error(path, lambda: config_file.change(path, edit))
    )


def _as_settings_error(path: str, operation: Callable[[], T]) -> T:
    """Return what *operation* returns; what it raises becomes a SettingsError."""
    try:
        return operation()
    except HeadcountError:
        raise
    except UnicodeDecodeError as error:
        place = error.object[: error.start]
        line, column = place.count(b"\n") + 1, len(place) - place.rfind(b"\n")
        why = f"is not UTF-8 (line {line}, column {column})"
    except json_edit.JsonTextError as error:
        why = f"is not valid JSON: {error}"
    except ValueError as error:
        why = f"is not what Claude Code takes: {error}"
    except OSError as error:
        why = f"cannot be used: {error}"
    raise SettingsError(f"{path} {why}; nothing was changed")


def _root(path: str) -> Node | None:
    def read() -> Node | None:
        text = config_file.read(path)
        if text is None:
            return None
        root = json_edit.parse(text)
        hook_merge.check(root, {})
        return root

    return _as_settings_error(path, read)


def _verify(
    before: str | None, after: str | None, ours: Hooks, line: StatusLine | None = None
) -> None:
    """Raise ValueError unless *after* is *before* with exactly *ours*, and *line*.

    Nothing but a fault in this file can make it fail. It would be a fault in somebody
    else's settings, so it is looked for each time, by other means than the merge's.
    """
    root = json_edit.parse(after or "{}")
    hook_merge.check(root, ours)
    found = [(place[1], json_edit.at(root, place).value) for place in _ours(root)]
    hooks = [(event, group["hooks"][0]) for event, group in ours.items()]
    if sorted(found, key=repr) != sorted(hooks, key=repr):
        raise ValueError(f"after the merge it would hold {len(found)} of our hooks")
    status_line.verify(root, line)
    if _foreign(before) != _foreign(after):
        raise ValueError("the merge would change what is not ours")


def _foreign(text: str | None) -> str:
    """Return what is not ours in *text*, in one spelling, without empty containers."""
    settings = json.loads(text or "{}")
    hooks = settings.pop("hooks", {})
    if status_line.is_ours(settings.get(status_line.KEY)):
        del settings[status_line.KEY]
    for event, groups in list(hooks.items()):
        if isinstance(groups, list):
            hooks[event] = [kept for group in groups if (kept := _theirs(group))]
    kept = {event: groups for event, groups in hooks.items() if groups != []}
    return json.dumps([settings, kept])


def _theirs(group: Any) -> Any:  # noqa: ANN401  # JSON
    hooks = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(hooks, list) or not any(_is_ours(hook) for hook in hooks):
        return group
    theirs = [hook for hook in hooks if not _is_ours(hook)]
    return {**group, "hooks": theirs} if theirs else None


# What is ours


def _example(checkout: str) -> dict[str, Any]:
    path = os.path.join(checkout, "settings.example.json")
    try:
        with open(path, encoding="utf-8") as file:
            example: dict[str, Any] = json.load(file)
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot use {path}: {error}") from error
    return example


def _filled(command: str, checkout: str) -> str:
    """Return *command*, as an example has it, with the paths of *checkout*."""
    return _PLACEHOLDER.sub(
        lambda word: shlex.quote(_in_utf8(checkout) + word[1]), command
    )


def _in_utf8(path: str) -> str:
    try:
        return os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        raise SettingsError(
            f"the path {path!a} is not UTF-8, and JSON cannot name it; "
            "move the checkout to one that is"
        ) from None


def _is_ours(hook: object) -> bool:
    if not isinstance(hook, dict) or hook.get("type") != "command":
        return False
    command = hook.get("command")
    return (
        isinstance(command, str)
        and command.rstrip().endswith(MARK)
        and _SCRIPT.search(command) is not None
    )


def _ours(root: Node) -> Iterator[Path]:
    """Yield the place of each of our hooks, in the order of the text."""
    hooks = root.children.get("hooks")
    for event, groups in hooks.children.items() if hooks else ():
        for index, group in groups.children.items():
            entries = group.children.get("hooks")
            for number, hook in entries.children.items() if entries else ():
                if _is_ours(hook.value):
                    yield ("hooks", event, index, "hooks", number)


def _installed_hook(place: Path, hook: Any) -> InstalledHook:  # noqa: ANN401  # JSON
    command, timeout = hook["command"], hook.get("timeout")
    try:
        words = shlex.split(command)
    except ValueError:
        words = [""]
    script = next((word for word in words if _SCRIPT.search(word + " ")), "")
    python = words[0] if os.path.isabs(words[0]) else ""
    timeout = timeout if type(timeout) in {int, float} else None
    return InstalledHook(str(place[1]), command, script, python, timeout)


# The merge


def _add(text: str, event: str, group: dict[str, Any]) -> str:
    root = json_edit.parse(text)
    (hook,) = group["hooks"]
    script = _script(hook)
    for place in _ours(root):
        present = json_edit.at(root, place).value
        if present == hook and place[1] == event:
            return text
        if _script(present) == script and place[1] == event:
            return json_edit.replace(text, root, place, hook)
    if "hooks" not in root.children:
        return json_edit.append(text, root, (), "hooks", {event: [group]})
    if event not in root.children["hooks"].children:
        return json_edit.append(text, root, ("hooks",), event, [group])
    return json_edit.append(text, root, ("hooks", event), None, group)


def _script(hook: Any) -> str:  # noqa: ANN401  # JSON
    found = _SCRIPT.search(hook["command"])
    return found[0] if found else ""


def _unwanted(root: Node, ours: Hooks) -> list[Path]:
    """Return the places of ours that are not *ours*, or are for the second time."""
    missing = {event: group["hooks"][0] for event, group in ours.items()}
    strays = []
    for place in _ours(root):
        event = str(place[1])
        if event in missing and json_edit.at(root, place).value == missing[event]:
            del missing[event]
        else:
            strays.append(place)
    return strays


def _remove_all(
    text: str, places: Iterable[Path], empties: dict[Path, str]
) -> str | None:
    """Return *text* without what stands at *places*, which are in its order."""
    for place in reversed(list(places)):
        shorter = _prune(text, place, empties)
        if shorter is None:
            return None
        text = shorter
    return text


def _prune(text: str, place: Path, empties: dict[Path, str]) -> str | None:
    """Take out what is at *place*, and every container that is empty without it."""
    root = json_edit.parse(text)
    while len(place) == _LIST_OF_A_GROUP or _is_alone(root, place):
        place = place[:-1]
        if place in empties:
            return json_edit.put(text, root, place, empties[place])
        if not place:
            return None
    return json_edit.remove(text, root, place)


def _is_alone(root: Node, place: Path) -> bool:
    return len(json_edit.at(root, place[:-1]).children) == 1


def _empties(backup: str | None) -> dict[Path, str]:
    """Return the empty containers of *backup* that we might fill, as they look."""
    try:
        root = json_edit.parse(backup or "")
    except json_edit.JsonTextError:
        return {}
    hooks = root.children.get("hooks")
    places: list[Path] = [(), ("hooks",)]
    places += [("hooks", event) for event in hooks.children] if hooks else []
    found = {}
    for place in places if hooks else [()]:
        node = json_edit.at(root, place)
        if node.value in ({}, []) and backup is not None:
            found[place] = backup[node.start : node.end]
    return found
