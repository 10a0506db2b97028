"""Shows the window that a session runs in."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..errors import HeadcountError
from ..system import shell
from . import kinds, place

if TYPE_CHECKING:
    from .kinds import Plan
    from .place import Place

_MAX_SECONDS = 10.0


def can_focus(target: Place) -> bool:
    """Whether the terminal of this place offers a way to show it."""
    return bool(target.address)


def attaches(target: Place) -> bool:
    """Whether `focus` would attach this terminal to the place, which can be shown."""
    return _plan(target).attach is not None


def focus(target: Place) -> None:
    """Show the place, or attach this terminal to it; then this does not return.

    Raises HeadcountError if it cannot be shown.
    """
    plan = _plan(target)
    environment = {**os.environ, **plan.variables}
    variables = {name: text for name, text in environment.items() if text is not None}
    for command in plan.commands:
        _run(command, variables)
    if plan.attach is None:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        attach = shell.command_or_reason(*plan.attach)
        raise HeadcountError(f"this is not a terminal; to show {target} run: {attach}")
    _replace(plan.attach, variables)


def _plan(target: Place) -> Plan:
    kind = next((each for each in kinds.KINDS if each.name == target.program), None)
    if kind is None or not target.address:
        raise HeadcountError(
            f"no way to show {target}, where pid {target.pid} runs; go there yourself"
        )
    return kind.plan(target.address, place.ours(kind))


def _run(command: list[str], variables: dict[str, str]) -> None:
    from . import programs  # not for `show`, which only says that there is a way

    if reason := programs.failure(command, _MAX_SECONDS, variables):
        raise _failure(command, reason)


def _replace(command: list[str], variables: dict[str, str]) -> None:
    sys.stdout.flush()
    try:
        os.execvpe(command[0], command, variables)  # noqa: S606  # no shell
    except OSError as error:
        raise _failure(command, error.strerror or str(error)) from None


def _failure(command: list[str], reason: str) -> HeadcountError:
    return HeadcountError(f"{command[0]} cannot show it: {reason}")
