"""`headcount uninstall`: remove the hooks from Claude Code's settings."""

from __future__ import annotations

from . import install

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Remove the hooks, and with --purge the records; return the exit code."""
    return install.start("uninstall", args)
