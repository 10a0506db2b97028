"""The commands that set Headcount up and check it, and those about itself."""

from __future__ import annotations

from .argument import COMMAND, FILE, JSON, SET_UP, Argument, Command

_SCOPES = (
    Argument(
        ("--scope",),
        "which settings: user (the default), project, or local",
        "SCOPE",
        choices=("user", "project", "local"),
    ),
    Argument(
        ("--project",),
        "the project's folder (default: this one); implies --scope project",
        "DIR",
        completer=FILE,
    ),
    Argument(("--dry-run",), "show what would change in the settings; write nothing"),
)

COMMANDS = (
    Command(
        "install",
        "add the hooks to Claude Code's settings, so that sessions are recorded",
        ("headcount install --dry-run", "headcount install --statusline"),
        (
            *_SCOPES,
            Argument(("--statusline",), "also set the status line, unless one is set"),
            Argument(
                ("--print",), "print the hooks, to paste them by hand; write nothing"
            ),
        ),
        SET_UP,
    ),
    Command(
        "uninstall",
        "remove the hooks from Claude Code's settings; keep the records",
        ("headcount uninstall",),
        (*_SCOPES, Argument(("--purge",), "also delete all records")),
        SET_UP,
    ),
    Command(
        "doctor",
        "check the installation, the store and the hooks, and say how to fix problems",
        ("headcount doctor", "headcount doctor --fix"),
        (
            Argument(("--quick",), "do not run the hooks, and start no client"),
            Argument(
                ("--live",),
                "also let Claude Code begin and end a session without a prompt, and "
                "see whether it is recorded; other hooks of yours run, too",
            ),
            Argument(("--fix",), "fix what can be fixed safely, then check again"),
            JSON,
        ),
        SET_UP,
    ),
    Command(
        "share",
        "share this machine's sessions through Redis or Valkey, until Ctrl-C",
        (
            "headcount share",
            "headcount share --redis rediss://redis.example:6379",
            "headcount share --status",
        ),
        (
            Argument(
                ("--redis",),
                "the server, without a password; by default HEADCOUNT_REDIS_URL",
                "URL",
            ),
            Argument(
                ("--status",), "print whether the sessions are shared, and by whom"
            ),
            Argument(("--json",), "with --status: print JSON, for scripts"),
        ),
        SET_UP,
    ),
    Command(
        "statusline",
        "print the number of sessions in one line, for Claude Code's status line",
        ("headcount statusline",),
        (),
        SET_UP,
    ),
    Command(
        "completion",
        "print the completion script for bash, zsh or fish",
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
                nargs="?",
            ),
        ),
        SET_UP,
    ),
    Command(
        "help",
        "show all commands, or the help of one",
        ("headcount help show",),
        (
            Argument(("topic",), "a command", "COMMAND", nargs="?", completer=COMMAND),
            Argument(("--man",), "print the manual page, for man(1)"),
        ),
        SET_UP,
    ),
)
