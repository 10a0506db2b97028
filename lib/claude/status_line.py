"""Our status line in the text of Claude Code's settings: the key `statusLine`.

There is one for all, so it is set only where none is; a user's own stays, in or out.
Ours is a command that ends in `# headcount` and names our script, wherever the checkout
was. In ours the rest (`padding`, `refreshInterval`) is the user's to change.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from . import json_edit

if TYPE_CHECKING:
    from .json_edit import Node, Path

KEY = "statusLine"
MARK = "# headcount"
TEMPLATE = (
    "/path/to/headcount/.venv/bin/python -I -S "
    f"/path/to/headcount/hooks/statusline.py 2>/dev/null || : {MARK}"
)
# An idle session runs it this often, in seconds: 20 ms of work each time.
REFRESH_SECONDS = 10

SCRIPT = re.compile(r"""/hooks/statusline\.py(?=['"\s]|$)""")

StatusLine = dict[str, Any]


def with_command(command: str) -> StatusLine:
    """Return the value of `statusLine` that runs *command*."""
    return {"type": "command", "command": command, "refreshInterval": REFRESH_SECONDS}


def is_ours(value: object) -> bool:
    """Whether *value*, of `statusLine`, is one that we have set."""
    return our_command(value) is not None


def places(root: Node) -> list[Path]:
    """Return the place of ours below *root*, if it is there."""
    present = root.children.get(KEY)
    return [(KEY,)] if present and is_ours(present.value) else []


def merge(text: str, wanted: StatusLine | None) -> str:
    """Return the settings *text* with *wanted*, unless theirs is there; None: as is."""
    root = json_edit.parse(text)
    present = root.children.get(KEY)
    if wanted is None:
        return text
    if present is None:
        return json_edit.append(text, root, (), KEY, wanted)
    if our_command(present.value) in (None, wanted["command"]):
        return text
    return json_edit.replace(text, root, (KEY, "command"), wanted["command"])


def verify(root: Node, wanted: StatusLine | None) -> None:
    """Raise ValueError unless *wanted* or theirs is in the settings *root*."""
    if wanted is None:
        return
    present = root.children.get(KEY)
    if present is None:
        raise ValueError("after the merge it would have no status line")
    if our_command(present.value) not in (None, wanted["command"]):
        raise ValueError("after the merge it would run another status line")


def our_command(value: object) -> str | None:
    """Return the command of *value*, of `statusLine`, if that is ours."""
    if not isinstance(value, dict) or value.get("type") != "command":
        return None
    command = value.get("command")
    if not isinstance(command, str) or not command.rstrip().endswith(MARK):
        return None
    return command if SCRIPT.search(command) else None
