"""The commands that install the hooks and remove them."""

from __future__ import annotations

from .argument import FILE, SET_UP, Argument, Command

_SCOPES = (
    Argument(
        ("--scope",),
        "which settings: user (the default), project, or local",
        "SCOPE",
        choices=("user", "project", "local"),
    ),
    Argument(
        ("--project",),
        "the project's folder (default: this one); implies --scope project",
        "DIR",
        completer=FILE,
    ),
    Argument(("--dry-run",), "show what would change in the settings; write nothing"),
)

INSTALL = Command(
    "install",
    "add the hooks to Claude Code's settings, so that sessions are recorded",
    ("headcount install --dry-run", "headcount install --statusline"),
    (
        *_SCOPES,
        Argument(("--statusline",), "also set the status line, unless one is set"),
        Argument(("--print",), "print the hooks, to paste them by hand; write nothing"),
    ),
    SET_UP,
)
UNINSTALL = Command(
    "uninstall",
    "remove the hooks from Claude Code's settings; keep the records",
    ("headcount uninstall",),
    (*_SCOPES, Argument(("--purge",), "also delete all records")),
    SET_UP,
)
