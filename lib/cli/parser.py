"""What somebody asked for, by the list in `options`, or what is wrong with it."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .. import __version__
from ..errors import UsageError
from . import spec, suggest

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    from .spec import Argument, Command


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}; `{self.prog} --help` shows how")

    def _check_value(self, action: argparse.Action, value: object) -> None:
        """As argparse's own, with a hint."""
        known = list(action.choices or ())
        if known and value not in known:
            hint = suggest.did_you_mean(str(value), known)
            raise argparse.ArgumentError(
                action, f"{ascii(value)[:80]} is none of {', '.join(known)}{hint}"
            )


def parse(words: list[str]) -> argparse.Namespace:
    """Return the options that *words* mean; its `command` is the command's name.

    Raises UsageError, and SystemExit after `--help` and `--version`.
    """
    name, *rest = with_command(words)
    if name == "--version":
        print(f"headcount {__version__}")
        raise SystemExit(0)
    parser = _parser(find(name))
    args, surplus = parser.parse_known_args(rest)
    if surplus:
        parser.error(_surplus(surplus[0], name))
    return args


def with_command(words: list[str]) -> list[str]:
    """Return *words* with the command that they leave out: `list`, or `help`."""
    if words[:1] in (["-h"], ["--help"]):
        return ["help"]
    if not words or (words[0].startswith("-") and words[0] != "--version"):
        return ["list", *words]
    return words


def find(name: str) -> Command:
    """Return the command of this name; raise UsageError, with a hint, if none is."""
    for command in spec.COMMANDS:
        if command.name == name:
            return command
    hint = suggest.did_you_mean(name, spec.NAMES) or suggest.if_session(name)
    raise UsageError(
        f"there is no command {ascii(name)[:80]}{hint}; `headcount --help` lists them"
    )


def help_of(name: str) -> str:
    """Return the help of the command of this name; raise UsageError if none is."""
    return _parser(find(name)).format_help()


def _surplus(word: str, name: str) -> str:
    """Say of a word that the command of this name has no use for it."""
    if not word.startswith("-"):
        return f"{name} takes no {ascii(word)[:80]} here"
    option = word.partition("=")[0]
    known = [n for one in find(name).arguments for n in one.names if n[0] == "-"]
    hint = suggest.did_you_mean(option, [*known, "--help"])
    return f"{name} has no option {ascii(option)[:80]}{hint}"


def _parser(command: Command) -> argparse.ArgumentParser:
    does = command.does
    examples = "".join(f"\n  {example}" for example in command.examples)
    parser = _Parser(
        prog=f"headcount {command.name}",
        description=f"{does[0].upper()}{does[1:]}.",
        epilog=f"Example{'s' * (len(command.examples) > 1)}:{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(command=command.name)
    for argument in command.arguments:
        _add_argument(parser, argument)
    return parser


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
