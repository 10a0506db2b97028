"""Sessions for other programs: bars, bots, dashboards, MCP servers.

    import headcount

    headcount.waiting()                   the sessions that wait for a person
    headcount.current()                   the session that this process runs under
    headcount.append(id, {"type": ...})   add an entry of your own
    for change in headcount.watch(): ...  every change, as it happens

A session is an object with the keys of `headcount list --json`, and says the same.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, contextmanager, nullcontext
from typing import TYPE_CHECKING

from . import sessions
from .claude import session_status
from .errors import UsageError
from .record.attached import processes_of
from .store import paths
from .system import client_process, process
from .views import changes, lookup, neighbours, session_view
from .views.session_view import last_heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

    from .fleet import poll
    from .fleet.merge import Fleet
    from .model import SessionEntry

    Hosts = str | Collection[str] | None
    Session = session_view.SessionView
else:
    Session = dict

Change = changes.Change
append = sessions.append_to_session

# Of `watchfiles`: the client and our hooks write several files at once.
_DEBOUNCE_MS, _STEP_MS = 50, 10
# No debug output; inotify or kqueue, no polling; also the folders below, and those that
# cannot be read.
_NOTIFY_OPTIONS = (False, False, 300, True, True)


def live(hosts: Hosts = None, *, fleet: bool = False) -> list[Session]:
    """Return the sessions that are open, or may be; the last seen first.

    Those that are closed or dead are left out. *hosts*, names or a text as `--on` takes
    it, asks these hosts over ssh; *fleet* reads what machines share through a server.
    Each session has its host under `on` then, those of a host that does not answer are
    `unknown`, and what is wrong with a host is logged, to the logger `headcount`.

    Raises StoreError if the folder cannot be read; a missing one has no sessions. And
    UsageError for what is not a valid host, and HeadcountError if no host can be asked.
    """
    listed = _source(hosts, fleet=fleet)
    if listed is None:
        discovered = lookup.discover(time.time(), archived=False)
        every = neighbours.annotate(filter(changes.is_open, discovered))
    else:
        known = listed()
        _log(known.problems(time.time()))
        every = [*filter(changes.is_open, known.sessions)]
    return sorted(every, key=last_heartbeat, reverse=True)


def waiting(hosts: Hosts = None, *, fleet: bool = False) -> list[Session]:
    """Return the live sessions that wait for a person; the rest as in `live`."""
    found = live(hosts, fleet=fleet)
    return [s for s in found if session_view.state_of(s) == "waiting"]


def get(session: str, hosts: Hosts = None, *, fleet: bool = False) -> Session:
    """Return the session with this id, beginning of an id, label or name.

    With *hosts* or *fleet*, as in `live`, it may also be `HOST:SESSION`, and one of
    another machine is as `show --json` prints it. Raises SessionNotFoundError, or
    AmbiguousIdError if it names several; else as `live`.
    """
    now = time.time()
    if fleet:
        _check(hosts)
        from .fleet.shared import find as shared

        return shared.find(session, now)  # type: ignore[return-value]
    asked = _names(hosts)
    if not asked:
        return neighbours.annotate([lookup.find(session, now)])[0]
    from .fleet import find

    found = find.find(session, ",".join(asked), now)
    return found if "on" in found else neighbours.annotate([found])[0]  # type: ignore[list-item, return-value]


def current() -> Session | None:
    """Return the session that this process runs under, or None.

    That is the one that its nearest Claude Code ancestor has open now: for a hook, a
    command of the Bash tool, or an MCP server, which outlives a /clear and then runs
    under the next session. Errors as in `live`.
    """
    pid = client_process.find_client(os.environ)
    if pid is None:
        return None
    fingerprint = process.fingerprint(pid)
    candidates = [s for s in live() if _has_open(s, fingerprint)]
    return max(candidates, key=last_heartbeat, default=None)


def _has_open(session: Session, fingerprint: str | None) -> bool:
    return any(
        attached.get("process") == fingerprint and attached.get("state") != "closed"
        for attached in processes_of(session)  # type: ignore[arg-type]
    )


def entries(
    session: str, types: Collection[str] | None = None
) -> Iterator[SessionEntry]:
    """Yield the entries of a session, live or archived, in the order of its file.

    *types* limits them to these types. Errors as in `get`; OSError if the file cannot
    be read.
    """
    path = lookup.find(session, time.time())["path"]
    for entry in sessions.iter_session_jsonl(path):
        if types is None or entry.get("type") in types:
            yield entry


def watch(
    hosts: Hosts = None,
    *,
    fleet: bool = False,
    interval: float = 2.0,
    timeout: float | None = None,
) -> Generator[Change]:
    """Yield each change of the sessions, beginning with those that are open.

    A Change has `event` (`started`, `changed` or `ended`), `session`, and for `changed`
    the previous values, `before`. It comes at once if the package watchfiles is
    installed, else within *interval* seconds; that a process has gone, and anything
    with *hosts* or *fleet*, is noticed within *interval* in either case. Ends after
    *timeout* seconds; None is never. *hosts*, *fleet* and errors as in `live`; a server
    that is away later on only makes all sessions `unknown`.
    """
    poller = _poller(hosts, fleet=fleet)
    with closing(_moments(poller, interval, timeout)) as moments:
        for _ in moments:
            yield from _polled(poller)


def wait_for(
    state: str,
    session: str | None = None,
    hosts: Hosts = None,
    *,
    fleet: bool = False,
    interval: float = 2.0,
    timeout: float | None = None,
) -> Session | None:
    """Return the first session found in *state*, or None after *timeout* seconds.

    *state* is one that `headcount list` shows, such as `waiting`, `idle` or `dead`.
    *session* limits it to one, named as in `get`. *hosts*, *fleet* and errors as in
    `get` and `live`.
    """
    poller = _poller(hosts, fleet=fleet)
    one = None if session is None else _key(get(session, hosts, fleet=fleet))
    with closing(_moments(poller, interval, timeout)) as moments:
        for _ in moments:
            news = _polled(poller)
            found = [*poller.sessions, *(change.session for change in news)]
            if one is not None and one[0] is None:
                found = [get(one[1])]  # it may be archived
            for each in found:
                is_wanted = one is None or _key(each) == one
                if is_wanted and session_view.state_of(each) == state:
                    return each
    return None


def _key(session: Session) -> tuple[str | None, str]:
    return session.get("on"), session["session_id"]


# ---- Other machines -------------------------------------------------------------


def _names(hosts: Hosts) -> list[str]:
    """Return the hosts to ask, none if it is about this machine."""
    if hosts is None:
        return []
    from .fleet import hosts as given

    return given.requested(hosts if isinstance(hosts, str) else ",".join(hosts))


def _check(hosts: Hosts) -> None:
    if hosts is not None:
        raise UsageError("`hosts` and `fleet` exclude each other")


def _source(hosts: Hosts, *, fleet: bool) -> Callable[[], Fleet] | None:
    """Return what asks other machines; None if it is about this one."""
    if fleet:
        _check(hosts)
    asked = _names(hosts)
    if not (asked or fleet):
        return None
    from .fleet import poll  # imports what runs ssh

    return poll.source(asked, fleet=fleet)


def _poller(hosts: Hosts, *, fleet: bool) -> changes.Poller | poll.Poller:
    listed = _source(hosts, fleet=fleet)
    if listed is None:
        return changes.Poller()
    from .fleet import poll

    return poll.Poller(listed)


def _polled(poller: changes.Poller | poll.Poller) -> list[Change]:
    """Return what has changed since the last poll; log new problems of hosts."""
    news = poller.poll(time.time())
    _log(getattr(poller, "problems", ()))
    return news


def _log(problems: Collection[str]) -> None:
    if problems:
        import logging

        for problem in problems:
            logging.getLogger("headcount").warning("%s", problem)


# ---- Time -----------------------------------------------------------------------


def _moments(
    poller: changes.Poller | poll.Poller, interval: float, timeout: float | None
) -> Generator[None]:
    """Yield now, and whenever it is time to look again, until *timeout* has passed.

    A change on this machine does not make it ask all the others.
    """
    until = float("inf") if timeout is None else time.monotonic() + timeout
    is_local = isinstance(poller, changes.Poller)
    watcher = _watcher() if is_local else nullcontext(time.sleep)
    with watcher as pause:  # before the first look, so that nothing is missed
        yield
        while (left := until - time.monotonic()) > 0:
            pause(min(interval, left))
            yield


@contextmanager
def _watcher() -> Iterator[Callable[[float], None]]:
    """Yield what waits that many seconds, or until a session may have changed."""
    client_folder = os.path.join(session_status.config_folder(), "sessions")
    folders = [*filter(os.path.isdir, [paths.SESSIONS_DIR, client_folder])]
    try:
        from watchfiles._rust_notify import RustNotify
    except ImportError:
        folders = []
    if not folders:
        yield time.sleep
        return

    with RustNotify(folders, *_NOTIFY_OPTIONS) as notify:

        def pause(seconds: float) -> None:
            reason = notify.watch(_DEBOUNCE_MS, _STEP_MS, int(seconds * 1000) + 1, None)
            if reason == "signal":
                raise KeyboardInterrupt

        yield pause
