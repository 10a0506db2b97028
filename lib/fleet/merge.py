"""One list of the sessions of many hosts, and what is known about each host.

Each session has the name of its host under `on`. A host that did not answer is shown
with the sessions that it had when it last answered: they are `unknown`, never dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypedDict

from ..errors import HeadcountError
from ..record import timestamps, verdict
from ..text import humanize, local_time, printable
from ..views import session_view
from . import cache, ssh, validate
from .hosts import LOCAL, go_command

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from typing import Any

    from ..views.session_view import SessionView
    from .ssh import Reply
    from .validate import Shape

OK, UNREACHABLE, NO_HEADCOUNT = "ok", "unreachable", "no_headcount"
OTHER_VERSION, INVALID, FAILED = "other_version", "invalid", "failed"
_MAX_MESSAGE = 200


class Host(TypedDict):
    """A host: `status` is one of those above, `message` says more unless it is OK.

    `last_heard` is the time of its last answer; None if it never answered.
    """

    on: str
    status: str
    message: str | None
    last_heard: str | None


class Fleet(NamedTuple):
    """The sessions of many hosts, and the hosts."""

    sessions: list[SessionView]
    hosts: list[Host]

    def add_local(self, sessions: list[SessionView], now: float) -> None:
        """Add the *sessions* of this machine."""
        self.hosts.append(answered(LOCAL, now))
        self.sessions.extend(_on(session, LOCAL) for session in sessions)

    def rows(self, now: float) -> list[SessionView]:
        """Return each host that did not answer, as if it were a session.

        Like a client that asks for trust it has no file, and the id is "-".
        """
        return [_row(host, now) for host in self.hosts if host["status"] != OK]

    def problems(
        self, now: float, *, besides: Collection[str] = frozenset()
    ) -> list[str]:
        """Return a sentence for each host that did not answer, except *besides*."""
        return [
            f"{host['on']}: {host['message']}; {_silence(host, now)}"
            for host in self.hosts
            if host["status"] != OK and host["on"] not in besides
        ]


class HostError(HeadcountError):
    """A host gave no answer that can be used; *status* is one of those above."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


def listed(hosts: Sequence[str], words: Sequence[str], now: float) -> Fleet:
    """Return what `headcount *words* --json` lists on all of *hosts*, asked at once.

    LOCAL is not asked. Raises HeadcountError if this machine has no ssh.
    """
    fleet = Fleet([], [])
    for host, answer in _answers(hosts, words, validate.SESSION):
        if isinstance(answer, HostError):
            last = cache.recall(host, now)
            fleet.hosts.append(failed(host, answer, last.time))
            sessions = [_as_unknown(s, host, last.time) for s in last.sessions]
        else:
            sessions = answer
            fleet.hosts.append(answered(host, now))
            cache.remember(host, still_open(answer), now)
        fleet.sessions.extend(_on(session, host) for session in sessions)
    return fleet


def unclean(hosts: Sequence[str], words: Sequence[str], now: float) -> Fleet:
    """Return what `headcount *words* --json` says of sessions that ended uncleanly.

    Each session is one of `recover --json`; the command that resumes it is made here.
    """
    fleet = Fleet([], [])
    for host, answer in _answers(hosts, words, validate.UNCLEAN):
        if isinstance(answer, HostError):
            heard = cache.recall(host, now).time
            fleet.hosts.append(failed(host, answer, heard))
        else:
            fleet.hosts.append(answered(host, now))
            fleet.sessions.extend(_to_go_to(session, host) for session in answer)
    return fleet


def content(reply: Reply) -> dict[str, Any]:
    """Return the object that a host sent; HostError if it cannot be used."""
    if reply.problem:
        too_long = reply.problem == ssh.TOO_LONG
        raise HostError(INVALID if too_long else UNREACHABLE, reply.problem)
    said = printable(_last_line(reply.message), _MAX_MESSAGE)
    if reply.code == ssh.SSH_FAILED:
        raise HostError(UNREACHABLE, said or "ssh failed")
    if reply.code == ssh.NO_COMMAND:
        raise HostError(NO_HEADCOUNT, "it has no headcount")
    if reply.code != 0:
        raise HostError(FAILED, said or f"headcount ended with code {reply.code}")
    try:
        return validate.output(reply.output)
    except validate.OtherVersionError as error:
        raise HostError(OTHER_VERSION, str(error)) from None
    except validate.InvalidOutputError as error:
        raise HostError(INVALID, str(error)) from None


# ---- Answers --------------------------------------------------------------------


def _answers(
    hosts: Sequence[str], words: Sequence[str], shape: Shape
) -> Iterator[tuple[str, list[SessionView] | HostError]]:
    """Yield each host with its sessions, or why it has sent none."""
    remote = [host for host in hosts if host != LOCAL]
    for reply in ssh.ask(remote, [*words, "--json"]):
        try:
            yield reply.host, validate.sessions(content(reply), shape)  # type: ignore[misc]
        except HostError as error:
            yield reply.host, error
        except validate.InvalidOutputError as error:
            yield reply.host, HostError(INVALID, str(error))


def _last_line(message: bytes) -> str:
    lines = message.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def still_open(sessions: list[SessionView]) -> list[SessionView]:
    """Return those worth remembering: a process may have them open."""
    return [
        session
        for session in sessions
        if session["verdict"] in verdict.OPEN and not session["archived"]
    ]


def _on(session: SessionView, host: str) -> SessionView:
    return {"on": host, **session}


def _to_go_to(session: SessionView, host: str) -> SessionView:
    """Return a session that ended uncleanly, with the command that resumes it there."""
    resume = session["resume"]  # type: ignore[typeddict-item]  # one of `recover`
    command = resume and go_command(host, session["session_id"])
    return {**_on(session, host), "resume": command}  # type: ignore[typeddict-unknown-key]


def _as_unknown(session: SessionView, host: str, heard: float | None) -> SessionView:
    since = "its last answer" if heard is None else local_time(heard)
    reason = f"{host} has not been heard from since {since}"
    known: SessionView = {**session, "verdict": "unknown", "processes": []}
    known["reasons"] = [reason]
    if session["state"]:
        was = session_view.state_text(session, None)
        known["reasons"].append(f"it was {was} then")
    return known


# ---- Hosts ----------------------------------------------------------------------


def answered(host: str, now: float) -> Host:
    """Return the *host* as one that answered at *now*."""
    heard = timestamps.from_epoch(now)
    return {"on": host, "status": OK, "message": None, "last_heard": heard}


def failed(host: str, error: HostError, heard: float | None) -> Host:
    """Return the *host* as one that did not answer; *heard* is when it last did."""
    return {
        "on": host,
        "status": error.status,
        "message": str(error),
        "last_heard": None if heard is None else timestamps.from_epoch(heard),
    }


def _row(host: Host, now: float) -> SessionView:
    row: dict[str, Any] = dict.fromkeys((*session_view.KEYS, "worktree", "branch"))
    silence, why = _silence(host, now), str(host["message"])
    label = silence if host["status"] == UNREACHABLE else why
    row.update(on=host["on"], session_id="-", verdict="unknown", reasons=[silence])
    row.update(label=label, stopped=False, path="", archived=False)
    row.update(last_heartbeat=host["last_heard"])
    return row  # type: ignore[return-value]


def _silence(host: Host, now: float) -> str:
    """Return since when nothing was heard, such as `not heard from since 20:14`."""
    heard = timestamps.parse(host["last_heard"])
    if heard is None:
        return "never heard from"
    age = humanize(now - heard)
    return f"not heard from since {local_time(heard)} ({age} ago)"
