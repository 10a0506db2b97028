"""Who works where: the worktree and branch of each session, and collisions.

Two live sessions in one worktree, or one session open in two processes, can
overwrite each other's work.
"""

from __future__ import annotations

from ..record import verdict
from ..system import git

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import SessionMetadata
    from .session_view import SessionView

MAX_NAMED = 10  # with a thousand sessions in one worktree, each would name a thousand
MAX_READ = 200  # how many files a hook reads to find the live sessions


def live_in(
    worktree: str, sessions: Iterable[SessionMetadata], now: float
) -> list[SessionMetadata]:
    """Return those of *sessions* that are alive at *now* and work in *worktree*.

    *worktree* is a real path, as the folders of sessions are that clients record. Those
    of sessions elsewhere are not looked at: their disk may not answer.
    """
    worktrees = git.Worktrees()
    return [
        metadata
        for metadata in sessions
        if "cwd" in metadata
        and worktrees.is_root_of(worktree, metadata["cwd"])
        and verdict.judge(metadata, now)[0] == "alive"
    ]


def annotate(sessions: Iterable[SessionView]) -> list[SessionView]:
    """Add to each of *sessions* where it works, and what it collides with; return them.

    `worktree`, the `subfolder` of it that it is in (None for the root), and `branch`;
    `processes`, the pids that have it open; `same_worktree`, the ids of other live
    sessions in its worktree (at most MAX_NAMED, the latest heartbeat first), and
    `same_worktree_count`, their number.
    """
    worktrees = git.Worktrees()
    places = [(locate(session, worktrees), session) for session in sessions]
    annotated = [session for _, session in places]
    for session in annotated:
        session["same_worktree"] = []
        session["same_worktree_count"] = 0
    link(places)
    return annotated


def same_worktree(
    session: SessionView, others: Iterable[SessionView]
) -> list[SessionView]:
    """Return the live ones of *others* in the worktree of *session*.

    All are annotated. The latest heartbeat comes first.
    """
    root = session["worktree"]
    live = filter(_is_live, others) if root else ()
    return _latest_first([other for other in live if other["worktree"] == root])


def locate(session: SessionView, worktrees: git.Worktrees) -> str | None:
    """Add to *session* where it works, and return its worktree if it is live."""
    cwd, is_live = session["cwd"], _is_live(session)
    root, subfolder = worktrees.place(cwd) if cwd else (None, None)
    session["worktree"] = root
    session["subfolder"] = subfolder
    # Of a live session the branch is that of now, of any other the one on record.
    if root and (is_live or not session.get("branch")):
        session["branch"] = worktrees.branch(root)
    else:
        session.setdefault("branch", None)
    session["processes"] = _processes(session) if is_live else []
    return root if is_live else None


def _is_live(session: SessionView) -> bool:
    return session["verdict"] == "alive" and not session["archived"]


def _processes(session: SessionView) -> list[int]:
    if session["pid"] and not session.get("others"):
        return [session["pid"]]
    return [process["pid"] for process in verdict.running_processes(session)]  # type: ignore[arg-type]


def link(places: Iterable[tuple[str | None, SessionView]]) -> None:
    """Tell each session about the others in its worktree, given what `locate` returns.

    Of each, only the id and the last heartbeat are needed.
    """
    live: dict[str, list[SessionView]] = {}
    for root, session in places:
        if root:
            live.setdefault(root, []).append(session)
    for group in live.values():
        if len(group) > 1:
            _link_all(group)


def _link_all(group: list[SessionView]) -> None:
    latest = _latest_first(group)[: MAX_NAMED + 1]
    ids = [session["session_id"] for session in latest]
    for session in group:
        own = session["session_id"]
        others = [session_id for session_id in ids if session_id != own]
        session["same_worktree"] = others[:MAX_NAMED]
        session["same_worktree_count"] = len(group) - 1


def _latest_first(sessions: list[SessionView]) -> list[SessionView]:
    from .session_view import last_heartbeat  # not for the notice of a session's start

    return sorted(sessions, key=last_heartbeat, reverse=True)
