"""The completion scripts of bash, zsh and fish, made from the list of commands.

A script holds commands, options and choices as they are now. Session ids it asks of
`headcount completion --ids`, a line each: the id, a tab, and words about it. Those
words may be anybody's, and no shell evaluates them: they are read into variables, only
shown, and never put on the command line.
"""

from __future__ import annotations

from ..spec import COMMAND, COMMANDS, FILE, NAMES, SESSION
from . import scripts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..spec import Argument, Command

_HELP = ("-h", "--help")
_ABOUT_ALL = (*_HELP, "--version")
_DEFAULT = next(command for command in COMMANDS if command.name == "list")


def script(shell: str) -> str:
    """Return the script for *shell*, one of SHELLS."""
    return _SCRIPTS[shell]()


def _choices(argument: Argument) -> tuple[str, ...]:
    return NAMES if argument.completer == COMMAND else argument.choices


def _options(command: Command) -> list[Argument]:
    return [one for one in command.arguments if one.names[0].startswith("-")]


def _places(command: Command) -> Iterator[tuple[str, Argument]]:
    """Yield the command's positional arguments with their numbers, `*` if many."""
    given = [one for one in command.arguments if not one.names[0].startswith("-")]
    for number, argument in enumerate(given, start=1):
        yield "*" if argument.nargs in ("*", "+") else str(number), argument


def _quoted(text: str) -> str:
    """Return *text* in single quotes, as bash and zsh take it."""
    return "'" + text.replace("'", "'\\''") + "'"


# ---- bash -----------------------------------------------------------------------


def _bash() -> str:
    return (
        scripts.BASH.replace("@takes@", "\n".join(_bash_takes()))
        .replace("@options@", "\n".join(_bash_options()))
        .replace("@commands@", " ".join(NAMES))
    )


def _bash_takes() -> Iterator[str]:
    for command in COMMANDS:
        for number, argument in _places(command):
            place = f"'{command.name} '[0-9]*"
            if number != "*":
                place = f"'{command.name} {number}'"
            yield f"    {place}) echo {_bash_kind(argument)} ;;"
        for argument in _options(command):
            if argument.metavar:
                names = "|".join(f"'{command.name} {name}'" for name in argument.names)
                yield f"    {names}) echo {_bash_kind(argument)} ;;"


def _bash_kind(argument: Argument) -> str:
    if _choices(argument):
        return _quoted(" ".join(("words", *_choices(argument))))
    return argument.completer or "nothing"


def _bash_options() -> Iterator[str]:
    for command in COMMANDS:
        names = [name for one in _options(command) for name in one.names]
        yield f"    {command.name}) echo '{' '.join((*names, *_HELP))}' ;;"
    names = [name for one in _options(_DEFAULT) for name in one.names]
    yield f"    '') echo '{' '.join((*names, *_ABOUT_ALL))}' ;;"


# ---- zsh ------------------------------------------------------------------------

_ZSH_HELP = "'(- *)'{-h,--help}'[show help]'"
_ZSH_VERSION = "'(- *)--version[show the version]'"


def _zsh() -> str:
    default = [*map(_zsh_option, _options(_DEFAULT)), _ZSH_HELP, _ZSH_VERSION]
    commands = [
        "    " + _quoted(f"{command.name}:{command.summary}") for command in COMMANDS
    ]
    return (
        scripts.ZSH.replace(
            "@default@", "\n".join(f"    {spec} \\" for spec in default)
        )
        .replace("@commands@", "\n".join(commands))
        .replace("@cases@", "\n".join(map(_zsh_case, COMMANDS)))
    )


def _zsh_case(command: Command) -> str:
    specs = [*map(_zsh_option, _options(command)), _ZSH_HELP]
    specs += [_zsh_place(*place) for place in _places(command)]
    told = " \\\n        ".join(specs)
    return f"    {command.name})\n      _arguments \\\n        {told} && ret=0 ;;"


def _zsh_option(argument: Argument) -> str:
    means = _zsh_escaped(argument.help, "[]:")
    about = f"[{means}]"
    if argument.metavar:
        about += f":{argument.metavar}:{_zsh_action(argument)}"
    names = argument.names
    if argument.repeatable:
        return " ".join(_quoted(f"*{name}{about}") for name in names)
    if len(names) == 1:
        return _quoted(names[0] + about)
    return f"'({' '.join(names)})'{{{','.join(names)}}}{_quoted(about)}"


def _zsh_place(number: str, argument: Argument) -> str:
    optional = ":" if argument.nargs == "?" else ""
    return _quoted(f"{number}:{optional}{argument.metavar}:{_zsh_action(argument)}")


def _zsh_action(argument: Argument) -> str:
    if _choices(argument):
        return f"({' '.join(_choices(argument))})"
    return {SESSION: "_headcount_sessions", FILE: "_files"}.get(argument.completer, " ")


def _zsh_escaped(text: str, special: str) -> str:
    for character in f"\\{special}":
        text = text.replace(character, f"\\{character}")
    return text


# ---- fish -----------------------------------------------------------------------


def _fish() -> str:
    valued = [
        _fish_quoted(f"{command.name} {name}")
        for command in COMMANDS
        for argument in _options(command)
        if argument.metavar
        for name in argument.names
    ]
    lines = [line for command in COMMANDS for line in _fish_command(command)]
    lines += [_fish_option('""', argument) for argument in _options(_DEFAULT)]
    return scripts.FISH.replace("@valued@", " ".join(valued)) + "\n".join(lines) + "\n"


def _fish_command(command: Command) -> Iterator[str]:
    at = """complete -c headcount -n '__headcount_at "" 1' """
    yield f"{at}-a {command.name} -d {_fish_quoted(command.summary)}"
    for argument in _options(command):
        yield _fish_option(command.name, argument)
    for number, argument in _places(command):
        takes = _fish_values(argument)
        if takes:
            at = f'__headcount_at {command.name} "{number}"'
            yield f"complete -c headcount -n {_fish_quoted(at)} {takes}"


def _fish_option(command: str, argument: Argument) -> str:
    at = _fish_quoted(f'__headcount_at {command} "*"')
    names = [
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
        for name in argument.names
    ]
    takes = [_fish_values(argument) or "-x"] if argument.metavar else []
    about = f"-d {_fish_quoted(argument.help)}"
    return " ".join(["complete -c headcount -n", at, *names, *takes, about])


def _fish_values(argument: Argument) -> str:
    """Return how fish completes a value; nothing if it cannot."""
    required = "-x " if argument.names[0].startswith("-") else ""
    if _choices(argument):
        return f"{required}-a {_fish_quoted(' '.join(_choices(argument)))}"
    if argument.completer == SESSION:
        return f"{required}-k -a '(command headcount completion --ids 2>/dev/null)'"
    return "-r -F" if argument.completer == FILE else ""


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


_SCRIPTS: dict[str, Callable[[], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
SHELLS = tuple(_SCRIPTS)
