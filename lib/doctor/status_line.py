"""Our status line, where it is set: can its command be run?"""

from __future__ import annotations

import os

from ..claude.settings_text.status_line import SCRIPT, command_paths
from .finding import OK, PROBLEM, Context, Finding, install_command
from .hooks import here, read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def check_status_line(_: Context) -> Iterator[Finding]:
    """Check `statusLine` in each scope, if it is ours."""
    for scope in read_all(here()):
        if scope.status_line is None:
            continue
        files = filter(None, command_paths(scope.status_line, SCRIPT))
        missing = [path for path in files if not os.access(path, os.R_OK)]
        for path in missing:
            message = f"{scope.name}: the status line uses {path}, which is missing"
            fix = install_command(scope.name, scope.path, "--statusline")
            yield Finding(PROBLEM, "statusline", message, fix)
        if not missing:
            yield Finding(OK, "statusline", f"{scope.path} ({scope.name}): ours")
