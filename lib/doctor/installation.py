"""The interpreter, its packages, and the command."""

from __future__ import annotations

import os
import shlex
import sys

from .finding import OK, PROBLEM, Context, Finding, Repair, install_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_PYTHON = (3, 10)
_PACKAGES = ("filelock", "psutil", "python-dateutil", "wcwidth", "jinja2")
_OUR_TARGET = "/.venv/bin/headcount"


def check_python(_: Context) -> Iterator[Finding]:
    """Check the interpreter's version."""
    found = f"{'.'.join(map(str, sys.version_info[:3]))}, {sys.executable}"
    if sys.version_info[:2] >= _MIN_PYTHON:
        yield Finding(OK, "python", found)
        return
    oldest = ".".join(map(str, _MIN_PYTHON))
    message = f"{found}; Headcount needs {oldest} or newer"
    yield Finding(PROBLEM, "python", message, install_command())


def check_packages(_: Context) -> Iterator[Finding]:
    """Check that the required packages are there."""
    from importlib.metadata import PackageNotFoundError, version

    installed, missing = [], []
    for name in _PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if installed:
        yield Finding(OK, "packages", ", ".join(installed))
    if missing:
        message = f"{sys.executable} lacks {', '.join(missing)}"
        fix = shlex.join([sys.executable, "-m", "pip", "install", *missing])
        yield Finding(PROBLEM, "packages", message, fix)


def check_command(_: Context) -> Iterator[Finding]:
    """Check that `~/.local/bin/headcount` is not a link to nothing."""
    link = os.path.expanduser("~/.local/bin/headcount")
    if not os.path.islink(link) or os.path.exists(link):
        return
    target, fix = os.readlink(link), shlex.join(["rm", link])
    ours = target.endswith(_OUR_TARGET)
    yield Finding(
        PROBLEM,
        "command",
        f"{link} is a symbolic link to nothing ({target})",
        fix,
        Repair(fix, lambda: _remove(link, target)) if ours else None,
    )


def _remove(link: str, target: str) -> None:
    if os.readlink(link) == target:  # else it was replaced in the meantime
        os.unlink(link)
