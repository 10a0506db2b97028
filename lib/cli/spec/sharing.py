"""The command that shares sessions with other machines."""

from __future__ import annotations

from .argument import SET_UP, Argument, Command

SHARE = Command(
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
        Argument(("--status",), "print whether the sessions are shared, and by whom"),
        Argument(("--json",), "with --status: print JSON, for scripts"),
    ),
    SET_UP,
)
