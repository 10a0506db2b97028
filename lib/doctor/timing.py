"""Run the hooks as Claude Code does: do they record, and how long do they take?

Only trusted commands are run: those in the user's settings and of the plugin that the
user has installed, and in other settings those that are identical to what this
checkout's installer writes. A repository can contain settings with any command in them.
"""

from __future__ import annotations

import os
import time

from .. import plugin
from ..claude import events, settings, smoke_test
from ..claude.settings_text import hook_merge
from ..system.shell import command_or_reason
from .finding import CHECKOUT, OK, PROBLEM, WARN, Context, Finding, install_command
from .hooks import Scope, here, read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from ..claude.settings_text.hook_merge import InstalledHook

_ROUNDS = 10
_BUDGET_SECONDS = 2.0
_SLOW_MILLISECONDS = 500.0
_MAX_TIMEOUT_SECONDS = 5.0

Times = dict[str, list[float]]


def check_timing(context: Context) -> Iterator[Finding]:
    """Run each hook several times with a temporary store."""
    installed = [(scope, hook) for scope in read_all(here()) for hook in scope.hooks]
    plugins = plugin.enabled(here())
    if context.quick or not (installed or plugins):
        return
    runnable = _of_plugins(plugins) | _runnable(installed)
    required = {*events.events_known_to([]), *(hook.event for _, hook in installed)}
    if required - set(runnable):
        message = "no hook was run: that needs a hook for every event, from your own "
        message += "settings or from this checkout"
        yield Finding(OK, "timing", message)
        return
    times, problems = _run_rounds(runnable)
    if installed:
        fix = install_command(installed[0][0].name, installed[0][0].path)
    else:
        fix = command_or_reason("claude", "plugin", "update", *plugins)
    for event, problem in problems.items():
        message = f"the hook of {event} does not record: {problem}"
        yield Finding(PROBLEM, "timing", message, fix)
    if not problems:
        yield from _evaluate(times)


def percentile(values: list[float], percent: int) -> float:
    """Return the value that *percent* of *values* do not exceed (nearest rank)."""
    rank = -(-len(values) * percent // 100)
    return sorted(values)[max(0, rank - 1)]


def _of_plugins(plugins: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return, by event, the hooks of the *plugins*; of the last that has one."""
    hooks: dict[str, dict[str, Any]] = {}
    for name in plugins:
        folders = plugin.folders(name)
        for folder in [CHECKOUT] if folders is None else folders:
            hooks |= plugin.hooks(folder)
    return hooks


def _runnable(
    installed: list[tuple[Scope, InstalledHook]],
) -> dict[str, dict[str, Any]]:
    """Return, by event, the hooks that are trusted and exist."""
    own = _own_commands()
    runnable: dict[str, dict[str, Any]] = {}
    for scope, hook in installed:
        command = hook_merge.synchronous(hook.command)
        trusted = scope.name == "user" or command == own.get(hook.event)
        if trusted and os.access(hook.script, os.R_OK):
            timeout = min(hook.timeout or _MAX_TIMEOUT_SECONDS, _MAX_TIMEOUT_SECONDS)
            runnable.setdefault(hook.event, {"command": command, "timeout": timeout})
    return runnable


def _own_commands() -> dict[str, str]:
    try:
        hooks = settings.desired_hooks(CHECKOUT)
    except settings.SettingsError:
        return {}
    return {event: group["hooks"][0]["command"] for event, group in hooks.items()}


def _run_rounds(hooks: dict[str, dict[str, Any]]) -> tuple[Times, dict[str, str]]:
    """Run whole sessions until there are enough, time is up, or a hook fails.

    Returns the milliseconds of each run, and the problems, both by event.
    """
    times: Times = {}
    problems: dict[str, str] = {}
    deadline = time.monotonic() + _BUDGET_SECONDS
    for number in range(_ROUNDS):
        for run in smoke_test.run(hooks):
            times.setdefault(run.event, []).append(run.milliseconds)
            if run.problem:
                problems[run.event] = run.problem
            if number and time.monotonic() > deadline:
                return times, problems
        if problems:
            break
    return times, problems


def _evaluate(times: Times) -> Iterator[Finding]:
    for event, runs in times.items():
        median, p95 = percentile(runs, 50), percentile(runs, 95)
        message = f"{event:<17} p50 {median:3.0f} ms, p95 {p95:3.0f} ms"
        message += f" of {len(runs)} runs"
        if p95 > _SLOW_MILLISECONDS:
            message += (
                "; each delays the session: is the machine busy, or its disk slow?"
            )
        level = WARN if p95 > _SLOW_MILLISECONDS else OK
        yield Finding(level, "timing", message)
