"""Shell completion: what can be typed next.

The scripts beside this module (`completion.bash` ...) pass the words typed so far to
`headcount completion --complete` and read a line for each candidate: the value, a tab,
and a description. Descriptions contain labels, which may be anybody's text: the scripts
only display them. `:file` as a value stands for the file names, which the shell
completes itself.
"""

from __future__ import annotations

import os
import string
import time
from collections import Counter

from ..errors import UsageError
from ..fleet import hosts
from ..record import verdict
from ..store import paths, reader
from ..text import printable
from ..views import lookup, session_view
from . import formatting, parser, spec
from .spec.argument import ARCHIVED, COMMAND, FILE, FINISHED, HOST, READABLE, SESSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..views.session_view import SessionView
    from .spec.argument import Argument, Command

    Candidates = list[tuple[str, str]]
    Accepts = Callable[[SessionView], bool]

FILE_NAMES = ":file"
MAX_SESSIONS = 500
_MAX_DESCRIPTION = 60
_ID_LENGTH = 8
# The characters of a name that no shell takes for its own.
_WORD = frozenset(string.ascii_letters + string.digits + "._-")
# Which sessions a command accepts.
_ACCEPTED: dict[str, Accepts] = {
    SESSION: lambda _: True,
    READABLE: lambda session: session["verdict"] is not None,
    FINISHED: lambda session: session["verdict"] in verdict.FINISHED,
    ARCHIVED: lambda session: session["archived"] and bool(session["verdict"]),
}
_HELP = [("-h", "show the help"), ("--help", "show the help")]


def script(shell: str) -> str:
    """Return the completion script for `bash`, `zsh` or `fish`."""
    folder = os.path.dirname(__file__)
    with open(os.path.join(folder, f"completion.{shell}"), encoding="utf-8") as file:
        return file.read()


def candidates(words: list[str]) -> Candidates:
    """Return what can complete the last of *words*, each with a description.

    *words* are those after `headcount`, up to the cursor; the last may be empty. bash
    passes the `=` of `--option=value` as a word of its own.
    """
    current = "" if words[-1] == "=" else words[-1]
    before = [word for word in words[:-1] if word != "="]
    return [
        (value, description)
        for value, description in _candidates(before, current)
        if value.startswith(current) or value == FILE_NAMES
    ]


def _candidates(before: list[str], current: str) -> Candidates:
    if not before:
        if current.startswith("-"):
            return [*_options(parser.find("list")), ("--version", "show the version")]
        return _command_names()
    name, *before = parser.add_default_command(before)
    try:
        command = parser.find(name)
    except UsageError:
        return []
    argument = _argument_at(command, before)
    if current.startswith("-") and not (argument and argument.is_option):
        return _option_values(command, current) or _options(command)
    return _values(argument, current) if argument else []


def _argument_at(command: Command, before: list[str]) -> Argument | None:
    """Return the argument that the word after *before* is a value of."""
    positionals = [each for each in command.arguments if not each.is_option]
    option = None
    for word in before:
        if option:
            option = None
        elif word.startswith("-"):
            option = _option(command, word)
        elif positionals and positionals[0].nargs not in ("*", "+"):
            del positionals[0]
    return option or next(iter(positionals), None)


def _option(command: Command, name: str) -> Argument | None:
    """Return the option of this name if it takes a value."""
    matches = (option for option in command.options if name in option.names)
    return next((option for option in matches if option.metavar), None)


def _options(command: Command) -> Candidates:
    options = command.options
    return [(name, each.help) for each in options for name in each.names] + _HELP


def _option_values(command: Command, current: str) -> Candidates:
    """Return the values for a *current* word of the form `--option=value`."""
    name, separator, value = current.partition("=")
    option = _option(command, name)
    if not separator or not option:
        return []
    return [
        (value if value == FILE_NAMES else f"{name}={value}", description)
        for value, description in _values(option, value)
    ]


def _values(argument: Argument, prefix: str) -> Candidates:
    if argument.completer == COMMAND:
        return _command_names()
    if argument.completer in _ACCEPTED:
        return list(_sessions(_ACCEPTED[argument.completer], prefix, time.time()))
    if argument.completer == FILE:
        return [(FILE_NAMES, "")]
    of_hosts = argument.completer == HOST
    choices = hosts.known() if of_hosts else argument.choices
    several = argument.several or of_hosts
    before, comma, _ = prefix.rpartition(",") if several else ("", "", "")
    given = before.split(",")
    free = [choice for choice in choices if choice not in given]
    return [(before + comma + choice, "") for choice in free]


def _command_names() -> Candidates:
    return [(command.name, command.summary) for command in spec.COMMANDS]


def _sessions(accepts: Accepts, prefix: str, now: float) -> Iterator[tuple[str, str]]:
    """Yield ids, and names of live sessions, of those that the command *accepts*.

    Live sessions come first, then the archive, newest first. No further day of it is
    read once there are MAX_SESSIONS, and with more live ones than that no names.
    """
    ids: set[str] = set()
    for folder in (paths.SESSIONS_DIR, *paths.archive_folders()):
        if len(ids) >= MAX_SESSIONS:
            return
        archived = folder != paths.SESSIONS_DIR
        few = not archived and len(list(paths.session_files(folder))) <= MAX_SESSIONS
        infos = reader.discover(folder, now, "" if few else prefix)
        sessions = lookup.judged(infos, now, archived=archived)
        accepted = [s for s in sessions if accepts(s) and s["session_id"] not in ids]
        ids.update(session["session_id"] for session in accepted)
        yield from ((s["session_id"], _description(s)) for s in accepted)
        if few:
            yield from _names(accepted, sessions)


def _names(
    accepted: list[SessionView], sessions: list[SessionView]
) -> Iterator[tuple[str, str]]:
    """Yield the names of the *accepted* that are plain words and name one session."""
    numbers = Counter(session_view.name_of(session) for session in sessions)
    for session in accepted:
        name = session_view.name_of(session) or ""
        is_word = bool(name) and name[0] not in "-." and _WORD.issuperset(name)
        if is_word and numbers[name] == 1:
            yield name, f"{_state(session)}, {session['session_id'][:_ID_LENGTH]}"


def _description(session: SessionView) -> str:
    words = (
        _state(session),
        session_view.name_of(session) or formatting.where(session),
    )
    return printable(", ".join(words), _MAX_DESCRIPTION)


def _state(session: SessionView) -> str:
    return "archived" if session["archived"] else session_view.state_of(session)
