"""What a command and its arguments are."""

from __future__ import annotations

from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# The headings under which the help lists the commands.
INSPECT, MODIFY, MAINTAIN, SET_UP = "inspect", "modify", "maintain", "set up"
GROUPS = (INSPECT, MODIFY, MAINTAIN, SET_UP)

# What the shell completes a value with: session ids, hosts, files, or command names.
SESSION, HOST, FILE, COMMAND = "session", "host", "file", "command"
# Or the sessions that a command accepts: readable, stale or dead, archived.
READABLE, FINISHED, ARCHIVED = "readable", "finished", "archived"

_MAX_DIGITS = 9


class Argument(NamedTuple):
    """An argument of a command, in the terms of argparse.

    If the first name starts with `-` it is an option, and without a *metavar* a flag.
    """

    names: tuple[str, ...]
    help: str
    metavar: str = ""
    choices: tuple[str, ...] = ()
    default: Any = None
    nargs: str | None = None  # of a positional argument: `?`, `*` or `+`
    type: Callable[[str], Any] = str
    several: bool = False  # an option with a list of values, separated by commas
    completer: str = ""

    @property
    def is_option(self) -> bool:
        """Whether the argument is an option, not positional."""
        return self.names[0].startswith("-")


class Command(NamedTuple):
    """A command: its name, a summary, examples, arguments, and its group."""

    name: str
    summary: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    group: str = INSPECT
    aliases: tuple[str, ...] = ()

    @property
    def options(self) -> tuple[Argument, ...]:
        """The arguments that are options."""
        return tuple(argument for argument in self.arguments if argument.is_option)


def number(text: str) -> int:
    """Return *text* as a number, 0 or more; raise ArgumentTypeError."""
    if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS:
        return int(text)
    raise ArgumentTypeError(f"{ascii(text)[:80]} is not a valid number; try 20")


# Arguments of several commands.
JSON = Argument(("--json",), "print JSON, for scripts")
ID = Argument(
    ("id",),
    "a session: the beginning of its id, its label, or its name",
    "SESSION",
    completer=SESSION,
)
IDS = Argument(
    ("ids",),
    "sessions: each the beginning of an id, a label, or a name",
    "SESSION",
    nargs="+",
    completer=SESSION,
)
