"""The sessions of this machine as JSON, made by several processes side by side.

One process needs 0.4 s for ten thousand sessions, most of it to decode and encode. So
each file is read, and its session encoded, in one of several processes. The line
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

    *order* is a key of `session_table.RANKS`. Archived sessions are included if they
    ended after *archived_since*, in seconds since the epoch; if it is None, none are.
    """
    make = partial(_row, conditions=conditions, rank=session_table.RANKS[order])
    rows = _read(lookup.files(archived=False), now, make, archived=False)
    if archived_since is not None:
        files = lookup.files(archived=True, since=archived_since)
        rows += _read(files, now, make, archived=True)
    neighbours.link((row["worktree"], row) for row in rows)  # type: ignore[misc]
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

    The line says that no other session is in its worktree; `_line` corrects that.
    `worktree` is None unless the session is live.
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
    MAX_PROCESSES in all, and each with MIN_SHARE items or more. A process that finishes
    a batch takes the next one. If a process fails, its batches are done here.
    """
    processes = min(_processors(), MAX_PROCESSES, len(items) // MIN_SHARE)
    if processes <= 1:
        return work(items)
    size = max(_BATCH, -(-len(items) // _MAX_BATCHES))
    batches = [items[n : n + size] for n in range(0, len(items), size)]
    numbers = _queue(len(batches))
    helpers = [_start(work, batches, numbers) for _ in range(processes - 1)]
    try:
        done = _take_batches(work, batches, numbers)
    finally:
        os.close(numbers)
        results = [_result_of(*helper) for helper in helpers if helper]
    for result in results:
        done |= result
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
    """Return the end to read from of a pipe with the numbers below *count*, as bytes.

    Each byte reaches only one of the processes that read from it.
    """
    reading, writing = os.pipe()
    os.write(writing, bytes(range(count)))  # a pipe holds 512 bytes or more
    os.close(writing)
    return reading


def _take_batches(
    work: Work, batches: Sequence[Sequence[str]], numbers: int
) -> dict[int, list[Row]]:
    """Do one batch after another until *numbers* is empty; return results by number."""
    done = {}
    while number := os.read(numbers, 1):
        done[number[0]] = work(batches[number[0]])
    return done


def _start(
    work: Work, batches: Sequence[Sequence[str]], numbers: int
) -> tuple[int, int] | None:
    """Start a helper; return its pid, and the descriptor to read its results from.

    None if the system allows no further process, or no further pipe.
    """
    ends: tuple[int, ...] = ()
    try:
        ends = os.pipe()
        pid = os.fork()
    except OSError:
        for end in ends:
            os.close(end)
        return None
    reading, writing = ends
    if pid == 0:
        try:
            os.close(reading)  # or this process would wait for itself to read
            with open(writing, "wb") as pipe:
                pipe.write(marshal.dumps(_take_batches(work, batches, numbers)))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    return pid, reading


def _result_of(pid: int, reading: int) -> dict[int, list[Row]]:
    """Return the results of process *pid*; {} if it failed, or if that is unknown."""
    with open(reading, "rb") as pipe:
        content = pipe.read()
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:  # whoever started us ignores SIGCHLD
        return {}
    return marshal.loads(content) if status == 0 else {}  # noqa: S302  # of our child
