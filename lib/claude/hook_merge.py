"""The shape of settings that Claude Code takes, as far as our hooks depend on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .json_edit import Node


def check(root: Node, events: Iterable[str]) -> None:
    """Raise ValueError unless Claude Code takes *root*, as far as *events* go."""
    _expect(root, dict, "the whole")
    hooks = root.children.get("hooks")
    if hooks:
        _expect(hooks, dict, "`hooks`")
        for event in events:
            if event in hooks.children:
                _check_event(f"`hooks.{event}`", hooks.children[event])


def _check_event(name: str, groups: Node) -> None:
    _expect(groups, list, name)
    for group in groups.children.values():
        _expect(group, dict, f"an element of {name}")
        _expect(group.children.get("hooks"), list, f"`hooks` in {name}")
        for hook in group.children["hooks"].children.values():
            _expect(hook, dict, f"a hook in {name}")
            _expect(hook.children.get("type"), str, f"`type` of a hook in {name}")


def _expect(node: Node | None, kind: type, name: str) -> None:
    if node is None or not isinstance(node.value, kind):
        words = {"dict": "an object", "list": "an array", "str": "a string"}
        raise ValueError(f"{name} is not {words[kind.__name__]}")
