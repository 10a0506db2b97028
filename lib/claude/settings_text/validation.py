"""Whether Claude Code loads the text of settings, or ignores the whole file.

Here is what 2.1.332 was seen to require of each value. What it merely warns about, or
skips, passes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import json_edit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .json_edit import Node

    # A type by its name in a sentence, the one element of an array, or members by key.
    _Shape = str | list["_Shape"] | dict[str, "_Shape"]

# Measured with 2.1.332: the client ignores the whole file if a value has another type
# than here, or if a key with `!` is missing. Only the hooks of events that decide what
# the client may do count; of other events it skips a malformed one, since 2.1.122.
_DECIDING = ("PreToolUse", "PermissionRequest", "PreSkillShellCommand")
_HOOK: _Shape = {
    "type!": "a string",
    "command!": "a string",
    "timeout": "a number above 0",
    "async": "true or false",
    "if": "a string",
    **dict.fromkeys(("url!", "prompt!", "server!", "tool!"), "a string"),
}
# The members that only some types of hook need, and these types. Other types are
# accepted: a later client may know them.
_NEEDED_BY = {
    "command!": ("command",),
    "url!": ("http",),
    "prompt!": ("prompt", "agent"),
    "server!": ("mcp_tool",),
    "tool!": ("mcp_tool",),
}
_GROUPS: _Shape = [{"matcher": "a string", "hooks!": [_HOOK]}]
_SHAPE: dict[str, _Shape] = {
    "$schema": "a string",
    "apiKeyHelper": "a string",
    "cleanupPeriodDays": "a number",
    "disableAllHooks": "true or false",
    "enabledPlugins": {},
    "env": {},
    "includeCoAuthoredBy": "true or false",
    "model": "a string",
    "outputStyle": "a string",
    "permissions": {
        "allow": [],
        "deny": [],
        "ask": [],
        "additionalDirectories": [],
        "defaultMode": "a string",
    },
    "statusLine": {"type!": '"command"', "command!": "a string"},
    "hooks": dict.fromkeys(_DECIDING, _GROUPS),
}
# Of these words a client may know more than 2.1.332, which ignores the whole file for
# one that it does not know. So does 2.1.200, and that for a hook of any event.
_TYPE_OF_HOOK = "a type of hook that Claude Code 2.1.332 knows"
_MODE = "a mode that Claude Code 2.1.332 knows"
_WORDS = {
    _TYPE_OF_HOOK: ("command", "prompt", "agent", "http", "mcp_tool"),
    _MODE: ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan"),
}
_TYPES: dict[str, Callable[[Any], bool]] = {
    "an object": lambda value: isinstance(value, dict),
    "an array": lambda value: isinstance(value, list),
    "a string": lambda value: isinstance(value, str),
    "a number": lambda value: type(value) in {int, float},
    "a number above 0": lambda value: type(value) in {int, float} and value > 0,
    '"command"': lambda value: value == "command",
    "true or false": lambda value: isinstance(value, bool),
    _TYPE_OF_HOOK: lambda value: value in _WORDS[_TYPE_OF_HOOK],
    _MODE: lambda value: value in _WORDS[_MODE],
}


def validate(text: str, *, lenient: bool = True) -> None:
    """Raise ValueError if Claude Code would ignore all of the settings *text*.

    The message names the value that is the cause, its position, and what it must be.
    Unless *lenient*, no event's hooks may be malformed.
    """
    root, shape = json_edit.parse(text), _SHAPE
    if not lenient and "hooks" in root.children:
        events = map(str, root.children["hooks"].children)
        shape = {**_SHAPE, "hooks": dict.fromkeys(events, _GROUPS)}
    for name, kind, position in _violations(root, shape, ""):
        place = json_edit.place(text, position)
        message = f"`{name}` must be {kind} ({place}), or Claude Code ignores the whole"
        raise ValueError(f"{message} file")


def unknown_words(text: str, *, in_all_events: bool) -> list[str]:
    """Say in a sentence each which words in the settings *text* a client may not know.

    They are types of hooks, of events that decide or *in_all_events*, and the mode.
    """
    root = json_edit.parse(text)
    hooks = root.children.get("hooks")
    events = [*map(str, hooks.children)] if hooks and in_all_events else _DECIDING
    groups: _Shape = [{"hooks": [{"type": _TYPE_OF_HOOK}]}]
    shape: _Shape = {
        "permissions": {"defaultMode": _MODE},
        "hooks": dict.fromkeys(events, groups),
    }
    return [
        f"`{name}` is not {kind} ({json_edit.place(text, position)}); a client that "
        "does not know it ignores the whole file"
        for name, kind, position in _violations(root, shape, "")
        if kind in _WORDS
    ]


def _violations(node: Node, shape: _Shape, name: str) -> Iterator[tuple[str, str, int]]:
    """Yield name, required type and position of what does not have its *shape*."""
    kind = _kind(shape)
    if not _TYPES[kind](node.value):
        yield name or "the whole", kind, node.start
    elif isinstance(shape, list):
        for index, child in node.children.items() if shape else ():
            yield from _violations(child, shape[0], f"{name}[{index}]")
    elif isinstance(shape, dict):
        for key, inner in shape.items():
            yield from _member_violations(node, key, inner, f"{name}.{key}".strip(".!"))


def _member_violations(
    node: Node, key: str, shape: _Shape, name: str
) -> Iterator[tuple[str, str, int]]:
    child = node.children.get(key.rstrip("!"))
    values: Any = node.value
    if key in _NEEDED_BY and values.get("type") not in _NEEDED_BY[key]:
        return
    if child is None:
        if key.endswith("!"):
            yield name, _kind(shape), node.start
    elif child.value is not None or key not in _DECIDING:
        yield from _violations(child, shape, name)


def _kind(shape: _Shape) -> str:
    if isinstance(shape, str):
        return shape
    return "an object" if isinstance(shape, dict) else "an array"


def expect(node: Node, kind: str, name: str) -> None:
    """Raise ValueError unless the value of *node*, called *name*, is of this *kind*."""
    if not _TYPES[kind](node.value):
        raise ValueError(f"{name} is not {kind}")
