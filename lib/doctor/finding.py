"""What a check finds, how to fix it, and what `--fix` may do about it."""

from __future__ import annotations

import os
from typing import NamedTuple

from ..checkout import ENVIRONMENT, ROOT, install_words
from ..system.shell import command_or_reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[["Context"], Iterator["Finding"]]

OK, WARN, PROBLEM = "ok", "warn", "problem"
CHECKOUT = ROOT
PYTHON = os.path.join(ENVIRONMENT, "bin", "python")
ELSEWHERE = 'export HEADCOUNT_DIR="..." (a folder of yours on a local file system)'


class Context(NamedTuple):
    """When the checks run, in epoch seconds, and how thorough they are.

    *quick* skips the slow ones; *live* starts a client, which also runs other hooks.
    """

    now: float
    quick: bool = False
    live: bool = False


class Repair(NamedTuple):
    """Something safe that `--fix` does; *description* identifies it."""

    description: str
    run: Callable[[], object]


class Finding(NamedTuple):
    """What a check found: OK, WARN or PROBLEM, and if known, a command that fixes it.

    *repair* does so itself, if that is safe without asking. *fixed*: it has been run.
    """

    level: str
    check: str
    message: str
    fix: str | None = None
    repair: Repair | None = None
    fixed: bool = False

    def as_object(self) -> dict[str, str | bool | None]:
        """Return the finding as `--json` prints it."""
        return {
            "level": self.level,
            "check": self.check,
            "message": self.message,
            "fix": self.fix,
            "fixable": self.repair is not None,
            "fixed": self.fixed,
        }


def install_command(scope: str = "user", settings: str = "", *more: str) -> str:
    """Return the command that installs hooks in *scope*, whose file is *settings*."""
    words = install_words(*more)
    if not os.path.exists(words[0]):
        return "install.sh of a checkout"
    if scope != "user":
        scope = "local" if scope == "repository" else scope
        project = os.path.dirname(os.path.dirname(settings))
        words += ["--scope", scope, "--project", project]
    return command_or_reason(*words)


def is_ours(status: os.stat_result) -> bool:
    """Whether a file with *status* belongs to this user."""
    return not hasattr(os, "geteuid") or status.st_uid == os.geteuid()
