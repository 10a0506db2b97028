"""The interpreter, its packages, and the command."""

from __future__ import annotations

import os
import sys

from .. import checkout
from ..system import folder
from ..system.shell import command_or_reason
from .finding import (
    CHECKOUT,
    OK,
    PROBLEM,
    WARN,
    Context,
    Finding,
    Repair,
    install_command,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_PYTHON = (3, 10)
_PACKAGES = ("filelock", "psutil", "python-dateutil", "wcwidth", "jinja2", "textual")
_MAX_NAMED = 5
# What the link of an environment and of the plugin names. That of another program, such
# as uv, may end like that of the plugin.
_OUR_TARGET, _PLUGIN_TARGET = "/.venv/bin/headcount", "/bin/headcount"


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
        yield _lacking(missing)


def _lacking(packages: list[str]) -> Finding:
    """Say that *packages* are missing, and what to do about it, if anything.

    The plugin has no environment and runs with any Python.
    """
    environment = checkout.ENVIRONMENT
    message = f"{sys.executable} lacks {', '.join(packages)}"
    if os.path.realpath(sys.prefix) == os.path.realpath(environment):
        fix = command_or_reason(sys.executable, "-m", "pip", "install", *packages)
        return Finding(PROBLEM, "packages", message, fix)
    if os.path.isdir(environment):
        message += f", and is not the Python of {environment}"
        return Finding(PROBLEM, "packages", message, install_command())
    message += "; hooks of the plugin need none of them, some commands do"
    return Finding(WARN, "packages", message)


def check_checkout(_: Context) -> Iterator[Finding]:
    """Check that nobody else can change what the hooks run."""
    found = checkout.exposures(CHECKOUT)
    for exposure in found[:_MAX_NAMED]:
        level = PROBLEM if exposure.to_everyone else WARN
        yield Finding(level, "checkout", str(exposure), exposure.remedy)
    if len(found) > _MAX_NAMED:
        message = f"others can also change {len(found) - _MAX_NAMED} more files there"
        yield Finding(WARN, "checkout", message)


def check_command(_: Context) -> Iterator[Finding]:
    """Check that `~/.local/bin/headcount` leads to a command that can run."""
    link = os.path.expanduser("~/.local/bin/headcount")
    if not os.path.islink(link):
        return
    target = os.readlink(link)
    if not os.path.exists(link):
        message = f"{link} is a symbolic link to nothing ({target})"
        own = _moved_command(target)
        words = ["ln", "-sf", own, link] if own else ["rm", link]
        fix, is_ours = command_or_reason(*words), target.endswith(_OUR_TARGET)
        repair = Repair(fix, lambda: _replace(link, target, own))
        yield Finding(PROBLEM, "command", message, fix, repair if is_ours else None)
    elif not os.access(link, os.X_OK) and (
        target.endswith(_OUR_TARGET) or target == CHECKOUT + _PLUGIN_TARGET
    ):
        message = f"{target} cannot run: it is not executable, or mounted noexec"
        yield Finding(WARN, "command", message, command_or_reason("sh", target))


def _moved_command(target: str) -> str:
    """Return this checkout's command if *target* may be where it was, else ""."""
    for name in (_OUR_TARGET, _PLUGIN_TARGET):
        if target.endswith(name) and os.path.exists(CHECKOUT + name):
            return CHECKOUT + name
    return ""


def _replace(link: str, target: str, own: str) -> None:
    where, name = os.path.split(link)
    with folder.open_trusted(where) as opened:
        if opened.read_link(name) != target:
            return  # it was replaced in the meantime
        if own:
            opened.symlink(own, name)
        else:
            opened.unlink(name)
