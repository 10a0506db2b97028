"""`headcount list`: the sessions, those that wait for you first."""

from __future__ import annotations

import time

from ... import sessions
from ...errors import UsageError
from ...fleet import hosts
from ...record import timestamps
from ...store import paths, reader
from ...text import count, printable
from ...views import local_days, lookup, neighbours, session_view
from .. import formatting, json_rows, output, time_spec
from ..terminal import columns, session_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ...fleet.merge import Fleet
    from ...views.session_view import SessionView

    Condition = Callable[[SessionView], bool]

_ENDED = ("closed", "dead")
_FORMS = ("json", "quiet", "table", "columns")
_WITH_COLUMNS = {"table", "columns"}
_DIM = "\x1b[2m{}\x1b[0m"


def run(args: Namespace) -> int:
    """List the sessions asked for."""
    _check_form(args)
    with reader.no_collection():
        return _list(args)


def _list(args: Namespace) -> int:
    now = time.time()
    as_table = args.table or not (args.json or args.quiet or not output.is_terminal())
    ended_since = _ended_since(args, now)
    fleet = _ask_hosts(args, now, ended_since, with_rows=as_table)
    conditions = _conditions(args, now, ended_since)
    order = args.sort or ("heartbeat" if args.ended else "state")
    if args.json and fleet is None:
        archived_since = _archived_since(args, ended_since)
        rows = json_rows.matching(now, conditions, order, archived_since)
        output.write(formatting.json_lines({"sessions": rows}))
        return 0
    if fleet is None:
        known = _discover(args, now, ended_since, with_trust=as_table)
    else:
        known = fleet.sessions
    matches = [s for s in known if all(holds(s) for holds in conditions)]
    matches = session_table.ordered(matches, order)
    if fleet is not None and args.json:
        content = {"sessions": matches, "hosts": fleet.hosts}
        output.write(formatting.json_lines(content))
    else:
        _write(args, matches, known, now, as_table=as_table)
    return 0 if fleet is None else output.report_hosts(fleet.problems(now))


def _write(
    args: Namespace,
    matches: list[SessionView],
    known: list[SessionView],
    now: float,
    *,
    as_table: bool,
) -> None:
    """Write *matches*, some of the *known* sessions, for people or line by line."""
    if args.quiet:
        output.write([printable(s["session_id"], output.MAX_LINE) for s in matches])
    elif not matches:
        _report_none(args, known, now)
    elif as_table:
        _write_table(args, matches, known, now)
    else:
        names = _columns(args)
        output.write(["\t".join(columns.values(s, names)) for s in matches])


def _check_form(args: Namespace) -> None:
    """Raise UsageError for two options that each say how to print."""
    given = [name for name in _FORMS if getattr(args, name)]
    if len(given) > 1 and set(given) != _WITH_COLUMNS:
        raise UsageError(f"--{given[0]} and --{given[1]} exclude each other")


def _discover(
    args: Namespace, now: float, ended_since: float, *, with_trust: bool
) -> list[SessionView]:
    """Return the sessions to choose from, annotated.

    *with_trust*: also the clients that ask whether to trust their folder; scripts get
    sessions only.
    """
    found = lookup.discover(now, archived=False)
    archived_since = _archived_since(args, ended_since)
    if archived_since is not None:
        found += lookup.discover(now, archived=True, since=archived_since)
    found = neighbours.annotate(found)
    if with_trust:
        found += neighbours.annotate(lookup.awaiting_trust(now))
    return found


def _archived_since(args: Namespace, ended_since: float) -> float | None:
    """Return from when on archived sessions are included; None if none are."""
    if args.all:
        return 0
    return ended_since if args.ended else None


def _hosts(args: Namespace) -> list[str]:
    """Return the hosts to ask, none if it is about this machine or what is shared."""
    if args.fleet:
        hosts.excluded_by_fleet(
            on=args.on, here=args.here, all=args.all, ended=args.ended
        )
        return []
    return hosts.requested(args.on, without="--here" if args.here else None)


def _ask_hosts(
    args: Namespace, now: float, ended_since: float, *, with_rows: bool
) -> Fleet | None:
    """Return the sessions of other machines; None if it is about this one alone.

    *with_rows*: also a row for each host that did not answer.
    """
    asked = _hosts(args)
    if args.fleet:
        from ...fleet.shared import (
            reader as shared,  # imports what runs ssh, too
        )

        fleet = shared.listed()
    elif asked:
        fleet = _of_hosts(args, asked, now, ended_since, with_rows=with_rows)
    else:
        return None
    if with_rows:
        fleet.sessions.extend(fleet.rows(now))
    return fleet


