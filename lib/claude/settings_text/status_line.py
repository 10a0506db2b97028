"""Our status line in the text of Claude Code's settings: the key `statusLine`.

There is only one, so ours is set only if there is none: the user's own stays, whether
we install or uninstall. Ours is a command that ends in `# headcount` and names our
script, in whichever checkout. Its other keys (`padding`, `refreshInterval`) are the
user's to change.
"""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, Any

from . import json_edit

if TYPE_CHECKING:
    from .json_edit import Node

KEY = "statusLine"
# Hand-edited commands may name the home folder as a shell does.
_HOME = re.compile(r"""(?<!\S)(?:~|("?)\$(?:HOME|\{HOME\}))(?="?/)""")
_MARK = "# headcount"
SCRIPT = re.compile(r"""/hooks/statusline\.py(?=['"\s]|$)""")

StatusLine = dict[str, Any]


def our_command(value: object, script: re.Pattern[str] = SCRIPT) -> str | None:
    """Return the command of a status line or hook if it is our *script*, else None."""
    if not isinstance(value, dict) or value.get("type") != "command":
        return None
    command = value.get("command")
    if not isinstance(command, str) or not command.rstrip().endswith(_MARK):
        return None
    return command if script.search(command) else None


def command_paths(command: str, script: re.Pattern[str]) -> tuple[str, str]:
    """Return the paths of interpreter and script in *command*; "" for a missing one."""
    home = shlex.quote(os.path.expanduser("~"))
    try:
        words = shlex.split(_HOME.sub(lambda match: home + (match[1] or ""), command))
    except ValueError:
        return "", ""
    python = words[0] if os.path.isabs(words[0]) else ""
    return python, next((word for word in words if script.search(word + " ")), "")


def find(root: Node) -> StatusLine | None:
    """Return our status line in the settings *root*; None if it is not there."""
    value: Any = root.children[KEY].value if KEY in root.children else None
    return value if our_command(value) else None


def merge(text: str, line: StatusLine | None) -> str:
    """Return the settings *text* with the status *line*, unless the user has another.

    Of one of ours only the command is replaced. None leaves *text* unchanged.
    """
    if line is None:
        return text
    root = json_edit.parse(text)
    present = root.children.get(KEY)
    if present is None:
        return json_edit.append(text, root, (), KEY, line)
    if our_command(present.value) in (None, line["command"]):
        return text
    return json_edit.replace(text, root, (KEY, "command"), line["command"])


def verify(root: Node, line: StatusLine | None) -> None:
    """Raise ValueError unless *line*, or the user's own, is in the settings *root*."""
    if line is None:
        return
    present = root.children.get(KEY)
    if present is None:
        raise ValueError("after the merge it would have no status line")
    if our_command(present.value) not in (None, line["command"]):
        raise ValueError("after the merge it would run another status line")
