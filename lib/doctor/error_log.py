"""errors.log: what hooks could not do, the same complaint once, however often made."""

from __future__ import annotations

import re
from typing import NamedTuple

from ..text import count
from .finding import OK, WARN, Context, Finding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_DAYS = 7
_DAY_SECONDS = 86_400
_MAX_GROUPS = 5
# What differs between two lines on the same fault: ids, pids, counts, durations.
_VARIES = re.compile(r"[0-9a-f]{8}[0-9a-f-]*|\d+(\.\d+)?")


class _LogGroup(NamedTuple):
    times: int
    last: str  # its newest line, which begins with its time


def check_error_log(context: Context) -> Iterator[Finding]:
    """Check what was noted in the last days, grouped, the newest first."""
    from ..store import error_log

    noted = error_log.recent(context.now - _DAYS * _DAY_SECONDS)
    if not noted:
        yield Finding(OK, "errors", f"no hook failed in the last {_DAYS} days")
        return
    groups = _grouped(noted)
    message = f"{count(len(noted), 'line')} in errors.log of the last {_DAYS} days"
    if len(groups) > _MAX_GROUPS:
        message += f", of {len(groups)} kinds; the newest {_MAX_GROUPS}"
    yield Finding(WARN, "errors", f"{message}:")
    for group in groups[:_MAX_GROUPS]:
        yield Finding(WARN, "errors", _in_words(group, context.now))


def _grouped(lines: list[str]) -> list[_LogGroup]:
    """Return the lines, which are in order of time, by what they complain of."""
    groups: dict[str, _LogGroup] = {}
    for line in lines:
        kind = _VARIES.sub("0", line.split(" ", 2)[-1])
        before = groups.pop(kind, None)  # so that it moves to the end
        groups[kind] = _LogGroup(before.times + 1 if before else 1, line)
    return list(groups.values())[::-1]


def _in_words(group: _LogGroup, now: float) -> str:
    from ..record import timestamps
    from ..text import humanize

    stamp, _, text = group.last.partition(" ")
    when = timestamps.parse(stamp)
    ago = stamp if when is None else f"{humanize(now - when)} ago"
    return f"{group.times} x, last {ago}: {text}"
