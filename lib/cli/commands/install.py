"""`headcount install`: add the hooks to Claude Code's settings.

In a checkout `install.sh` does that, since it also brings the environment up to date.
"""

from __future__ import annotations

import argparse
import os

from ... import checkout
from ...errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    """Install the hooks, or print them; return the exit code."""
    if args.print and args.dry_run:
        raise UsageError("--print goes without --dry-run; neither writes anything")
    return start("print" if args.print else "install", args)


def start(action: str, args: Namespace) -> int:
    """Run *action* of the installer with the options in *args*."""
    if not checkout.IS_PACKAGE:
        _become_install_script(action, args)
    from ... import installer

    options = {"scope", "project", "dry_run", "purge", "statusline"}
    values = {name: getattr(args, name, None) for name in options}
    return installer.run(argparse.Namespace(action=action, **values))


def _become_install_script(action: str, args: Namespace) -> None:
    words = checkout.install_words(*["--" + action] * (action != "install"))
    for name in ("dry_run", "purge", "statusline"):
        words += ["--" + name.replace("_", "-")] * bool(getattr(args, name, False))
    for name in ("scope", "project"):
        value = getattr(args, name)
        words += [f"--{name}={value}"] if value else []
    os.execv("/bin/sh", ["sh", *words])  # noqa: S606  # the checkout's own script
