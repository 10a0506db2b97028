"""`headcount recover`: sessions that ended uncleanly, and commands to resume them."""

from __future__ import annotations

import time

from ...errors import UsageError
from ...fleet import hosts
from ...record import timestamps
from ...text import count, printable
from ...views import lookup, recovery, session_view
from .. import formatting, output, time_spec
from ..terminal.width import truncate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace

    from ...views.recovery import Group, Selection, UncleanSession

_SOME_LEFT_OUT = 1
_MARKS = (
    ("folder_gone", "its folder is gone"),
    ("transcript_gone", "its transcript is gone"),
    ("headless", "run by a script"),
)


def run(args: Namespace) -> int:
    """List the sessions that ended uncleanly, print commands, or resume them."""
    _check(args)
    now = time.time()
    if asked := hosts.requested(args.on, without=_local_option(args)):
        return _of_hosts(args, asked, now)
    live, archived = (lookup.discover(now, archived=flag) for flag in (False, True))
    candidates = recovery.ended_uncleanly(live, archived)
    if args.here:
        candidates = lookup.in_current_worktree(candidates)
    selection = recovery.select(candidates, _since(args, now))
    sessions = candidates if args.all else selection.sessions
    all_found = True
    if args.ids:
        sessions, all_found = _named(args.ids, candidates, now)
    if args.json:
        output.write(formatting.json_lines({"sessions": sessions}))
    elif args.print0:
        _print0(sessions)
    elif args.open:
        all_found &= _open(sessions)
    else:
        short = formatting.short_ids([*live, *archived])
        output.write(_lines(recovery.by_boot(sessions, now), short, now))
    if not args.ids:
        _report_skipped(args, sessions, selection)
        output.report_unreadable(sum(s["verdict"] is None for s in (*live, *archived)))
    return 0 if all_found else _SOME_LEFT_OUT


def _check(args: Namespace) -> None:
    """Raise UsageError if options exclude each other."""
    if sum(map(bool, (args.json, args.print0, args.open))) > 1:
        raise UsageError("--json, --print0 and --open exclude each other")
    if args.ids and (args.all or args.here or args.since is not None):
        raise UsageError("SESSION excludes --all, --since and --here")


def _local_option(args: Namespace) -> str | None:
    """Return what is given, if anything, that is about this machine alone."""
    given = {
        "--here": args.here,
        "--open": args.open,
        "--print0": args.print0,
        "SESSION": args.ids,
    }
    return next((name for name, value in given.items() if value), None)


def _of_hosts(args: Namespace, asked: list[str], now: float) -> int:
    """List the sessions of the hosts *asked*; return 1 if one did not answer."""
    from ...fleet import merge  # imports what runs ssh

    since = _since(args, now)
    span = [] if args.all else ["--since", timestamps.from_epoch(since)]
    fleet = merge.unclean(asked, ["recover", *["--all"] * args.all, *span], now)
    found: list[UncleanSession] = fleet.sessions  # type: ignore[assignment]
    groups = [
        recovery.Group(f"on {host}", [s for s in found if s["on"] == host])
        for host in asked
    ]
    if hosts.LOCAL in asked:
        own = _own(args, since, now)
        groups += recovery.by_boot(own, now)
        fleet.add_local(own, now)  # type: ignore[arg-type]
    if args.json:
        content = {"sessions": fleet.sessions, "hosts": fleet.hosts}
        output.write(formatting.json_lines(content))
    else:
        short = formatting.short_ids(fleet.sessions)
        output.write(_lines([g for g in groups if g.sessions], short, now))
    return output.report_hosts(fleet.problems(now))


def _own(args: Namespace, since: float, now: float) -> list[UncleanSession]:
    """Return the sessions of this machine, in a list of several."""
    live, archived = (lookup.discover(now, archived=flag) for flag in (False, True))
    own = recovery.ended_uncleanly(live, archived)
    return own if args.all else recovery.select(own, since).sessions


