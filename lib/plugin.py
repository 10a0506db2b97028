"""The plugin in Claude Code's files: where it is enabled, and where it is installed."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from .claude import config_file, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "headcount"
_HOOK_FILES = ("hooks.json", "newer.json")
_MALFORMED = (ValueError, LookupError, TypeError, AttributeError)


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
    user = os.path.dirname(settings.settings_files()["user"])
    path = os.path.join(user, "plugins/installed_plugins.json")
    try:
        places = _values(path)["plugins"].get(plugin, [])
        return [place["installPath"] for place in places]
    except (OSError, *_MALFORMED):
        return None


def hooks(folder: str) -> dict[str, dict[str, Any]]:
    """Return the hook of each event that the plugin in *folder* has; {} if none.

    Each has a `timeout`, in seconds, and a `command`, which sets what the client would.
    """
    groups: dict[str, Any] = {}
    try:
        for name in _HOOK_FILES:
            groups |= _values(os.path.join(folder, "hooks", name))["hooks"]
        found = {event: dict(group["hooks"][0]) for event, (group,) in groups.items()}
    except (OSError, *_MALFORMED):
        return {}
    for hook in found.values():
        variable = f"CLAUDE_PLUGIN_ROOT={shlex.quote(folder)}"
        hook["command"] = f"export {variable}; {hook['command']}"
    return found


def _values(path: str) -> dict[str, Any]:
    text = config_file.read(path) or "{}"
    values: dict[str, Any] = json.loads(text.removeprefix("\ufeff"))
    return values
