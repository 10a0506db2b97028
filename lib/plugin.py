"""The plugin beside hooks in the settings: who records, and where it is enabled.

If both recorded, each event would be on record twice. So a hook of the plugin leaves
an event to the settings if a hook there records it. For the hook in the settings a look
at each event would be a delay in every installation, so the plugin is the one to look.
Where it is not sure, it records: twice is better than never.

The plugin's hooks import this on every event, so its top imports only `os`.
"""

from __future__ import annotations

import os

from .system import process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

NAME = "headcount"
_MARK = b"# headcount"
_MAX_BYTES = 1 << 20
_SOURCES = "--setting-sources"


# ---- In a hook ------------------------------------------------------------------


def is_recorded_by_settings(event: str | None, client: int) -> bool:
    """Whether a hook in the settings of process *client* records the *event*.

    In most installations none of them is ours, which the text shows without parsing.
    """
    user = os.environ.get("CLAUDE_CONFIG_DIR") or os.path.expanduser("~/.claude")
    project = os.path.join(os.environ.get("CLAUDE_PROJECT_DIR", ""), ".claude")
    files = os.path.join(user, "settings.json"), os.path.join(project, "settings.json")
    local = os.path.join(project, "settings.local.json")
    if event is None or not any(map(_has_mark, (*files, local))):
        return False
    from .claude import settings

    try:
        every = settings.settings_files(os.environ.get("CLAUDE_PROJECT_DIR"))
        read = [path for scope, path in every.items() if _is_read(scope, client)]
    except settings.SettingsError:
        return False
    # Where settings turn hooks off and the plugin runs, an administrator forces it.
    if settings.switches(read):
        return False
    return any(_records(path, event) for path in read)


def _has_mark(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return _MARK in os.read(descriptor, _MAX_BYTES)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is_read(scope: str, client: int) -> bool:
    """Whether process *client* reads the settings of *scope*, by its command line."""
    words = process.command_line(client, process.MAX_ARGUMENT_BYTES)
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name == _SOURCES:
            return scope in (value if equals else following).split(",")
    return True


def _records(path: str, event: str) -> bool:
    """Whether the settings file at *path* has a hook of ours that runs at *event*."""
    from .claude import settings

    try:
        settings.check(path)  # else the client ignores the file
        hooks = settings.installed_hooks(path)
    except settings.SettingsError:
        return False
    commands = {
        hook.command for hook in hooks if hook.event == event and settings.can_run(hook)
    }
    groups = _values(path).get("hooks", {}).get(event, []) if commands else []
    return any(_runs_always(group, commands) for group in groups)


def _runs_always(group: dict[str, Any], commands: set[str]) -> bool:
    """Whether the *group* has one of *commands* under no condition."""
    return not group.get("matcher") and any(
        hook.get("command") in commands and "if" not in hook for hook in group["hooks"]
    )


def _values(path: str) -> dict[str, Any]:
    import json

    from .claude import config_file

    text = config_file.read(path) or "{}"
    values: dict[str, Any] = json.loads(text.removeprefix("\ufeff"))
    return values


# ---- In a command ---------------------------------------------------------------


def enabled(files: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of our plugin that settings enable, each with its settings file.

    *files* has the path by scope: `user`, `project`, `local`, of which the last counts.
    A file that cannot be read enables nothing.
    """
    states: dict[str, tuple[str, bool]] = {}
    for path in files.values():
        for plugin, state in _listed(path):
            if plugin.partition("@")[0] == NAME:
                states[plugin] = path, bool(state)
    return {plugin: path for plugin, (path, state) in states.items() if state}


def _listed(path: str) -> Iterable[tuple[str, object]]:
    try:
        listed = _values(path).get("enabledPlugins", {})
        return listed.items() if isinstance(listed, dict) else ()
    except (OSError, ValueError, AttributeError):
        return ()


def folders(plugin: str) -> list[str] | None:
    """Return the folders in which Claude Code has installed the *plugin*.

    None if that is not known: older clients, such as 2.0.45, keep no list.
    """
    from .claude import settings

    user = os.path.dirname(settings.settings_files()["user"])
    path = os.path.join(user, "plugins/installed_plugins.json")
    try:
        places = _values(path)["plugins"].get(plugin, [])
        return [place["installPath"] for place in places]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
