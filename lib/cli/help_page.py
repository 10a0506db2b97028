"""The page that `headcount --help` prints, and the manual page: all that `spec` has.

The manual page is kept beside this module (`headcount.1`), so that the installer can
link it; `headcount help --man` prints it.
"""

from __future__ import annotations

from . import spec
from .spec.argument import GROUPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .spec.argument import Argument, Command

_MIN_WIDTH, _MAX_WIDTH = 40, 88
_PURPOSE = "One durable record for every Claude Code session on this machine."
_USAGE = """\
usage: headcount [COMMAND] [OPTIONS]     without a command: list
       headcount COMMAND --help          everything about one, with examples
       headcount --version"""
EXAMPLES = (
    ("$ headcount", "live sessions, those waiting for you first"),
    ("$ headcount show 6f2a", "one session, by the beginning of its id"),
    ("$ headcount label 6f2a nightly", "give it a label"),
    ("$ headcount tail nightly -f", "follow it, by its label or name"),
    ("$ headcount list --all --json", "all sessions, archived ones too, for scripts"),
    ("$ headcount cleanup --dry-run", "what would be archived, and why"),
)
_EXIT_CODES = (
    ("0", "success"),
    ("1", "failure, or problems were found"),
    ("2", "wrong usage"),
    ("3", "no such session"),
    ("4", "several sessions match"),
)
_ENVIRONMENT = (
    ("HEADCOUNT_DIR", "the store (default: ~/.local/state/headcount)"),
    (
        "HEADCOUNT_TTL_HOURS",
        "hours without a heartbeat until a session is stale (default: 24)",
    ),
    (
        "HEADCOUNT_HOSTS",
        "the hosts to ask if --on is not given, separated by commas",
    ),
    (
        "HEADCOUNT_QUIET",
        "1: no notice when a session starts where another one is working",
    ),
    ("NO_COLOR", "if set, no colour"),
)


def text(columns: int | None) -> str:
    """Return the help page, wrapped to *columns*; None means no limit."""
    width = min(max(columns or _MAX_WIDTH, _MIN_WIDTH), _MAX_WIDTH)
    sections = [_PURPOSE, _USAGE]
    for group in GROUPS:
        commands = [command for command in spec.COMMANDS if command.group == group]
        rows = [(command.name, command.summary) for command in commands]
        sections.append(_section(group, rows, width, max(map(len, spec.NAMES))))
    sections.append(_section("examples", EXAMPLES, width))
    sections.append(_section("exit codes", _EXIT_CODES, width))
    sections.append(_section("environment", _ENVIRONMENT, width))
    return "\n\n".join(sections) + "\n"


def _section(
    heading: str, rows: Sequence[tuple[str, str]], width: int, min_names: int = 0
) -> str:
    """Return the heading and the rows, their names in a column of their own."""
    import textwrap

    lines = [heading]
    names = max(min_names, *(len(name) for name, _ in rows))
    for name, summary in rows:
        first = f"    {name:<{names}}  "
        lines += textwrap.wrap(
            summary, width, initial_indent=first, subsequent_indent=" " * len(first)
        )
    return "\n".join(lines)


# ---- The manual page ------------------------------------------------------------


def man() -> str:
    """Return the manual page, written with the macros of section 7, `man`."""
    lines = [
        '.TH HEADCOUNT 1 "" "headcount" "User Commands"',
        ".SH NAME",
        f"headcount \\- {_roff(_PURPOSE[0].lower() + _PURPOSE[1:].rstrip('.'))}",
        ".SH SYNOPSIS",
        *_synopsis("headcount", "[COMMAND] [ARGUMENTS]"),
        ".SH COMMANDS",
        "Without a command, \\fBlist\\fR is run.",
    ]
    for command in spec.COMMANDS:
        lines += [".SS " + _roff(command.name), *_about(command)]
    sections = (
        ("EXAMPLES", EXAMPLES),
        ("EXIT STATUS", _EXIT_CODES),
        ("ENVIRONMENT", _ENVIRONMENT),
    )
    for heading, rows in sections:
        lines.append(f".SH {heading}")
        for name, text in rows:
            lines += _item(name, text)
    return "\n".join(lines) + "\n"


def _about(command: Command) -> list[str]:
    """Return what the manual says of *command*: a sentence, and its arguments."""
    positionals = [each for each in command.arguments if not each.is_option]
    words = ["[OPTIONS]"] * bool(command.options)
    words += [_usage(each) for each in positionals]
    summary = command.summary
    lines = [_roff(f"{summary[0].upper()}{summary[1:]}.")]
    lines += [".PP", *_synopsis(f"headcount {command.name}", " ".join(words))]
    for argument in command.arguments:
        names = ", ".join(argument.names) if argument.is_option else ""
        item = " ".join(filter(None, (names, argument.metavar)))
        values = f": {', '.join(argument.choices)}" if argument.several else ""
        lines += _item(item, argument.help + values)
    return lines


def _usage(argument: Argument) -> str:
    many = "..." if argument.nargs in ("*", "+") else ""
    word = argument.metavar + many
    return f"[{word}]" if argument.nargs in ("?", "*") else word


def _synopsis(name: str, words: str) -> list[str]:
    return [f".B {_roff(name)}", *([_roff(words)] if words else [])]


def _item(name: str, text: str) -> list[str]:
    return [".TP", f".B {_roff(name)}", _roff(text)]


def _roff(text: str) -> str:
    """Return *text* so that roff prints it as it is."""
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{text}" if text.startswith(".") else text
