"""What the command can be asked for: its commands, their arguments, and the help."""

from __future__ import annotations

import argparse

from . import __version__
from .errors import HeadcountError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

_JSON = ("--json", "for scripts")
_ID = ("id", "a session's id, or how it begins")
# Name, what it does, an example, arguments.
_COMMANDS = (
    (
        "list",
        "show the sessions (the default)",
        "headcount --here",
        [("--all", "with the archive"), ("--here", "of this working tree"), _JSON],
    ),
    (
        "show",
        "show one session: facts, verdict and why, last entries, how to resume it",
        "headcount show 6f2a1b3c",
        [_ID, ("--json", "for scripts, with all entries")],
    ),
    (
        "cleanup",
        "archive every session that is stale or dead",
        "headcount cleanup --dry-run",
        [("--dry-run", "move nothing, say what would be"), _JSON],
    ),
    (
        "append",
        "add an entry of your own to a session, and print its id",
        """headcount append 6f2a1b3c build.done '{"ok": true}'""",
        [
            _ID,
            ("type", "such as build.done"),
            ("json", "an object with its fields; - reads it from stdin"),
        ],
    ),
    (
        "label",
        "give a session a label",
        "headcount label 6f2a1b3c 'nightly build'",
        [_ID, ("text", "the label; '' takes it away")],
    ),
    (
        "doctor",
        "look for what is wrong with store and hooks, and say what mends it",
        "headcount doctor",
        [_JSON],
    ),
)


class UsageError(HeadcountError, ValueError):
    """The command was called wrongly."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` shows how")


def parse(words: list[str]) -> argparse.Namespace:
    """Return the options that *words* mean; its `command` is the command's name.

    Raises UsageError, and SystemExit after `--help` and `--version`.
    """
    return _parser().parse_args(with_command(words))


def with_command(words: list[str]) -> list[str]:
    """Return *words* with the command that they leave out: `list`."""
    about_all = ("-h", "--help", "--version")
    if not words or (words[0].startswith("-") and words[0] not in about_all):
        return ["list", *words]
    return words


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="headcount",
        description="One durable record for every Claude Code session on this machine.",
        epilog="`headcount COMMAND --help` gives an example of each command.\n"
        "Exit codes: 0; 1 failed; 2 called wrongly; 3 no such session; "
        "4 ambiguous id.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action="version", version=f"headcount {__version__}"
    )
    commands = parser.add_subparsers(
        title="commands",
        metavar="COMMAND",
        dest="command",
        required=True,
        prog=parser.prog,  # else argparse looks at the terminal for it, for 4 ms
    )
    for name, does, example, arguments in _COMMANDS:
        command = commands.add_parser(
            name,
            help=does,
            description=f"{does[0].upper()}{does[1:]}.",
            epilog=f"Example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        for argument, means in arguments:
            _add(command, argument, means)
    return parser


def _add(command: argparse.ArgumentParser, name: str, means: str) -> None:
    if name.startswith("-"):
        command.add_argument(name, action="store_true", help=means)
    else:
        optional = "?" if name == "json" else None
        command.add_argument(name, metavar=name.upper(), nargs=optional, help=means)
