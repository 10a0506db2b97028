"""`headcount show`: everything about one session."""

from __future__ import annotations

import os
import time
from collections import deque

from ... import sessions
from ...fleet import find, hosts
from ...record import timestamps
from ...record.transitions import LOST, STARTED, transitions
from ...store import reader
from ...system import git
from ...terminals import focus, place
from ...terminals.place import Place
from ...text import humanize, printable
from ...views import lineage, lookup, neighbours, session_view, timeline
from .. import formatting, output
from ..terminal import facts
from ..terminal.width import truncate_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Iterator

    from ...model import SessionEntry
    from ...views.session_view import SessionView
    from ...views.timeline import Moment
    from ..terminal.facts import Details

_MAX_MOMENTS = 20
_ENTRIES_OF_UNREADABLE = 10
_MAX_WARNINGS = 3
_MAX_TYPES = 8
_MAX_LINE = 200


def run(args: Namespace) -> int:
    """Show the session."""
    now = time.time()
    session = _found(args, now)
    elsewhere = "on" in session
    if not elsewhere:
        session = _with_related(session, now)  # type: ignore[arg-type]
    if args.json:
        content = session if elsewhere else _as_object(session, now)
        output.write(formatting.json_lines(content))
        return 0
    entries = session["entries"] if elsewhere else _entries(session["path"])
    output.write(_lines(session, entries, args.entries, now))
    return 0


def _found(args: Namespace, now: float) -> Details:
    if not args.fleet:
        return find.find(args.id, args.on, now)  # type: ignore[return-value]
    hosts.excluded_by_fleet(on=args.on)
    from ...fleet.shared import (
        find as shared,  # imports what reads from a server
    )

    return shared.find(args.id, now)  # type: ignore[return-value]


def _with_related(session: SessionView, now: float) -> Details:
    """Return *session* with its related sessions and the command that resumes it."""
    live = sessions.discover_sessions()
    by_id = lineage.by_id(live, sessions.discover_sessions(archived=True))
    infos = [info for info in live if os.fspath(info) != session["path"]]
    others = lookup.judged(infos, now, archived=False)
    *others, session = neighbours.annotate([*others, session])
    same_worktree = neighbours.same_worktree(session, others)
    open_in = place.of_session(session)
    root = session["worktree"]
    can_resume = not (
        session["verdict"] is None or open_in or session_view.transcript_gone(session)
    )
    return {
        **session,
        "predecessors": lineage.predecessors(session, by_id),
        "successors": lineage.successors(session, by_id),
        "same_worktree": same_worktree[: neighbours.MAX_NAMED],
        "same_worktree_count": len(same_worktree),
        "modified": git.is_modified(root) if root and session["branch"] else None,
        "open_in": open_in,
        "resume": session_view.resume_command(session) if can_resume else None,
    }


def _as_object(session: Details, now: float) -> Details:
    """Return what `--json` prints: the session with its whole history."""
    entries = list(_entries(session["path"]))
    history = timeline.Timeline()
    for transition in transitions(entries, now):
        history.add(transition)
    return {
        **session,
        "same_worktree": [other["session_id"] for other in session["same_worktree"]],
        "open_in": [where.as_object() for where in session["open_in"]],
        "timeline": history.moments,
        "other_entries": history.others,
        "entries": entries,
    }


def _lines(
    session: Details, entries: Iterable[SessionEntry], number: int | None, now: float
) -> list[str]:
    """Return what is shown, with the last *number* of *entries*."""
    columns, colour = output.terminal()
    if number is None:
        number = 0 if session["verdict"] else _ENTRIES_OF_UNREADABLE
    history = timeline.Timeline(_MAX_MOMENTS)
    last: deque[SessionEntry] = deque(maxlen=number)
    total, begins_later = 0, False
    for transition in transitions(entries, now):
        history.add(transition)
        if transition.event != LOST:  # that one and the next are about the same entry
            last.append(transition.entry)
            total += 1
            begins_later |= total == 1 and transition.event != STARTED
    alive = session["verdict"] == "alive"
    lines = [*facts.lines(session, now, colour=colour), ""]
    what = f"{total} {'entry' if total == 1 else 'entries'}"
    lines += [f"timeline of {'the last ' if begins_later else ''}{what}"]
    lines += timeline_lines(history, now, alive=alive, columns=columns)
    if number:
        lines += ["", f"last {len(last)} of {total} entries"]
        lines += [formatting.entry_line(entry, now, columns) for entry in last]
    return [*lines, *_resume_lines(session)]


