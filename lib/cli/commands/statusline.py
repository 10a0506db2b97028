"""`headcount statusline`: the number of sessions, for Claude Code's status line."""

from __future__ import annotations

from ... import statusline

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import NoReturn


def run(_: Namespace) -> NoReturn:
    """Print the line and exit with 0."""
    statusline.run()
