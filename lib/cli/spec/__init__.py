"""The commands and their arguments.

COMMANDS is the only list of them: the parser, the help and the shell completion all
read it. Here are the commands that inspect; `changes` and `set_up` have the others.
"""

from __future__ import annotations

from ...record import schema
from . import changes, set_up
from .argument import (
    FILE,
    HOST,
    ID,
    IDS,
    JSON,
    Argument,
    Command,
    number,
)

_HERE = Argument(("--here",), "only sessions in this worktree")
_ON = Argument(
    ("--on", "--hosts"),
    "ask these hosts, or groups of them, over ssh; separate several with commas",
    "HOST",
    completer=HOST,
)
_FLEET = Argument(
    ("--fleet",),
    "those that machines share through a server (see `headcount share`)",
)

# As the table shows them: the state of a live session, the verdict on any other; and
# `alive` for any state of a live one.
STATES = (*schema.URGENCY, "alive")
# What a session can enter while somebody watches.
STATES_ENTERED = ("waiting", "busy", "idle", "closed", "stale", "dead")
# What `list --columns` takes.
COLUMNS = (
    *("state", "for", "since", "id", "name", "where", "age", "heartbeat", "verdict"),
    *("label", "folder", "worktree", "branch", "pid", "host", "client"),
    *("on", "cost", "context"),
)
_STATE = Argument(
    ("--state",),
    "only sessions in this state; separate several with commas",
    "STATE",
    choices=STATES,
    several=True,
)

