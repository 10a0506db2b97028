"""The commands that change sessions, and those that keep the store small."""

from __future__ import annotations

from .argument import (
    ARCHIVED,
    FINISHED,
    ID,
    IDS,
    JSON,
    MAINTAIN,
    MODIFY,
    READABLE,
    Argument,
    Command,
)

COMMANDS = (
    Command(
        "label",
        "give a session a label",
        ("headcount label 6f2a1b3c nightly build",),
        (
            ID._replace(completer=READABLE),
            Argument(("text",), "the label; '' removes it", "TEXT", nargs="+"),
        ),
        MODIFY,
    ),
    Command(
        "append",
        "append an entry of your own to a session, and print the entry's id",
        ("""headcount append 6f2a1b3c build.done '{"ok": true}'""",),
        (
            ID._replace(completer=READABLE),
            Argument(("type",), "the entry's type, such as build.done", "TYPE"),
            Argument(
                ("json",),
                "the entry's fields as a JSON object; - reads it from stdin",
                "JSON",
                nargs="?",
            ),
        ),
        MODIFY,
    ),
    Command(
        "cleanup",
        "archive stale and dead sessions, and delete old archived ones",
        (
            "headcount cleanup --dry-run",
            "headcount cleanup --older-than 12h",
            "headcount cleanup --keep-days 90",
        ),
        (
            Argument(("--dry-run",), "only print what would be archived and deleted"),
            Argument(
                ("--older-than",),
                "only archive sessions silent for at least this long, such as 12h",
                "SPAN",
            ),
            Argument(
                ("--keep-days",),
                "then delete sessions archived more than N days ago; without it, "
                "nothing is ever deleted",
                "N",
            ),
            JSON,
        ),
        MAINTAIN,
    ),
    Command(
        "restore",
        "bring sessions back from the archive",
        ("headcount restore 6f2a1b3c",),
        (IDS._replace(completer=ARCHIVED),),
        MAINTAIN,
    ),
    Command(
        "rm",
        "delete stale or dead sessions, after asking",
        ("headcount rm 6f2a1b3c", "headcount rm --force 6f2a1b3c 8ee1f931"),
        (
            IDS._replace(completer=FINISHED),
            Argument(("-f", "--force"), "delete without asking"),
        ),
        MAINTAIN,
    ),
)
