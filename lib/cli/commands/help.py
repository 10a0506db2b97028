"""`headcount help`: what there is, or everything about one command."""

from __future__ import annotations

from .. import help_page, output, parser

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Print the help of the command asked for, or of all."""
    columns, _ = output.terminal()
    text = parser.help_of(args.topic) if args.topic else help_page.text(columns)
    output.write_text(text)
    return 0
