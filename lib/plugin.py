"""The plugin in Claude Code's files: where it is enabled, and where it is installed."""

from __future__ import annotations

import json
import os
import shlex
from typing import TYPE_CHECKING, Any

from .claude import config_file, settings
from .system import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NAME = "headcount"
_KEPT_SUFFIX = ".headcount-before-plugin"
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
            if _is_ours(plugin):
                states[plugin] = path, bool(state)
    return {plugin: path for plugin, (path, state) in states.items() if state}


def _is_ours(plugin: str) -> bool:
    return plugin.partition("@")[0] == NAME


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


def keep_settings() -> None:
    """Keep the user's settings as they are before the plugin is installed.

    Claude Code formats the whole file anew. Nothing is done if they are kept, or if the
    plugin is enabled. Raises SettingsError, StoreError, OSError.
    """
    path = settings.settings_files()["user"]
    kept = os.path.realpath(path) + _KEPT_SUFFIX
    if not os.path.lexists(kept) and not enabled({"user": path}):
        os.makedirs(os.path.dirname(kept), exist_ok=True)
        text = config_file.read(path, errors="surrogateescape") or ""
        atomic.write(kept, text.encode(errors="surrogateescape"))


def restore_settings() -> None:
    """Give the settings back as `keep_settings` has kept them, if they say the same.

    Without the plugin, Claude Code leaves empty lists, and 2.0.45 the plugin as false.
    If no file was kept, one that says nothing is removed. Raises what it raises.
    """
    path = settings.settings_files()["user"]
    kept = os.path.realpath(path) + _KEPT_SUFFIX
    before = config_file.read(kept, errors="surrogateescape")
    if before is None:
        return

    def edit(text: str | None, backup: str | None) -> tuple[str | None, str | None]:
        try:
            is_same = text and _without_plugin(text) == _without_plugin(before)
        except _MALFORMED:
            is_same = False
        return (before or None) if is_same else text, backup

    config_file.change(path, edit)
    os.unlink(kept)


def _without_plugin(text: str) -> dict[str, Any]:
    """Return the settings in *text* without what removing the plugin leaves in them."""
    values: dict[str, Any] = json.loads(text.removeprefix("\ufeff") or "{}")
    for key in ("enabledPlugins", "extraKnownMarketplaces"):
        listed = values.pop(key, None) or {}
        others = {k: v for k, v in listed.items() if not (_is_ours(k) and v is False)}
        if others:
            values[key] = others
    return values


def _values(path: str) -> dict[str, Any]:
    text = config_file.read(path) or "{}"
    values: dict[str, Any] = json.loads(text.removeprefix("\ufeff"))
    return values
