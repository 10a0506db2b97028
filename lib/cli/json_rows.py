"""The sessions of this machine as JSON, made by several processes side by side.

For ten thousand sessions one process needs 0.4 s, most of it to decode and to encode.
So each file is read, and its session encoded, in one of several processes. The line
comes back, with what is needed for the other sessions and their order.
"""

from __future__ import annotations

import marshal
import os
from functools import partial
from operator import itemgetter

from ..system import git, proc
from ..views import lookup, neighbours
from .formatting import EncodedRows, json_row
from .terminal import session_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ..views.session_view import SessionView

    Condition = Callable[[SessionView], bool]
    # What `_row` returns.
    Row = dict[str, Any]
    Work = Callable[[Sequence[str]], list[Row]]

MIN_SHARE = 1000  # files: for fewer, a process takes longer to start than it saves
MAX_PROCESSES = 4
_BATCH, _MAX_BATCHES = 100, 256
_ALONE: dict[str, Any] = {"same_worktree": [], "same_worktree_count": 0}


def matching(
    now: float,
    conditions: Sequence[Condition],
    order: str,
    archived_since: float | None = None,
) -> EncodedRows:
    """Return the sessions that meet all *conditions*, as `list --json` prints them.

    *order* is a key of `session_table.RANKS`. Those that were archived are included if
    they ended after *archived_since*, in seconds since the epoch; without it, none is.
    """
    make = partial(_row, conditions=conditions, rank=session_table.RANKS[order])
    rows = _read(lookup.files(archived=False), now, make, archived=False)
    if archived_since is not None:
        files = lookup.files(archived=True, since=archived_since)
        rows += _read(files, now, make, archived=True)
    live: dict[str, list[Any]] = {}
    for row in rows:
        if row["worktree"]:
            live.setdefault(row["worktree"], []).append(row)
    for group in live.values():
        neighbours.link(group)
    shown: list[Any] = [row for row in rows if row["line"]]
    ordered = session_table.ordered_by_rank(shown, order, itemgetter("rank"))
    return EncodedRows(_line(row) for row in ordered)  # type: ignore[arg-type]


def _read(
    files: list[str], now: float, make: Callable[..., Row], *, archived: bool
) -> list[Row]:
    worktrees = git.Worktrees()

    def rows(batch: Sequence[str]) -> list[Row]:
        sessions = lookup.read(batch, now, archived=archived)
        return [make(session, worktrees) for session in sessions]

    with proc.looking_once():
        return side_by_side(rows, files)


def _row(
    session: SessionView,
    worktrees: git.Worktrees,
    *,
    conditions: Sequence[Condition],
    rank: Callable[[SessionView], Any],
) -> Row:
    """Return what is needed of *session*: its line, unless a condition is not met.

    The line says that it is alone in its worktree, which is in the row if the session
    is live.
    """
    worktree = neighbours.locate(session, worktrees)
    is_shown = all(holds(session) for holds in conditions)
    session.update(_ALONE)  # type: ignore[typeddict-item]
    return {
        "session_id": session["session_id"],
        "last_heartbeat": session["last_heartbeat"],
        "worktree": worktree,
        "rank": rank(session) if is_shown else None,
        "line": json_row(session) if is_shown else None,
    }


def _line(row: Row) -> str:
    line: str = row["line"]
    if "same_worktree" not in row:
        return line
    return line.removesuffix(_end(_ALONE)) + _end({key: row[key] for key in _ALONE})


def _end(others: Row) -> str:
    """Return the end of a session's line, which says what shares its worktree."""
    return json_row(others).removeprefix("{")


# ---- Several processes ----------------------------------------------------------


def side_by_side(work: Work, items: Sequence[str]) -> list[Row]:
    """Return what *work* returns of *items*, in their order.

    Other processes help: one for each further processor that is free for us, up to
    MAX_PROCESSES in all, and each with MIN_SHARE items or more. Whoever is done with a
    batch takes the next one. What a process that fails has taken is done here.
    """
    processes = min(_processors(), MAX_PROCESSES, len(items) // MIN_SHARE)
    if processes < 2:  # noqa: PLR2004
        return work(items)
    size = max(_BATCH, -(-len(items) // _MAX_BATCHES))
    batches = [items[n : n + size] for n in range(0, len(items), size)]
    numbers = _queue(len(batches))
    helpers = [_start(work, batches, numbers) for _ in range(processes - 1)]
    done = _work_off(work, batches, numbers)
    os.close(numbers)
    for helper in helpers:
        done |= _result_of(*helper) if helper else {}
    return [
        row
        for number, batch in enumerate(batches)
        for row in (done[number] if number in done else work(batch))
    ]


def _processors() -> int:
    """Return how many processors this process may use; 1 where it cannot fork."""
    if not hasattr(os, "fork"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _queue(count: int) -> int:
    """Return a pipe to read from: the numbers below *count*, each a byte, to the end.

    Each byte reaches only one of the processes that read from it.
    """
    reading, writing = os.pipe()
    os.write(writing, bytes(range(count)))  # a pipe holds 512 bytes or more
    os.close(writing)
    return reading


def _work_off(
    work: Work, batches: Sequence[Sequence[str]], numbers: int
) -> dict[int, list[Row]]:
    """Do batches until none is left in *numbers*; return the results by number."""
    done = {}
    while number := os.read(numbers, 1):
        done[number[0]] = work(batches[number[0]])
    return done


def _start(
    work: Work, batches: Sequence[Sequence[str]], numbers: int
) -> tuple[int, int] | None:
    """Start a process that helps; return its pid, and where its results come.

    None if the system allows no further process.
    """
    reading, writing = os.pipe()
    try:
        pid = os.fork()
    except OSError:
        os.close(reading)
        os.close(writing)
        return None
    if pid == 0:
        try:
            with open(writing, "wb") as pipe:
                pipe.write(marshal.dumps(_work_off(work, batches, numbers)))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    return pid, reading


def _result_of(pid: int, reading: int) -> dict[int, list[Row]]:
    """Return what process *pid* has done; nothing if it has failed."""
    with open(reading, "rb") as pipe:
        content = pipe.read()
    _, status = os.waitpid(pid, 0)
    return marshal.loads(content) if status == 0 else {}  # noqa: S302  # it is ours
