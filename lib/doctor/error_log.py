"""errors.log: the errors of the hooks, grouped by kind."""

from __future__ import annotations

import re

from ..record import timestamps
from ..store import error_log
from ..system.shell import command_or_reason
from ..text import count, humanize
from .finding import OK, PROBLEM, WARN, Context, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DAYS = 7
_DAY_SECONDS = 86_400
_MAX_GROUPS = 5
# What differs between two lines about the same error: ids, pids, counts, durations.
_VARIES = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+(\.\d+)?")


def check_error_log(context: Context) -> Iterator[Finding]:
    """Report the errors of the last days, the newest kind first."""
    foreign = error_log.foreign()
    for path, reason in foreign.items():
        lost = "what goes wrong in hooks is not logged"
        if path.endswith(".1"):
            lost = "a full log is not kept"
        message = f"{reason}; so {lost}"
        fix = command_or_reason("mv", path, f"{path}.aside")
        yield Finding(PROBLEM, "errors", message, fix)
    lines = error_log.recent(context.now - _DAYS * _DAY_SECONDS)
    if not lines and not foreign:
        yield Finding(OK, "errors", f"no hook failed in the last {_DAYS} days")
    if not lines:
        return
    groups = _grouped(lines)
    message = f"{count(len(lines), 'line')} in errors.log of the last {_DAYS} days"
    if len(groups) > _MAX_GROUPS:
        message += f", of {len(groups)} kinds; the newest {_MAX_GROUPS}"
    yield Finding(WARN, "errors", f"{message}:")
    for group in groups[:_MAX_GROUPS]:
        yield Finding(WARN, "errors", _summary(group, context.now))


def _grouped(lines: list[str]) -> list[list[str]]:
    """Group *lines*, which are in order of time, by kind of error, the newest first."""
    groups: dict[str, list[str]] = {}
    for line in lines:
        kind = _VARIES.sub("0", line.split(" ", 2)[-1])
        group = groups.pop(kind, [])  # so that it moves to the end
        group.append(line)
        groups[kind] = group
    return list(groups.values())[::-1]


def _summary(group: list[str], now: float) -> str:
    timestamp, _, text = group[-1].partition(" ")
    seconds = timestamps.parse(timestamp)
    ago = timestamp if seconds is None else f"{humanize(now - seconds)} ago"
    return f"{len(group)} x, last {ago}: {text}"