def _resume_lines(session: Details) -> list[str]:
    """Return the command that resumes the session, or why none can be given."""
    if session["verdict"] is None:
        return []
    if "on" in session:
        return _elsewhere_lines(session)
    if session["open_in"]:
        return ["", *map(_open_line, session["open_in"])]
    if session_view.transcript_gone(session):  # type: ignore[arg-type]
        return ["", "it cannot be resumed: its transcript is gone"]
    if not session["resume"]:
        return ["", session_view.no_command(session)]  # type: ignore[arg-type]
    heading = "resume it with"
    if session_view.folder_gone(session):  # type: ignore[arg-type]
        heading = f"its folder is gone; {heading}"
    if session["verdict"] == "unknown":
        heading = "it may be open elsewhere; if not, resume it with"
    return ["", heading, session["resume"]]


def _elsewhere_lines(session: Details) -> list[str]:
    """Return where a session of another machine is open, and how to get there."""
    places = map(Place.from_object, session["open_in"])
    lines = [f"it is open there in {where.with_pid()}" for where in places]
    if not (lines or session["resume"]):
        return ["", "it cannot be resumed"]
    command = hosts.go_command(session["on"], session["session_id"])
    return ["", *lines, "go there with", command]


def _open_line(where: Place) -> str:
    how = "; `headcount go` goes there" if focus.can_focus(where) else ""
    return f"it is open in {where.with_pid()}{how}"


# ---- The entries ----------------------------------------------------------------


def _entries(path: str) -> Iterator[SessionEntry]:
    """Yield the entries of the file at *path*; then report damaged lines on stderr."""
    warnings: list[str] = []
    yield from reader.stream(path, lambda _, text: warnings.append(text))
    for warning in warnings[:_MAX_WARNINGS]:
        output.message(warning)
    if len(warnings) > _MAX_WARNINGS:
        output.message(f"{path}: {len(warnings) - _MAX_WARNINGS} more such lines")


# ---- Timeline -------------------------------------------------------------------


def timeline_lines(
    history: timeline.Timeline, now: float, *, alive: bool, columns: int | None
) -> list[str]:
    """Return a line for each moment, for what was left out, and for other entries.

    *alive* says whether the last stretch still continues. *columns* is the width to
    fit into, None for no limit.
    """
    lines = [_moment_line(moment, now, alive=alive) for moment in history.moments]
    if history.left_out:
        lines.insert(timeline.HEAD, f"{'...':>14}  {history.left_out} more between")
    if history.others:
        lines.append(f"{'others':>14}  {_counts(history.others)}")
    return [truncate_line(printable(line, _MAX_LINE), columns) for line in lines]


def _moment_line(moment: Moment, now: float, *, alive: bool) -> str:
    clock = formatting.clock(moment["from"], now)
    text = moment["text"]
    if moment["heartbeats"]:
        text = _duration(moment, now, alive=alive)
    elif moment["what"] == "label":
        text = text or "removed"
    return f"{clock}  {moment['what']:<9}  {text or ''}".rstrip()


def _duration(moment: Moment, now: float, *, alive: bool) -> str:
    """Return how long a stretch lasted, and its heartbeats if there are several."""
    keys = ("from", "to", "last_heartbeat")
    begin, end, last = (timestamps.parse(moment[key]) for key in keys)
    number = moment["heartbeats"]
    heartbeats = f", {number} heartbeats" if number > 1 else ""
    if begin is None:
        return heartbeats.removeprefix(", ")
    if end is not None:
        return humanize(end - begin) + heartbeats
    if alive:
        return f"{humanize(now - begin)} so far{heartbeats}"
    return f"{humanize((last or begin) - begin)}{heartbeats}, then nothing more"


def _counts(others: dict[str, int]) -> str:
    """Return `12 build.done, 3 note.a`, the most frequent first."""
    ordered = sorted(others.items(), key=lambda item: -item[1])
    counts = [f"{number} {kind}" for kind, number in ordered[:_MAX_TYPES]]
    if len(ordered) > _MAX_TYPES:
        counts.append(f"and {len(ordered) - _MAX_TYPES} more types")
    return ", ".join(counts)