_INSPECT = (
    Command(
        "list",
        "list live sessions, those waiting for you first (the default; also: ls)",
        (
            "headcount --here",
            "headcount list shop",
            "headcount --state waiting,busy --since 12h",
            "headcount --on web1,web2,local",
            "headcount -q --state waiting | xargs -n 1 headcount show",
        ),
        (
            Argument(
                ("pattern",),
                "only sessions with this text in their name, label, worktree or "
                "branch; * and ? are wildcards",
                "PATTERN",
                nargs="?",
            ),
            Argument(("-a", "--all"), "include closed and archived sessions"),
            Argument(
                ("--ended",),
                "only sessions that ended today, or since the time given with --since",
            ),
            _HERE,
            _ON,
            _FLEET,
            _STATE,
            Argument(
                ("--since",),
                "only sessions with a heartbeat since then: a time span back from "
                "now, such as 12h, or a date, such as 2026-11-01",
                "WHEN",
            ),
            Argument(
                ("--sort",),
                "by state (the default), age, heartbeat, label or where",
                "KEY",
                choices=("state", "age", "heartbeat", "label", "where"),
            ),
            Argument(
                ("--columns",),
                "show these columns, separated by commas",
                "COLUMN",
                choices=COLUMNS,
                several=True,
            ),
            Argument(
                ("--table",), "print the table also in a pipe, not separated by tabs"
            ),
            Argument(("-q", "--quiet"), "print only the full ids, one per line"),
            JSON,
        ),
        aliases=("ls",),
    ),
    Command(
        "show",
        "show one session: metadata, the verdict and why, a timeline, how to resume it",
        ("headcount show 6f2a1b3c", "headcount show 6f2a1b3c --entries 20"),
        (
            ID,
            _ON,
            _FLEET,
            Argument(
                ("-n", "--entries"),
                "also print the last N entries, unchanged",
                "N",
                type=number,
            ),
            Argument(("--json",), "print JSON with all entries, for scripts"),
        ),
    ),
    Command(
        "go",
        "show the terminal that a session runs in, or resume the session",
        ("headcount go 6f2a1b3c", "headcount go web1:6f2a1b3c"),
        (ID, _ON),
    ),
    Command(
        "resume",
        "resume a session in this terminal, in its folder",
        ("headcount resume 6f2a1b3c", "headcount resume --force web1:6f2a1b3c"),
        (
            ID,
            _ON,
            Argument(
                ("-f", "--force"),
                "resume a fork, with an id of its own, if the session is still open",
            ),
        ),
    ),
    Command(
        "watch",
        "watch sessions start, change and end, and work with them; q quits",
        (
            "headcount watch --here",
            "headcount watch --until waiting && notify-send 'Claude waits'",
            "headcount watch --on waiting,dead --notify",
            """headcount watch --on idle --exec 'say "$HEADCOUNT_NAME is done"'""",
            "headcount watch --json | jq -r .event",
        ),
        (
            _HERE,
            _ON._replace(names=("--hosts",)),  # --on takes states
            _FLEET,
            _STATE,
            Argument(
                ("--until",),
                "exit as soon as a session is in this state, and print only that one; "
                "separate several with commas",
                "STATE",
                choices=STATES,
                several=True,
            ),
            Argument(
                ("--new",),
                "with --until: only a session that enters the state from now on",
            ),
            Argument(
                ("--on",),
                "the states for --exec and --notify (default: waiting); separate "
                "several with commas",
                "STATE",
                choices=STATES_ENTERED,
                several=True,
            ),
            Argument(
                ("--exec",),
                "run this shell command each time a session enters such a state; "
                "HEADCOUNT_SESSION_ID, HEADCOUNT_NAME, HEADCOUNT_STATE, "
                "HEADCOUNT_WAITING_FOR and HEADCOUNT_WHERE describe it",
                "CMD",
            ),
            Argument(
                ("--notify",),
                "show a notification on the desktop, or in the terminal, each time",
            ),
            Argument(
                ("--timeout",),
                "exit after this time, such as 90s or 2h; with --until, exit code 1",
                "SPAN",
            ),
            Argument(
                ("--interval",),
                "seconds between two polls (default: 1, of hosts 5)",
                "SECONDS",
            ),
            Argument(("--json",), "print each change as a JSON object, one per line"),
        ),
    ),
    Command(
        "recover",
        "list sessions that a crash or a reboot ended, and the commands to resume them",
        ("headcount recover --here", "headcount recover --open tmux"),
        (
            IDS._replace(nargs="*"),
            Argument(
                ("--all",),
                "include old sessions, and those of scripts or without a transcript",
            ),
            Argument(
                ("--since",),
                "only sessions with a heartbeat since then: 12h, 30d, 2026-11-01 "
                "(default: 7d)",
                "WHEN",
            ),
            _HERE,
            _ON,
            Argument(
                ("--open",),
                "resume each of them in a window of its own; WHERE is tmux",
                "WHERE",
                choices=("tmux",),
            ),
            Argument(
                ("--print0",), "print only the commands, each terminated by a NUL byte"
            ),
            JSON,
        ),
    ),
    Command(
        "tail",
        "show the last entries of one session, or of all live ones in time order",
        ("headcount tail -f", "headcount tail 6f2a1b3c -n 50", "headcount tail --json"),
        (
            ID._replace(nargs="?"),
            Argument(("-f", "--follow"), "keep printing new entries until Ctrl-C"),
            Argument(
                ("-n", "--lines"),
                "how many of the last entries to print (default: 10)",
                "N",
                type=number,
                default=10,
            ),
            Argument(("--json",), "print the lines as they were written, for scripts"),
        ),
    ),
    Command(
        "export",
        "print all entries of all sessions as JSON lines, from where you left off",
        (
            "headcount export | gzip > sessions.gz",
            "cat cursor | headcount export --since - --follow",
            "headcount export --types session_metadata,turn_close",
        ),
        (
            Argument(
                ("--since",),
                "only what was added after this cursor, from an earlier export; - "
                "reads it from stdin",
                "CURSOR",
            ),
            Argument(("-f", "--follow"), "keep printing new entries until Ctrl-C"),
            Argument(
                ("--types",),
                "only entries of these types, separated by commas",
                "TYPE",
                several=True,
            ),
        ),
    ),
    Command(
        "report",
        "sum up hours by day and by worktree; --html adds a timeline",
        ("headcount report", "headcount report --since 30d --html report.html"),
        (
            Argument(
                ("--since",),
                "whole days since then: a time span back from now, such as 12h, or a "
                "date, such as 2026-11-01 (default: 7d)",
                "WHEN",
                default="7d",
            ),
            Argument(
                ("--html",),
                "write a self-contained web page to this file; - is stdout",
                "FILE",
                completer=FILE,
            ),
            Argument(("-f", "--force"), "replace FILE even if it is not a report"),
            JSON,
        ),
    ),
)
COMMANDS = (*_INSPECT, *changes.COMMANDS, *set_up.COMMANDS)
NAMES = tuple(command.name for command in COMMANDS)
