"""Sessions that ended without a goodbye: which are worth resuming, boot by boot.

Ended without a goodbye is a session whose process is gone, or cannot be seen from here
and has been silent for too long, and that was not closed. One that goes on elsewhere
(under the same id, or as the next session of the same process) did not end so.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from ..cli.terminal.width import truncate
from ..record import timestamps
from ..system import process
from ..text import printable
from . import session_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Session

DEFAULT_DAYS = 7
_BY_SCRIPT = "sdk-cli"  # `claude -p`: who ran it will run it again
_STATE_WIDTH = 7
_MOST_IN_A_LINE = 4096


class Boot(NamedTuple):
    """One boot of a machine: another host's, or ours by its id; None if not known."""

    host: str | None
    id: str | None


class Group(NamedTuple):
    """The sessions of one boot, the last seen first, and what it is called."""

    title: str
    sessions: list[Session]


class Choice(NamedTuple):
    """What is worth resuming, and how many are left out for which reason."""

    chosen: list[Session]
    left_out: dict[str, int]


def lost(live: list[Session], archived: list[Session]) -> list[Session]:
    """Return the sessions that ended without a goodbye, the last seen first.

    Each has, besides what `list --json` says, `boot` (the id of the boot that it ran
    in), `resume` (the shell's line), `folder_gone`, `transcript_gone` and `by_script`.
    """
    known = {str(one["session_id"]): one for one in sorted(archived, key=_last_seen)}
    known |= {str(one["session_id"]): one for one in live}
    ordered = sorted(known.values(), key=_last_seen)
    went_on = {one.get("previous_session_id"): _last_seen(one) for one in ordered}
    return [
        _described(one)
        for one in reversed(ordered)
        if _ended_unheard(one) and went_on.get(one["session_id"], "") <= _last_seen(one)
    ]


def choose(found: list[Session], since: float) -> Choice:
    """Return those a person would want, seen at or after *since*, and who is not."""
    chosen: list[Session] = []
    left_out: dict[str, int] = {}
    for session in found:
        reason = _unwanted(session, since)
        if reason is None:
            chosen.append(session)
        else:
            left_out[reason] = left_out.get(reason, 0) + 1
    return Choice(chosen, left_out)


def by_boot(found: Iterable[Session], now: float) -> list[Group]:
    """Return *found*, in its order, by the boot of each, in the order of the first."""
    boots: dict[Boot, list[Session]] = {}
    for session in found:
        boots.setdefault(_boot_of(session), []).append(session)
    earlier = [boot for boot in boots if _is_earlier(boot)]
    return [
        Group(_title(boot, sessions, now, newest=[boot] == earlier[:1]), sessions)
        for boot, sessions in boots.items()
    ]


def lines(
    groups: list[Group], short: dict[str, str], *, now: float, columns: int | None
) -> list[str]:
    """Return the groups for people: of each session two lines, the second to paste."""
    told: list[str] = []
    for group in groups:
        told += [*([""] if told else []), group.title]
        for session in group.sessions:
            line = _line(session, short, now)
            told += [line if columns is None else truncate(line, columns)]
            told += [f"    {session['resume']}"]
    return told


# ---- Which ----------------------------------------------------------------------


def _ended_unheard(session: Session) -> bool:
    if session["state"] == "closed":
        return False
    if session["verdict"] == "dead":
        return True
    return session["verdict"] == "stale" and not any(map(_runs, _processes(session)))


def _processes(session: Session) -> list[Session]:
    others = session.get("others")
    return [session, *(others if isinstance(others, list) else [])]


def _runs(seen: Session) -> bool:
    told = (seen.get("pid"), seen.get("process"), seen.get("host"))
    return process.probe(*told)[0] == process.RUNNING


def _described(session: Session) -> Session:
    cwd, transcript = session["cwd"], session.get("transcript_path", "")
    return {
        **session,
        "boot": _boot_id(session.get("process")),
        "resume": session_view.resume_line(session),
        "folder_gone": bool(cwd) and not os.path.isdir(cwd),
        "transcript_gone": bool(transcript) and not os.path.exists(transcript),
        "by_script": session.get("entrypoint") == _BY_SCRIPT,
    }


def _last_seen(session: Session) -> str:
    return str(session["last_heartbeat"] or "")


def _unwanted(session: Session, since: float) -> str | None:
    """Return why a person would hardly want *session*; None if they would."""
    if (timestamps.parse(session["last_heartbeat"]) or 0) < since:
        return f"last seen before {_local(since)}"
    if session["by_script"]:
        return "run by a script (claude -p)"
    if session["transcript_gone"]:
        return "without a transcript to resume"
    return None


# ---- Boots ----------------------------------------------------------------------


def _boot_of(session: Session) -> Boot:
    host = session.get("host")
    return Boot(host if host != process.host_name() else None, session["boot"])


def _boot_id(known: object) -> str | None:
    kind, *rest = str(known or "").split(":")
    return rest[0] if kind == "linux" and rest else None


def _this_boot() -> str | None:
    return _boot_id(process.fingerprint(os.getpid()))


def _is_earlier(boot: Boot) -> bool:
    return boot.host is None and boot.id not in (None, _this_boot())


def _title(boot: Boot, sessions: list[Session], now: float, *, newest: bool) -> str:
    """Return what the boot is called; *newest*: of the earlier ones it is the last."""
    last = timestamps.parse(sessions[0]["last_heartbeat"])
    until = "" if last is None else f", until {_local(last)}"
    if boot.host is not None:
        return printable(f"on another host, {boot.host}{until}", _MOST_IN_A_LINE)
    if boot.id is None:
        return f"of a boot that is not known{until}"
    booted = _local(now - time.clock_gettime(time.CLOCK_BOOTTIME))
    if boot.id == _this_boot():
        return f"since the last boot, {booted}"
    return f"before the reboot of {booted}" if newest else f"of an earlier boot{until}"


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


# ---- The lines ------------------------------------------------------------------


def _line(session: Session, short: dict[str, str], now: float) -> str:
    told = [
        f"{session['state']:<{_STATE_WIDTH}}",
        short[session["session_id"]],
        session["label"] or session_view.NONE,
        session_view.where(session),
        session_view.ago(session["last_heartbeat"], now) or session_view.NONE,
    ]
    told += [f"({mark})" for key, mark in _MARKS if session[key]]
    return printable("  " + "  ".join(told), _MOST_IN_A_LINE)


_MARKS = (
    ("folder_gone", "its folder is gone"),
    ("transcript_gone", "its transcript is gone"),
    ("by_script", "run by a script"),
)
