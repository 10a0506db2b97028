"""Our hooks in the text of Claude Code's settings: add them, find them, remove them.

Promises
    * `merge` is idempotent, and `remove(merge(text, ...), text) == text`, to the byte.
      What is not ours keeps its bytes, its order and its place in both.
    * If the text was changed after the merge, `remove` takes out exactly what is ours,
      and every container that is empty without it. An empty `{}` or `[]` that was there
      before us may go, too. Claude Code reads both alike.

Ours is a hook of type `command` whose command ends in `# headcount` and names one of
our scripts, in whichever checkout; and a status line of that kind.

Text that Claude Code cannot parse, or in which our hooks have no place, raises
ValueError; `validation` finds what it would ignore.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ...system import proc
from . import json_edit, status_line
from .validation import expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .json_edit import Node, Path
    from .status_line import StatusLine

Hooks = dict[str, dict[str, Any]]  # event -> its one group, with one hook

_SCRIPT = re.compile(
    r"""/hooks/(?:session_start|heartbeat|stop|session_end)\.py(?=['"\s])"""
)
# The event at which `claude -p` ends. Measured: if its hook is asynchronous and still
# runs then, the client takes 1.4 s more and kills it. In a terminal it goes on alone.
_LAST_OF_PRINT_MODE = "Stop"
# The client reads this answer, and waits no longer. Both variables are needed: a client
# can inherit `cli` from another one, and that of an editor is attended, too.
_ANSWER = """echo '{"async":true}'; """
_IF_IN_TERMINAL = (
    """[ "$CLAUDE_CODE_ENTRYPOINT $CLAUDE_CODE_SESSION_ATTENDED" != "cli 1" ] || """
)
# The length of the path `hooks, event, index, hooks`. A group is invalid without its
# list of hooks, so the two are removed together.
_HOOK_LIST_DEPTH = 4


class InstalledHook(NamedTuple):
    """One of our hooks in the settings.

    *script* and *python* are empty if the command does not name them as a path;
    *timeout* is in seconds, None without one. In a terminal, the client does not wait
    for a hook that *is_async*. It may kill one that *may_be_killed* before it records.
    """

    event: str
    command: str
    script: str
    python: str
    timeout: float | None
    is_async: bool
    may_be_killed: bool


def make_asynchronous(event: str, hook: dict[str, Any]) -> None:
    """Let the client not wait for *hook*; for that of Stop only in a terminal.

    Without /proc a hook does not know when it began. Then a late Stop could end the
    next turn, so the client waits.
    """
    if event != _LAST_OF_PRINT_MODE:
        hook["async"] = True
    elif proc.READS_PROC:
        hook["command"] = _IF_IN_TERMINAL + _ANSWER + hook["command"]


def synchronous(command: str) -> str:
    """Return the *command* of a hook without what `make_asynchronous` has added."""
    return command.rpartition(_ANSWER)[2]


def installed_hooks(root: Node) -> list[InstalledHook]:
    """Return our hooks in the settings *root*, in the order of the text."""
    return [_installed_hook(event, hook) for event, hook, _ in _our_hooks(root)]


def merge(text: str | None, hooks: Hooks, line: StatusLine | None = None) -> str:
    """Return the settings *text* (None: no file yet) with each of *hooks* in it once.

    A hook of ours that is there is replaced in place; a new one goes to the end of its
    event. Ours that are duplicates, or under another event, are removed. The status
    *line* is set unless the user has another one; None leaves it unchanged. Raises
    ValueError if *text* is not valid settings.
    """
    text = "{}\n" if text is None else text
    root = json_edit.parse(text)
    _require_room(root, hooks)
    for event in _in_text_order(root, hooks):
        text = _add(text, event, hooks[event])
    text = _remove_all(text, _unwanted(json_edit.parse(text), hooks)) or text
    return status_line.merge(text, line)


def remove(text: str, backup: str | None) -> str | None:
    """Return the settings *text* without ours, or None if nothing is left in it.

    *backup* is the text before our merge, None without one: it is returned if
    *text* was not changed since. Raises ValueError if *text* is not valid settings.
    """
    root = json_edit.parse(text)
    if backup is not None and _is_merge_of(backup, text, root):
        return backup
    return _remove_all(text, _our_places(root))


# What is refused


def _require_room(root: Node, events: Iterable[str]) -> None:
    """Raise ValueError unless the hooks of *events* have a place in *root*."""
    expect(root, "an object", "the whole")
    hooks = root.children.get("hooks")
    if hooks:
        expect(hooks, "an object", "`hooks`")
        for event in events:
            if event in hooks.children:
                expect(hooks.children[event], "an array", f"`hooks.{event}`")


def verify(
    before: str | None, after: str | None, hooks: Hooks, line: StatusLine | None = None
) -> None:
    """Raise ValueError unless *after* is *before* with exactly *hooks* and *line*.

    Only a bug in this package can make it fail. But such a bug would damage settings
    of others, so every change is verified, by other means than the merge's.
    """
    root = json_edit.parse(after or "{}")
    _require_room(root, hooks)
    present = [(event, hook) for event, hook, _ in _our_hooks(root)]
    expected = [(event, group["hooks"][0]) for event, group in hooks.items()]
    if sorted(present, key=repr) != sorted(expected, key=repr):
        raise ValueError(f"after the merge it would hold {len(present)} of our hooks")
    status_line.verify(root, line)
    if _foreign(before) != _foreign(after):
        raise ValueError("the merge would change what is not ours")


def _foreign(text: str | None) -> str:
    """Return what is not ours in *text*, normalized, without empty containers."""
    settings = json.loads((text or "{}").removeprefix(json_edit.BYTE_ORDER_MARK))
    if not isinstance(settings, dict) or not isinstance(
        settings.get("hooks", {}), dict
    ):
        return json.dumps(settings)
    hooks = settings.pop("hooks", {})
    if status_line.our_command(settings.get(status_line.KEY)):
        del settings[status_line.KEY]
    for event, groups in list(hooks.items()):
        if isinstance(groups, list):
            hooks[event] = [kept for group in groups if (kept := _foreign_group(group))]
    kept = {event: groups for event, groups in hooks.items() if groups != []}
    return json.dumps([settings, kept])


def _foreign_group(group: Any) -> Any:  # noqa: ANN401  # JSON
    hooks = group.get("hooks") if isinstance(group, dict) else None
    if not isinstance(hooks, list) or not any(_is_ours(hook) for hook in hooks):
        return group
    others = [hook for hook in hooks if not _is_ours(hook)]
    return {**group, "hooks": others} if others else None


# What is ours


def _is_ours(hook: object) -> bool:
    return status_line.our_command(hook, _SCRIPT) is not None


def _our_hooks(root: Node) -> Iterator[tuple[str, Any, Path]]:
    """Yield event, hook and path of each of our hooks, in the order of the text."""
    hooks = root.children.get("hooks")
    for event, groups in hooks.children.items() if hooks else ():
        for index, group in _elements(groups):
            for number, hook in _elements(group.children.get("hooks")):
                if _is_ours(hook.value):
                    place = ("hooks", event, index, "hooks", number)
                    yield str(event), hook.value, place


def _elements(node: Node | None) -> Iterable[tuple[str | int, Node]]:
    """Return the elements of an array, by index; () of anything else."""
    return node.children.items() if node and isinstance(node.value, list) else ()


def _our_places(root: Node) -> list[Path]:
    lines: list[Path] = [(status_line.KEY,)] if status_line.find(root) else []
    return [place for _, _, place in _our_hooks(root)] + lines


def _installed_hook(event: str, hook: Any) -> InstalledHook:  # noqa: ANN401  # JSON
    command, timeout = hook["command"], hook.get("timeout")
    python, script = status_line.command_paths(synchronous(command), _SCRIPT)
    timeout = timeout if type(timeout) in {int, float} else None
    always = hook.get("async") is True
    is_async = always or _ANSWER in command
    may_be_killed = always and event == _LAST_OF_PRINT_MODE
    return InstalledHook(
        event, command, script, python, timeout, is_async, may_be_killed
    )


# Adding and removing


def _in_text_order(root: Node, events: Iterable[str]) -> list[str]:
    """Return *events* in the order in which they will be in the text.

    What an insertion looks like may depend on those before it, in an oddly formatted
    file. With this order, `remove` can repeat them.
    """
    present = root.children["hooks"].children if "hooks" in root.children else {}
    order = {event: number for number, event in enumerate(present)}
    return sorted(events, key=lambda event: order.get(event, len(order)))


def _add(text: str, event: str, group: dict[str, Any]) -> str:
    root = json_edit.parse(text)
    (hook,) = group["hooks"]
    script = _SCRIPT.findall(hook["command"])[0]
    for its_event, present, place in _our_hooks(root):
        if its_event == event and _SCRIPT.findall(present["command"])[0] == script:
            return _replace(text, root, place, hook)
    if "hooks" not in root.children:
        return json_edit.append(text, root, (), "hooks", {event: [group]})
    if event not in root.children["hooks"].children:
        return json_edit.append(text, root, ("hooks",), event, [group])
    return json_edit.append(text, root, ("hooks", event), None, group)


def _replace(text: str, root: Node, place: Path, hook: dict[str, Any]) -> str:
    """Put *hook* at *place*; what is the same stays the same to the byte."""
    present: Any = json_edit.at(root, place).value
    if present == hook:
        return text
    if {**present, "command": hook["command"]} == hook:
        return json_edit.replace(text, root, (*place, "command"), hook["command"])
    return json_edit.replace(text, root, place, hook)


def _unwanted(root: Node, hooks: Hooks) -> list[Path]:
    """Return the paths of our hooks that are not in *hooks*, or are duplicates."""
    missing = {event: group["hooks"][0] for event, group in hooks.items()}
    unwanted = []
    for event, hook, place in _our_hooks(root):
        if event in missing and hook == missing[event]:
            del missing[event]
        else:
            unwanted.append(place)
    return unwanted


def _is_merge_of(backup: str, text: str, root: Node) -> bool:
    """Whether merging what is ours in *text* into *backup* gives *text* again.

    *root* is of *text*. False if *backup* is damaged, or has something of ours itself.
    """
    hooks = {event: {"hooks": [hook]} for event, hook, _ in _our_hooks(root)}
    line = status_line.find(root)
    try:
        clean = not _our_places(json_edit.parse(backup))
        return clean and merge(backup, hooks, line) == text
    except ValueError:
        return False


def _remove_all(text: str, places: list[Path]) -> str | None:
    """Return *text* without the values at *places*, which are in the text's order."""
    for place in reversed(places):
        shorter = _prune(text, place)
        if shorter is None:
            return None
        text = shorter
    return text


def _prune(text: str, place: Path) -> str | None:
    """Remove the value at *place*, and every container that is empty without it."""
    root = json_edit.parse(text)
    while len(place) == _HOOK_LIST_DEPTH or _is_only_child(root, place):
        place = place[:-1]
        if not place:
            return None
    return json_edit.remove(text, root, place)


def _is_only_child(root: Node, place: Path) -> bool:
    return len(json_edit.at(root, place[:-1]).children) == 1
