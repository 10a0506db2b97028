"""Finds the session that a person names, here or on other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import AmbiguousIdError, HeadcountError, SessionNotFoundError
from ..text import printable
from ..views import lookup, session_view
from . import hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..views.session_view import SessionView
    from .ssh import Reply

    # A session of another machine has `on` and is as `show --json` prints it.
    Found = SessionView | dict[str, Any]

# Exit codes of `headcount` on a host.
_NOT_FOUND, _AMBIGUOUS = 3, 4
_MAX_LINES = 21
_MAX_LINE = 400


def find(query: str, given: str | None, now: float) -> Found:
    """Return the session that *query* names, on the hosts *given* or by default.

    `HOST:SESSION` names the host, too, and unless hosts are *given* it is enough. A
    session of this machine has no `on`. Raises SessionNotFoundError, AmbiguousIdError,
    and HeadcountError for a host that gave no answer.
    """
    asked, named = hosts.requested(given), hosts.split(query)
    if not asked:
        try:
            return lookup.find(query, now)
        except SessionNotFoundError:
            if named is None:
                raise
        asked = [named[0]]
    if named is not None and named[0] in asked:
        asked, query = [named[0]], named[1]
    found, problems = _matches(query, asked, now)
    if named is not None and not found and given is None and named[0] not in asked:
        asked, query = [named[0]], named[1]
        found, problems = _matches(query, asked, now)
    option = f"--all --on {','.join(asked)}"
    return only(query, found, problems, f"on {', '.join(asked)}", option)


def only(
    query: str, found: list[Found], problems: list[str], where: str, option: str
) -> Found:
    """Return the one session in *found*, which are those that *query* names.

    *where* is where they were looked for, and `list` with *option* shows all of them.
    Raises AmbiguousIdError, HeadcountError with the *problems*, if there are any, or
    SessionNotFoundError.
    """
    matches = [each for each in found if not each["archived"]] or found
    if len(matches) > 1:
        hosts_of = {each.get("on") for each in matches}
        is_on_each = len(hosts_of) == len(matches)
        many = f"a session on each of {len(matches)} hosts; name one as HOST:SESSION"
        some = f"{len(matches)} sessions; give HOST:SESSION, with more of the id"
        raise AmbiguousIdError(
            f"{query} matches {many if is_on_each else some}",
            [_candidate(each) for each in matches[:_MAX_LINES]],
        )
    if matches:
        return matches[0]
    if problems:
        raise HeadcountError("; ".join(problems))
    raise SessionNotFoundError(
        f"no session {query} {where}; `headcount list {option}` shows every session"
    )


def _matches(
    query: str, asked: Sequence[str], now: float
) -> tuple[list[Found], list[str]]:
    """Return the session of each host that *query* names, and what went wrong."""
    from . import merge, ssh  # most commands are about this machine alone

    found: list[Found] = []
    problems = []
    remote = [host for host in asked if host != hosts.LOCAL]
    for reply in ssh.ask(remote, ["show", "--json", "--", query]):
        try:
            found += _details(reply)
        except merge.HostError as error:
            problems.append(f"{reply.host}: {error}")
    if hosts.LOCAL in asked:
        try:
            found.append(lookup.find(query, now))
        except SessionNotFoundError:
            pass
    return found, problems


def _details(reply: Reply) -> list[Found]:
    """Return the session in *reply*, if there is one.

    Raises HostError, and if several match there AmbiguousIdError with what the host
    says.
    """
    from . import merge, validate

    if reply.code == _NOT_FOUND:
        return []
    if reply.code == _AMBIGUOUS:
        lines = reply.message.decode(errors="replace").splitlines()[:_MAX_LINES]
        _, *candidates = [printable(line, _MAX_LINE) for line in lines] or [""]
        raise AmbiguousIdError(
            f"several sessions on {reply.host} match; give more of the id", candidates
        )
    content = merge.content(reply)
    try:
        details = validate.session(content, validate.DETAILS)
    except validate.InvalidOutputError as error:
        raise merge.HostError(merge.INVALID, str(error)) from None
    if details["resume"]:  # to be pasted, so it is made here
        details["resume"] = hosts.go_command(reply.host, details["session_id"])
    return [{"on": reply.host, **details}]


def _candidate(session: Found) -> str:
    state = "archived" if session["archived"] else session_view.state_of(session)  # type: ignore[arg-type]
    name = f"{session.get('on', hosts.LOCAL)}:{session['session_id']}"
    cells = (f"{state:<8}", session_view.name_of(session), session["cwd"])  # type: ignore[arg-type]
    return f"  {name}  {'  '.join(filter(None, cells))}".rstrip()