def _named(
    names: list[str], candidates: list[UncleanSession], now: float
) -> tuple[list[UncleanSession], bool]:
    """Return those of *candidates* that are named, and whether all that are named."""
    by_id = {session["session_id"]: session for session in candidates}
    named = lookup.find_all(names, now)
    for session in named:
        if session["session_id"] not in by_id:
            reason = session_view.reason_of(session)
            output.message(f"{session['session_id']} did not end uncleanly: {reason}")
    found = [by_id[s["session_id"]] for s in named if s["session_id"] in by_id]
    return found, len(found) == len(named)


def _since(args: Namespace, now: float) -> float:
    if args.since is None:
        return time_spec.moment("7d", now)
    if args.all:
        raise UsageError("--all and --since exclude each other")
    return time_spec.moment(args.since, now)


def _lines(groups: list[Group], short: dict[str, str], now: float) -> list[str]:
    """Return the groups for people; below each session is the command, if any."""
    columns, _ = output.terminal()
    lines: list[str] = []
    for group in groups:
        lines += [*([""] if lines else []), group.title]
        for session in group.sessions:
            line = _line(session, short, now)
            lines += [line if columns is None else truncate(line, columns)]
            lines += [f"    {command}" for command in _commands(session)]
    return lines


def _commands(session: UncleanSession) -> list[str]:
    """Return the command that resumes *session*, or why none can be printed."""
    if session["transcript_gone"]:
        return []
    return [session["resume"] or session_view.no_command(session)]


def _line(session: UncleanSession, short: dict[str, str], now: float) -> str:
    cells = [
        f"{session_view.state_text(session, None):<7}",
        short[session["session_id"]],
        session_view.name_of(session) or formatting.NONE,
        formatting.where(session),
        formatting.ago(session["last_heartbeat"], now) or formatting.NONE,
    ]
    cells += [f"({text})" for key, text in _MARKS if session.get(key)]
    return printable("  " + "  ".join(cells), output.MAX_LINE)


def _that_have_ended(
    sessions: list[UncleanSession],
) -> tuple[list[UncleanSession], dict[str, int]]:
    """Return those that are safe to resume, and how many are not, by reason."""
    can_resume = [session for session in sessions if not session["transcript_gone"]]
    ended = [session for session in can_resume if session["verdict"] != "unknown"]
    own = [session for session in ended if not recovery.is_foreign(session)]
    return own, {
        "whose transcript is gone": len(sessions) - len(can_resume),
        "that may still be open elsewhere": len(can_resume) - len(ended),
        "that may be of another machine": len(ended) - len(own),
    }


def _open(sessions: list[UncleanSession]) -> bool:
    """Resume the sessions in windows of tmux; return whether all were."""
    from .. import reopening  # the list needs no processes

    ended, left_out = _that_have_ended(sessions)
    _report_left_out(left_out)
    return reopening.open_windows(ended)


def _print0(sessions: list[UncleanSession]) -> None:
    """Print the commands for `xargs -0`, of every session that is safe to resume."""
    ended, left_out = _that_have_ended(sessions)
    commands = [session["resume"] for session in ended if session["resume"]]
    output.write_text("".join(f"{command}\0" for command in commands))
    unprintable = len(ended) - len(commands)
    left_out["whose folder has a name not safe to print"] = unprintable
    _report_left_out(left_out)


def _report_left_out(left_out: dict[str, int]) -> None:
    reasons = [f"{count(n, 'session')} {reason}" for reason, n in left_out.items() if n]
    if reasons:
        output.message(f"left out: {', '.join(reasons)}")


def _report_skipped(
    args: Namespace, sessions: list[UncleanSession], selection: Selection
) -> None:
    if not sessions and not selection.skipped:
        output.message("no session ended uncleanly")
    if selection.skipped and not args.all:
        counts = ", ".join(f"{n} {reason}" for reason, n in selection.skipped.items())
        output.message(f"left out: {counts}; `headcount recover --all` lists them")