def _of_hosts(
    args: Namespace,
    asked: list[str],
    now: float,
    ended_since: float,
    *,
    with_rows: bool,
) -> Fleet:
    from ...fleet import merge  # imports what runs ssh

    words = ["list", *["--all"] * args.all, *["--ended"] * args.ended]
    if args.ended:
        words += ["--since", timestamps.from_epoch(ended_since)]
    fleet = merge.listed(asked, words, now)
    if hosts.LOCAL in asked:
        fleet.add_local(_discover(args, now, ended_since, with_trust=with_rows), now)
    return fleet


# ---- Forms ----------------------------------------------------------------------


def _columns(args: Namespace) -> tuple[str, ...]:
    elsewhere = args.fleet or _hosts(args)
    default = columns.DEFAULT_OF_HOSTS if elsewhere else columns.DEFAULT
    return tuple(args.columns) or default


def _write_table(
    args: Namespace, matches: list[SessionView], known: list[SessionView], now: float
) -> None:
    width, colour = output.terminal()
    short = formatting.short_ids(known)
    names = _columns(args)
    lines = session_table.table(
        matches, short, now=now, columns=width, colour=colour, names=names
    )
    ended = _ended_today(args, matches, known, now)
    if ended:
        line = f"{ended} more ended today: headcount list --ended"
        lines.append(_DIM.format(line) if colour else line)
    output.write(lines)


def _ended_today(
    args: Namespace, matches: list[SessionView], known: list[SessionView], now: float
) -> int:
    """Return how many sessions ended today and are not shown, if nothing was asked."""
    if args.fleet or _hosts(args):
        return 0
    if args.all or args.ended or args.state or args.since or args.pattern or args.here:
        return 0
    midnight = local_days.start_of(now)
    archived = lookup.discover(now, archived=True, since=midnight)
    has_ended = _has_ended(midnight)
    ended = {s["session_id"] for s in (*known, *archived) if has_ended(s)}
    return len(ended - {session["session_id"] for session in matches})


def _report_none(args: Namespace, known: list[SessionView], now: float) -> None:
    asked = _hosts(args)
    ended = _ended_today(args, [], known, now)
    if args.fleet:
        output.message("no session that is shared matches")
    elif asked:
        output.message(f"no session matches on {', '.join(asked)}")
    elif ended:
        message = f"no live session; {count(ended, 'session')} ended today: "
        output.message(f"{message}`headcount list --ended`")
    elif args.here and known:
        output.message("no session in this worktree; `headcount list` shows the others")
    elif args.pattern and not args.all:
        output.message(
            f"no live session matches {args.pattern}; with --all, archived sessions "
            "are searched, too"
        )
    elif known or args.ended:
        output.message("no session matches; `headcount list --all` shows every session")
    elif not args.all and paths.archive_folders():
        output.message("no live session; `headcount list --all` shows archived ones")
    else:
        output.message(
            f"no sessions in {sessions.SESSIONS_DIR} yet; `headcount doctor` says "
            "whether the hooks are installed"
        )


# ---- Conditions -----------------------------------------------------------------


def _conditions(
    args: Namespace, now: float, ended_since: float
) -> list[Callable[[SessionView], bool]]:
    """Return the conditions for a session to be listed; raise UsageError."""
    conditions: list[Condition] = []
    if args.here:
        current = lookup.current_worktree()
        conditions.append(lambda session: session["worktree"] == current)
    if args.state:
        conditions.append(lambda s: session_view.is_in(s, args.state))
    if args.ended:
        conditions.append(_has_ended(ended_since))
    elif args.since is not None:
        earliest = time_spec.moment(args.since, now)
        conditions.append(lambda session: _last_heartbeat(session) >= earliest)
    if not (args.all or args.ended or args.state or args.json):
        conditions.append(lambda s: session_view.state_of(s) != "closed")
    if args.pattern:
        conditions.append(_matches(args.pattern))
    return conditions


def _ended_since(args: Namespace, now: float) -> float:
    """Return the moment given with `--since`, else when this day began."""
    if args.since is None:
        return local_days.start_of(now)
    return time_spec.moment(args.since, now)


def _has_ended(since: float) -> Condition:
    return lambda session: (
        session_view.state_of(session) in _ENDED and _last_heartbeat(session) >= since
    )


def _matches(pattern: str) -> Condition:
    """Return whether *pattern* occurs in a text by which people know the session."""
    pattern = pattern.casefold()
    if "*" in pattern or "?" in pattern:
        import fnmatch  # imports `re`, which most lists do without

        wild = f"*{pattern.replace('[', '[[]')}*"
        return lambda session: any(
            fnmatch.fnmatchcase(text, wild) for text in _texts(session)
        )
    return lambda session: any(pattern in text for text in _texts(session))


def _texts(session: SessionView) -> list[str]:
    texts = (session["label"], session["name"], columns.place(session))
    return [text.casefold() for text in texts if text]


def _last_heartbeat(session: SessionView) -> float:
    return timestamps.parse(session["last_heartbeat"]) or float("-inf")
