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
    completes: str = ""


class Command(NamedTuple):
    """A command: what it does, examples, and arguments."""

    name: str
    does: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]


_JSON = Argument(("--json",), "for scripts")
_HERE = Argument(("--here",), "of this working tree")
_ID = Argument(("id",), "a session's id, or how it begins", "ID", completes=SESSION)

# As the table shows them: of the living the state, of the others the verdict.
STATES = ("waiting", "busy", "idle", "unknown", "stale", "dead")

COMMANDS = (
    Command(
        "list",
        "show the sessions (the default)",
        ("headcount --here",),
        (
            Argument(("--all",), "with the archive"),
            _HERE,
            _JSON,
        ),
    ),
    Command(
        "show",
        "show one session: facts, verdict and why, last entries, how to resume it",
        ("headcount show 6f2a1b3c",),
        (_ID, Argument(("--json",), "for scripts, with all entries")),
    ),
    Command(
        "watch",
        "watch the sessions come, change and go; q leaves",
        (
            "headcount watch --here",
            "headcount watch --until waiting && notify-send 'Claude waits'",
            "headcount watch --json | jq -r .event",
        ),
        (
            _HERE,
            Argument(("--state",), "only those in this state", "STATE", STATES),
            Argument(
                ("--until",),
                "print nothing but the first session in this state, and exit",
                "STATE",
                STATES,
            ),
            Argument(
                ("--timeout",), "leave after so long; 1 with --until: 90s, 2h", "SPAN"
            ),
            Argument(
                ("--interval",), "seconds between two looks (1)", "SECONDS", default="1"
            ),
            Argument(("--json",), "an object for each change, a line each"),
        ),
    ),
    Command(
        "recover",
        "show what a crash or a reboot ended, and the lines that resume it",
        (
            "headcount recover --here",
            "headcount recover --print0 | xargs -0 -n 1 tmux new-window",
        ),
        (
            Argument(("--all",), "also old ones, and those run by scripts"),
            Argument(("--since",), "seen since: 12h, 30d, 2026-11-01 (7d)", "WHEN"),
            _HERE,
            Argument(("--print0",), "only the lines that resume, each ended by a NUL"),
            _JSON,
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
        "statusline",
        "say in one line how many are here; what Claude Code's status line may run",
        ("headcount statusline",),
        (),
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
    more.update(metavar=argument.takes, default=argument.default, type=argument.read)
    if argument.choices:
        more["choices"] = argument.choices
    if argument.many:
        more["nargs"] = argument.many
    parser.add_argument(*argument.names, **more)
