"""The parser of the command line, built from the list in `spec`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import UsageError
from . import output, spec, suggest

if TYPE_CHECKING:
    from typing import NoReturn

    from .spec.argument import Argument, Command


_COMPLETE = ["completion", "--complete"]  # called by the shells' completion scripts


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; see `{self.prog} --help`")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """Check *value* as argparse does, and add a hint to the error."""
        choices = tuple(action.choices or ())
        if choices and value not in choices:
            raise argparse.ArgumentError(action, _invalid(str(value), choices))


def _invalid(value: str, choices: tuple[str, ...]) -> str:
    hint = suggest.did_you_mean(value, choices)
    return (
        f"{ascii(value)[:80]} is not a valid value{hint}; choose one of "
        f"{', '.join(choices)}"
    )


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=output.columns() - 2)  # as argparse does


def parse(words: list[str]) -> argparse.Namespace:
    """Return the arguments in *words*; `command` is the name of the command.

    Raises UsageError, and SystemExit after `--help` and `--version`.
    """
    if words[:2] == _COMPLETE:  # argparse would take a `--` among the words as its own
        return argparse.Namespace(command="completion", complete=words[2:])
    name, *rest = add_default_command(words)
    if name == "--version":
        print(f"headcount {__version__}")
        raise SystemExit(0)
    parser = _parser(find(name))
    args, rest = parser.parse_known_args(rest)
    if rest:
        parser.error(_unrecognized(rest[0], name))
    return args


def add_default_command(words: list[str]) -> list[str]:
    """Return *words*, preceded by `list` or `help` if they name no command."""
    if words[:1] in (["-h"], ["--help"]):
        return ["help"]
    if not words or (words[0].startswith("-") and words[0] != "--version"):
        return ["list", *words]
    return words


def find(name: str) -> Command:
    """Return the command of this name; raise UsageError, with a hint, if none is."""
    for command in spec.COMMANDS:
        if name in (command.name, *command.aliases):
            return command
    hint = suggest.command(name, spec.NAMES)
    raise UsageError(
        f"{ascii(name)[:80]} is not a headcount command{hint}; see `headcount --help`"
    )


def help_of(name: str) -> str:
    """Return the help of the command of this name; raise UsageError if none is."""
    return _parser(find(name)).format_help()


def _unrecognized(word: str, name: str) -> str:
    """Return the error message for a *word* that the command of this name rejects."""
    if not word.startswith("-"):
        return f"unexpected argument {ascii(word)[:80]}"
    option = word.partition("=")[0]
    options = [name for option in find(name).options for name in option.names]
    hint = suggest.option(option, [*options, "--help"])
    return f"{name} has no option {ascii(option)[:80]}{hint}"


def _parser(command: Command) -> argparse.ArgumentParser:
    summary = command.summary
    examples = "".join(f"\n  {example}" for example in command.examples)
    parser = _Parser(
        prog=f"headcount {command.name}",
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"Example{'s' * (len(command.examples) > 1)}:{examples}",
        formatter_class=_HelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command.name)
    for argument in command.arguments:
        _add_argument(parser, argument)
    return parser


def _add_argument(parser: argparse.ArgumentParser, argument: Argument) -> None:
    if not argument.metavar:
        parser.add_argument(*argument.names, action="store_true", help=argument.help)
        return
    if argument.several:
        values = f": {', '.join(argument.choices)}" if argument.choices else ""
        parser.add_argument(
            *argument.names,
            action="extend",
            help=argument.help + values,
            metavar=argument.metavar,
            type=lambda text: _several(text, argument.choices),
            default=[],
        )
        return
    parser.add_argument(
        *argument.names,
        help=argument.help,
        metavar=argument.metavar,
        type=argument.type,
        choices=argument.choices or None,
        default=argument.default,
        nargs=argument.nargs,
    )


def _several(text: str, choices: tuple[str, ...]) -> list[str]:
    """Return the values in *text*, which commas separate; raise ArgumentTypeError."""
    values = [value.strip() for value in text.split(",")]
    for value in values:
        if choices and value not in choices:
            raise argparse.ArgumentTypeError(_invalid(value, choices))
    return values
