"""Our status line, where it is set: can its command be run?"""

from __future__ import annotations

import json
import os

from ..claude import config_file
from ..claude.status_line import KEY, SCRIPT, command_paths, our_command
from .finding import OK, PROBLEM, Context, Finding, install_command
from .hooks import here

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def check_status_line(_: Context) -> Iterator[Finding]:
    """Check `statusLine` in each scope, if it is ours."""
    for scope, path in here().items():
        command = _command(path)
        if command is None:
            continue
        files = filter(None, command_paths(command, SCRIPT))
        missing = [name for name in files if not os.access(name, os.R_OK)]
        for name in missing:
            message = f"{scope}: the status line uses {name}, which is missing"
            fix = install_command(scope, path, "--statusline")
            yield Finding(PROBLEM, "statusline", message, fix)
        if not missing:
            yield Finding(OK, "statusline", f"{path} ({scope}): ours")


def _command(path: str) -> str | None:
    """Return the command of our status line; None if it is not ours, or unreadable.

    `check_hooks` reports settings that cannot be read.
    """
    try:
        return our_command(json.loads(config_file.read(path) or "{}")[KEY])
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None
