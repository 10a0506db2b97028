"""`headcount help`: all commands on one page, or the help of one."""

from __future__ import annotations

from .. import help_page, output, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Print the help of the given command, or the page of all commands."""
    if args.man:
        output.write_text(help_page.man())
        return 0
    columns, _ = output.terminal()
    text = parser.help_of(args.topic) if args.topic else help_page.text(columns)
    output.write_text(text)
    return 0
