"""What the command can be asked for: its commands, and their arguments.

COMMANDS is the one list of them: the parsers, the help and the completion of shells
are made from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

# What commands are for, as the help groups them.
LOOK, ACT, TIDY, MEND = "look", "act", "tidy", "set up and mend"
GROUPS = (LOOK, ACT, TIDY, MEND)

# What a shell completes an argument with: session ids with their labels, files, or
# names of commands.
SESSION, FILE, COMMAND = "session", "file", "command"


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
    """A command: what it does, examples, arguments, and what it is for."""

    name: str
    does: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    group: str = LOOK


def _number(text: str) -> int:
    """Return the number, 0 or more, that *text* is; raise UsageError."""
    if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS:
        return int(text)
    raise UsageError(f"{ascii(text)[:80]} is no number: such as 20")


_MOST_DIGITS = 9
_JSON = Argument(("--json",), "for scripts")
_HERE = Argument(("--here",), "of this working tree")
_ID = Argument(("id",), "a session's id, or how it begins", "ID", completes=SESSION)
_IDS = Argument(("ids",), "ids, or how they begin", "ID", many="+", completes=SESSION)

# As the table shows them: of the living the state, of the others the verdict.
STATES = ("waiting", "busy", "idle", "unknown", "stale", "dead")

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
            _HERE,
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
        "report",
        "hours by day and by tree, and a page with a timeline",
        (
            "headcount report",
            "headcount report --since 30d --html report.html",
        ),
        (
            Argument(
                ("--since",),
                "whole days since then: a span back from now, such as 12h, or a date, "
                "such as 2026-11-01 (default: 7d)",
                "WHEN",
                default="7d",
            ),
            Argument(
                ("--html",),
                "write a page for a browser, of one file; - is stdout",
                "FILE",
                completes=FILE,
            ),
            _JSON,
        ),
    ),
    Command(
        "label",
        "give a session a label",
        ("headcount label 6f2a1b3c 'nightly build'",),
        (_ID, Argument(("text",), "the label; '' takes it away", "TEXT")),
        ACT,
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
        ACT,
    ),
    Command(
        "cleanup",
        "archive what is stale or dead, and delete the long archived",
        (
            "headcount cleanup --dry-run",
            "headcount cleanup --older-than 12h",
            "headcount cleanup --keep-days 90",
        ),
        (
            Argument(("--dry-run",), "move and delete nothing, say what would be"),
            Argument(
                ("--older-than",), "only those silent for so long, such as 12h", "SPAN"
            ),
            Argument(
                ("--keep-days",),
                "then delete what was archived more than N days ago; without it, "
                "nothing is ever deleted",
                "N",
            ),
            _JSON,
        ),
        TIDY,
    ),
    Command(
        "restore",
        "bring sessions back from the archive",
        ("headcount restore 6f2a1b3c",),
        (_IDS,),
        TIDY,
    ),
    Command(
        "rm",
        "delete sessions that are stale or dead, after asking",
        ("headcount rm 6f2a1b3c", "headcount rm --force 6f2a1b3c 8ee1f931"),
        (_IDS, Argument(("-f", "--force"), "delete without asking")),
        TIDY,
    ),
    Command(
        "doctor",
        "look for what is wrong with store and hooks, and how to mend it",
        ("headcount doctor", "headcount doctor --fix"),
        (
            Argument(("--quick",), "fire no hook, and start no client"),
            Argument(("--fix",), "mend what is safe to mend, and look again"),
            _JSON,
        ),
        MEND,
    ),
    Command(
        "statusline",
        "say in a line how many are here, for Claude Code's status line",
        ("headcount statusline",),
        (),
        MEND,
    ),
    Command(
        "completion",
        "print what makes a shell complete commands and session ids",
        (
            "headcount completion fish | source  # in ~/.config/fish/config.fish",
            'eval "$(headcount completion bash)"  # in ~/.bashrc; likewise zsh',
        ),
        (
            Argument(
                ("shell",),
                "bash, zsh or fish",
                "SHELL",
                choices=("bash", "zsh", "fish"),
                many="?",
            ),
            Argument(("--ids",), "list session ids instead, as those scripts do"),
        ),
        MEND,
    ),
    Command(
        "help",
        "show all commands, or everything about one",
        ("headcount help show",),
        (Argument(("topic",), "a command", "COMMAND", many="?", completes=COMMAND),),
        MEND,
    ),
)


NAMES = tuple(command.name for command in COMMANDS)
