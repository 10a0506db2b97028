"""The help of the command as a whole: everything that there is, on one page."""

from __future__ import annotations

from . import spec

_NARROWEST, _WIDEST = 40, 88
_NAME = 12
_PURPOSE = "One durable record for every Claude Code session on this machine."
_USAGE = """\
usage: headcount [COMMAND] [OPTIONS]     without a command: list
       headcount COMMAND --help          everything about one, with examples
       headcount --version"""
EXAMPLES = (
    ("$ headcount", "who is there, those that wait for you first"),
    ("$ headcount show 6f2a", "one session; how its id begins is enough"),
    ("$ headcount label 6f2a nightly", "give it a name"),
    ("$ headcount list --all --json", "everything on record, for scripts"),
    ("$ headcount cleanup --dry-run", "what would be filed away, and why"),
)
_CODES = (
    ("0", "done"),
    ("1", "it failed, or something was found"),
    ("2", "called wrongly"),
    ("3", "no such session"),
    ("4", "the id means several sessions"),
)
_ENVIRONMENT = (
    ("HEADCOUNT_DIR", "where the record is (default: ~/.local/state/headcount)"),
    ("HEADCOUNT_TTL_HOURS", "how long a session may be silent and alive (default: 24)"),
    ("HEADCOUNT_QUIET", "1: no line when a session starts where another works"),
    ("NO_COLOR", "anything: no colour"),
)


def text(columns: int | None) -> str:
    """Return the help, at most *columns* wide if that can be; None is no limit."""
    width = min(max(columns or _WIDEST, _NARROWEST), _WIDEST)
    parts = [_PURPOSE, _USAGE]
    for group in spec.GROUPS:
        rows = [(one.name, one.does) for one in spec.COMMANDS if one.group == group]
        parts.append(_section(group, rows, _NAME, width))
    parts.append(_section("examples", EXAMPLES, _longest(EXAMPLES), width))
    parts.append(_section("exit codes", _CODES, 2, width))
    parts.append(_section("environment", _ENVIRONMENT, _longest(_ENVIRONMENT), width))
    return "\n\n".join(parts) + "\n"


def _longest(rows: tuple[tuple[str, str], ...]) -> int:
    return max(len(name) for name, _ in rows)


def _section(
    heading: str,
    rows: list[tuple[str, str]] | tuple[tuple[str, str], ...],
    names: int,
    width: int,
) -> str:
    """Return a heading and a line for each row, its name in *names* columns."""
    import textwrap

    lines = [heading]
    for name, does in rows:
        first = f"    {name:<{names}}  "
        lines += textwrap.wrap(
            does, width, initial_indent=first, subsequent_indent=" " * len(first)
        )
    return "\n".join(lines)
