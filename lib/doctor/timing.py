"""The hooks run as Claude Code fires them: do they record, and how long do they take.

Run are only commands that are the user's own to run anyway: those in the user's
settings, and elsewhere those that this very checkout's installer writes. A repository
can bring settings with anything in them.
"""

from __future__ import annotations

import os
import time

from .finding import CHECKOUT, OK, PROBLEM, WARN, Context, Finding, install_command
from .hooks import Scope, here, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ..claude.hook_merge import InstalledHook

_ROUNDS = 10
_BUDGET_SECONDS = 2.0
_SLOW_MILLISECONDS = 500.0
_MAX_TIMEOUT_SECONDS = 5.0

Times = dict[str, list[float]]


def check_timing(_: Context) -> Iterator[Finding]:
    """Fire each hook some times into a temporary store, and judge what came of it."""
    from ..claude import smoke_test

    installed = _installed()
    if not installed:
        return
    runnable = _runnable(installed)
    if set(smoke_test.EVENTS) - set(runnable):
        message = "no hook was run: that needs all of them installed and in place, by "
        yield Finding(OK, "timing", f"{message}you or by this checkout")
        return
    times, problems = _run_rounds(runnable)
    fix = install_command(installed[0][0].name, installed[0][0].path)
    for event, problem in problems.items():
        message = f"the hook of {event} does not record: {problem}"
        yield Finding(PROBLEM, "timing", message, fix)
    if not problems:
        yield from _judged(times)


def percentile(values: list[float], percent: int) -> float:
    """Return the value that *percent* of *values* do not exceed (nearest rank)."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, rank - 1)]


def _installed() -> list[tuple[Scope, InstalledHook]]:
    from ..claude import settings

    found: list[tuple[Scope, InstalledHook]] = []
    for name, path in here().items():
        try:
            scope = read(name, path)
        except settings.SettingsError:
            continue  # the check of the hooks tells it
        found += [(scope, hook) for hook in scope.hooks]
    return found


def _runnable(
    installed: list[tuple[Scope, InstalledHook]],
) -> dict[str, dict[str, Any]]:
    """Return the hook of each event that may be run, and can be."""
    ours = _written_by_us()
    found: dict[str, dict[str, Any]] = {}
    for scope, hook in installed:
        may = scope.name == "user" or hook.command == ours.get(hook.event)
        if may and os.access(hook.script, os.R_OK):
            timeout = min(hook.timeout or _MAX_TIMEOUT_SECONDS, _MAX_TIMEOUT_SECONDS)
            found.setdefault(hook.event, {"command": hook.command, "timeout": timeout})
    return found


def _written_by_us() -> dict[str, str]:
    from ..claude import settings

    try:
        wanted = settings.desired_hooks(CHECKOUT)
    except settings.SettingsError:
        return {}
    return {event: group["hooks"][0]["command"] for event, group in wanted.items()}


def _run_rounds(hooks: dict[str, dict[str, Any]]) -> tuple[Times, dict[str, str]]:
    """Play whole sessions until enough are timed, time is up, or a hook fails."""
    from ..claude import smoke_test

    times: Times = {}
    problems: dict[str, str] = {}
    give_up = time.monotonic() + _BUDGET_SECONDS
    for number in range(_ROUNDS):
        for shot in smoke_test.run(hooks):
            times.setdefault(shot.event, []).append(shot.milliseconds)
            if shot.problem:
                problems[shot.event] = shot.problem
            if number and time.monotonic() > give_up:
                return times, problems
        if problems:
            break
    return times, problems


def _judged(times: Times) -> Iterator[Finding]:
    for event, taken in times.items():
        middle, most = percentile(taken, 50), percentile(taken, 95)
        message = f"{event:<16} p50 {middle:3.0f} ms, p95 {most:3.0f} ms"
        message += f" of {len(taken)} runs"
        if most > _SLOW_MILLISECONDS:
            message += "; each delays the session: is the machine busy, its disk slow?"
        level = WARN if most > _SLOW_MILLISECONDS else OK
        yield Finding(level, "timing", message)
