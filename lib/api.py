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
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from . import sessions
from .claude import session_status
from .record.attached import processes_of
from .store import paths
from .system import client_process, process
from .views import changes, lookup, neighbours, session_view
from .views.session_view import last_heartbeat

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator

    from .model import SessionEntry

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


def live() -> list[Session]:
    """Return the sessions that are open, or may be; the last seen first.

    Those that are closed or dead are left out. Raises StoreError if the folder cannot
    be read; a missing one has no sessions.
    """
    discovered = lookup.discover(time.time(), archived=False)
    every = neighbours.annotate(filter(changes.is_open, discovered))
    return sorted(every, key=last_heartbeat, reverse=True)


def waiting() -> list[Session]:
    """Return the live sessions that wait for a person; errors as in `live`."""
    return [s for s in live() if session_view.state_of(s) == "waiting"]


def get(session: str) -> Session:
    """Return the session with this id, beginning of an id, label or name.

    Raises SessionNotFoundError, or AmbiguousIdError if it names several.
    """
    return neighbours.annotate([lookup.find(session, time.time())])[0]


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


def watch(*, interval: float = 2.0, timeout: float | None = None) -> Generator[Change]:
    """Yield each change of the sessions, beginning with those that are open.

    A Change has `event` (`started`, `changed` or `ended`), `session`, and for `changed`
    the previous values, `before`. It comes at once if the package watchfiles is
    installed, else within *interval* seconds; that a process has gone is noticed within
    *interval* in either case. Ends after *timeout* seconds; None is never. Errors as in
    `live`.
    """
    poller = changes.Poller()
    with closing(_moments(interval, timeout)) as moments:
        for _ in moments:
            yield from poller.poll(time.time())


def wait_for(
    state: str,
    session: str | None = None,
    *,
    interval: float = 2.0,
    timeout: float | None = None,
) -> Session | None:
    """Return the first session found in *state*, or None after *timeout* seconds.

    *state* is one that `headcount list` shows, such as `waiting`, `idle` or `dead`.
    *session* limits it to one, named as in `get`. Errors as in `get` and `live`.
    """
    poller = changes.Poller()
    one = None if session is None else get(session)["session_id"]
    with closing(_moments(interval, timeout)) as moments:
        for _ in moments:
            found = _polled(poller) if one is None else [get(one)]
            for each in found:
                if session_view.state_of(each) == state:
                    return each
    return None


def _polled(poller: changes.Poller) -> list[Session]:
    """Return the sessions now, and those that were archived since the last poll."""
    news = poller.poll(time.time())
    return [*poller.sessions, *(change.session for change in news)]


def _moments(interval: float, timeout: float | None) -> Generator[None]:
    """Yield now, and whenever it is time to look again, until *timeout* has passed."""
    until = float("inf") if timeout is None else time.monotonic() + timeout
    with _watcher() as pause:  # before the first look, so that nothing is missed
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
