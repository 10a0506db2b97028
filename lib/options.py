"""What the command can be asked for: its commands, their arguments, and the help.

COMMANDS is the one list of them: the parser, the help and the completion of shells are
made from it.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NamedTuple

from . import __version__
from .errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

# What a shell completes an argument with: session ids with their labels, or files.
SESSION, FILE = "session", "file"


class Argument(NamedTuple):
    """One argument of a command. Its first name says whether it is an option."""

    names: tuple[str, ...]
    means: str
    takes: str = ""  # what the value is called in the help; an option without is a flag
    choices: tuple[str, ...] = ()
    default: Any = None
    many: str | None = None  # of positional ones: `?`, `*` or `+`, as argparse has it
    read: Callable[[str], Any] = str  # raises UsageError
    repeats: bool = False  # of an option: each time adds to a list
    completes: str = ""


class Command(NamedTuple):
    """A command: what it does, examples, and arguments."""

    name: str
    does: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]


def _number(text: str) -> int:
    """Return the number, 0 or more, that *text* is; raise UsageError."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    raise UsageError(f"{ascii(text)[:80]} is no number: such as 20")


_MOST_DIGITS = 9
_JSON = Argument(("--json",), "for scripts")
_ID = Argument(("id",), "a session's id, or how it begins", "ID", completes=SESSION)

COMMANDS = (
    Command(
        "list",
        "show the sessions (the default)",
        (
            "headcount --here",
            "headcount --state waiting,busy --since 12h",
            "headcount -q --state waiting | xargs -n 1 headcount show",
        ),
        (
            Argument(("-a", "--all"), "with the archive"),
            Argument(("--here",), "of this working tree"),
            Argument(
                ("--state",),
                "only of this state or verdict: waiting, busy, idle, closed, alive, "
                "unknown, stale, dead, unreadable; several with commas",
                "STATE",
                repeats=True,
            ),
            Argument(
                ("--since",),
                "last heard of since then: a span back from now, such as 12h, or a "
                "date, such as 2026-11-01",
                "WHEN",
            ),
            Argument(
                ("--sort",),
                "by state (the default), age, heartbeat, label or where",
                "KEY",
                choices=("state", "age", "heartbeat", "label", "where"),
                default="state",
            ),
            Argument(("-q", "--quiet"), "the ids alone, whole, one a line"),
            _JSON,
        ),
    ),
    Command(
        "show",
        "show one session: facts, verdict and why, its life, how to resume it",
        ("headcount show 6f2a1b3c", "headcount show 6f2a1b3c --entries 20"),
        (
            _ID,
            Argument(
                ("-n", "--entries"),
                "the last N entries too, as they are",
                "N",
                read=_number,
            ),
            Argument(("--json",), "for scripts, with all entries"),
        ),
    ),
    Command(
        "tail",
        "show the last entries of a session, or of all live ones by time",
        ("headcount tail -f", "headcount tail 6f2a1b3c -n 50", "headcount tail --json"),
        (
            _ID._replace(many="?"),
            Argument(("-f", "--follow"), "go on with those that come in, until Ctrl-C"),
            Argument(
                ("-n", "--lines"),
                "how many of those there are (10)",
                "N",
                read=_number,
                default=10,
            ),
            Argument(("--json",), "for scripts: the lines as they were written"),
        ),
    ),
    Command(
        "cleanup",
        "archive every session that is stale or dead",
        ("headcount cleanup --dry-run",),
        (Argument(("--dry-run",), "move nothing, say what would be"), _JSON),
    ),
    Command(
        "append",
        "add an entry of your own to a session, and print its id",
        ("""headcount append 6f2a1b3c build.done '{"ok": true}'""",),
        (
            _ID,
            Argument(("type",), "such as build.done", "TYPE"),
            Argument(
                ("json",),
                "an object with its fields; - reads it from stdin",
                "JSON",
                many="?",
            ),
        ),
    ),
    Command(
        "label",
        "give a session a label",
        ("headcount label 6f2a1b3c 'nightly build'",),
        (_ID, Argument(("text",), "the label; '' takes it away", "TEXT")),
    ),
    Command(
        "doctor",
        "look for what is wrong with store and hooks, and say what mends it",
        ("headcount doctor",),
        (_JSON,),
    ),
)


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
    for command in COMMANDS:
        _add_command(commands, command)
    return parser


def _add_command(commands: Any, command: Command) -> None:  # noqa: ANN401  # argparse's own
    does = command.does
    examples = "".join(f"\n  {example}" for example in command.examples)
    parser = commands.add_parser(
        command.name,
        help=does,
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=f"Example{'s' * (len(command.examples) > 1)}:{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for argument in command.arguments:
        _add_argument(parser, argument)


def _add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    more: dict[str, Any] = {"help": argument.means}
    if not argument.takes:
        parser.add_argument(*argument.names, action="store_true", **more)
        return
    more.update(metavar=argument.takes, default=argument.default)
    more.update(type=_reader(argument.read))
    if argument.choices:
        more["choices"] = argument.choices
    if argument.repeats:
        more.update(action="append", default=[])
    if argument.many:
        more["nargs"] = argument.many
    parser.add_argument(*argument.names, **more)


def _reader(read: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return *read* with its words: of a ValueError argparse says only `invalid`."""

    def reading(text: str) -> Any:  # noqa: ANN401  # whatever the argument is
        try:
            return read(text)
        except UsageError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return reading
