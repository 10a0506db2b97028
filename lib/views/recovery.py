"""Sessions that ended uncleanly: which are worth resuming, grouped by boot.

A session ended uncleanly if it was not closed, and it is dead, or it is stale and none
of its processes is known to run. One that continues elsewhere (under the same id, or as
the next session of the same process) did not. One that is unknown may have: its
container may be gone, or its machine. It is listed, too, as one that cannot be judged.
"""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ..record import timestamps, verdict
from ..record.attached import processes_of
from ..store import paths
from ..system import git, machine, process
from ..text import local_time, printable
from . import session_view
from .session_view import last_heartbeat

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .session_view import SessionView

    class UncleanSession(SessionView):
        """A session that ended uncleanly, and what is needed to resume it."""

        boot: str | None  # the id of the boot in which it ran
        # The shell command; None if its transcript is gone, or it cannot be printed.
        resume: str | None
        folder_gone: bool
        transcript_gone: bool
        headless: bool
        judged: bool  # whether its process is known to be gone


_HEADLESS = "sdk-cli"  # `claude -p`: whoever ran it will run it again
_MAX_TITLE = 4096


class Boot(NamedTuple):
    """A boot: where, in words, if on another machine, and its id if known.

    Those of its sessions whose processes cannot be judged from here are not *judged*.
    """

    elsewhere: str | None
    id: str | None
    judged: bool


class Group(NamedTuple):
    """The sessions of one boot, the latest heartbeat first, and a title for it."""

    title: str
    sessions: list[UncleanSession]


class Selection(NamedTuple):
    """The sessions worth resuming, and how many were skipped, by reason."""

    sessions: list[UncleanSession]
    skipped: dict[str, int]


def ended_uncleanly(
    live: list[SessionView], archived: list[SessionView]
) -> list[UncleanSession]:
    """Return the sessions that ended uncleanly or may have, the latest heartbeat first.

    Each is the last file of its id, of *live* and *archived* ones.
    """
    by_id = {s["session_id"]: s for s in sorted(archived, key=last_heartbeat)}
    by_id |= {session["session_id"]: session for session in live}
    ordered = sorted(by_id.values(), key=last_heartbeat)
    continued = {s.get("previous_session_id"): last_heartbeat(s) for s in ordered}
    return [
        _annotated(session)
        for session in reversed(ordered)
        if _ended_uncleanly(session)
        and continued.get(session["session_id"], "") <= last_heartbeat(session)
    ]


def select(sessions: list[UncleanSession], since: float) -> Selection:
    """Return those of *sessions* worth resuming, with a heartbeat after *since*."""
    reasons = [_skip_reason(session, since) for session in sessions]
    pairs = zip(sessions, reasons, strict=True)
    selected = [session for session, reason in pairs if reason is None]
    return Selection(selected, Counter(filter(None, reasons)))


def by_boot(sessions: Iterable[UncleanSession], now: float) -> list[Group]:
    """Return *sessions* grouped by boot, groups and sessions in the given order.

    Those that cannot be judged are in the last groups.
    """
    boots: dict[Boot, list[UncleanSession]] = {}
    for session in sorted(sessions, key=lambda session: not session["judged"]):
        boots.setdefault(_boot_of(session), []).append(session)
    own = [boot for boot in boots if boot.elsewhere is None and boot.judged]
    earlier = [boot for boot in own if boot.id not in (None, _this_boot())]
    return [
        Group(_title(boot, group, now, newest=[boot] == earlier[:1]), group)
        for boot, group in boots.items()
    ]


# ---- Sessions -------------------------------------------------------------------


def _ended_uncleanly(session: SessionView) -> bool:
    if session["state"] == "closed" or session["verdict"] is None:
        return False
    return process.RUNNING not in _outcomes(session)


def _outcomes(session: SessionView) -> set[str]:
    """Return what is known of the processes of the session."""
    return {verdict.probe(each)[0] for each in processes_of(session)}  # type: ignore[arg-type]


def _annotated(session: SessionView) -> UncleanSession:
    transcript_gone = session_view.transcript_gone(session)
    return {
        **session,
        "boot": process.boot_of(session.get("process")),
        "resume": None if transcript_gone else session_view.resume_command(session),
        "folder_gone": session_view.folder_gone(session),
        "transcript_gone": transcript_gone,
        "headless": session.get("entrypoint") == _HEADLESS,
        "judged": _outcomes(session) == {process.GONE} and not is_foreign(session),
    }


def is_foreign(session: SessionView) -> bool:
    """Whether *session* may be a stranger's, in a store that a repository brought.

    Such a record can name this host, but not the id of this machine or of its boot.
    """
    folder = os.path.realpath(paths.SESSIONS_DIR)
    if not paths.IN_PROJECT and git.Worktrees().root(folder) == folder:
        return False
    if process.boot_of(session.get("process")) == _this_boot():
        return False
    ours = machine.machine_id()
    return ours is None or session.get("machine") != ours


def _skip_reason(session: UncleanSession, since: float) -> str | None:
    """Return why *session* is hardly worth resuming; None if it is."""
    if (timestamps.parse(session["last_heartbeat"]) or 0) < since:
        return f"with the last heartbeat before {local_time(since)}"
    if session["headless"]:
        return "run by a script (claude -p)"
    if session["transcript_gone"]:
        return "without a transcript to resume"
    return None


# ---- Boots ----------------------------------------------------------------------


def _boot_of(session: UncleanSession) -> Boot:
    place = process.elsewhere(session.get("host"), session.get("machine"))
    if place is None and is_foreign(session):
        place = "a machine that may not be this one"
    return Boot(place, session["boot"], session["judged"])


def _this_boot() -> str | None:
    return process.boot_of(process.fingerprint(os.getpid()))


def _title(boot: Boot, group: list[UncleanSession], now: float, *, newest: bool) -> str:
    """Return a title for *boot*; *newest* says it is the last one before this boot."""
    last = timestamps.parse(group[0]["last_heartbeat"])
    until = "" if last is None else f", until {local_time(last)}"
    where = "" if boot.elsewhere is None else f"on {boot.elsewhere}"
    if not boot.judged:
        where = ", ".join(filter(None, ("cannot be judged from here", where)))
    if where:
        return printable(f"{where}{until}", _MAX_TITLE)
    if boot.id is None:
        return f"of an unknown boot{until}"
    booted = local_time(now - process.uptime())
    if boot.id == _this_boot():
        return f"since the last boot, {booted}"
    return f"before the reboot of {booted}" if newest else f"of an earlier boot{until}"
