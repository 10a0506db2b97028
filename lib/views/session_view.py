"""A session as commands see it: one object, as `list --json` prints it.

It contains the folded metadata, the verdict, what the session is doing now, and the
path of the file. None stands for a value that is not known.
"""

from __future__ import annotations

import os

from ..claude import live_state
from ..record import timestamps
from ..system import git, shell
from ..text import humanize

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import Any

    from ..claude.clients import Client
    from ..model import LiveState, SessionDetails, SessionInfo, VerdictName

    class _Known(LiveState):
        """The keys that every session has."""

        session_id: str
        verdict: VerdictName | None
        pid: int | None
        cwd: str | None
        label: str | None
        start_time: str | None
        last_heartbeat: str | None
        path: str
        archived: bool

    class SessionView(_Known, SessionDetails, total=False):
        """A session as `list --json` prints it; a key that is not there is unknown."""

        process: str
        host: str
        machine: str
        # What `neighbours.annotate` adds.
        worktree: str | None
        subfolder: str | None
        processes: list[int]
        same_worktree: list[str]
        same_worktree_count: int
        on: str  # the host that it is on, if hosts were asked


# The keys that every session has.
KEYS = (
    *("session_id", "verdict", "reasons", "state", "waiting_for", "state_since"),
    *("stopped", "pid", "cwd", "label", "name", "name_source"),
    *("start_time", "last_heartbeat", "path", "archived"),
)
_UNKNOWN: dict[str, Any] = {**dict.fromkeys(KEYS), "stopped": False}


def to_object(
    info: SessionInfo,
    verdict: tuple[VerdictName, tuple[str, ...]] | None,
    *,
    archived: bool,
) -> SessionView:
    """Return the session as one object; *verdict* is None if it is unreadable."""
    file = {"session_id": info.id, "path": os.fspath(info), "archived": archived}
    if verdict is None or info.metadata is None:
        reasons = ["its file holds no valid metadata, or cannot be read"]
        session: dict[str, Any] = {**_UNKNOWN, **file, "reasons": reasons}
        return session  # type: ignore[return-value]
    name, why = verdict
    read = live_state.of_alive if name == "alive" else live_state.on_record
    current = read(info.metadata)
    reasons = [*why, *current["reasons"]]
    session = {**_UNKNOWN, **info.metadata, **current, **file}
    session["verdict"], session["reasons"] = name, reasons
    return session  # type: ignore[return-value]


def state_of(session: SessionView) -> str:
    """Return the state of a live session, else its verdict, in one word.

    Of those that are dead, the ones that were closed are `closed`.
    """
    verdict, state = session["verdict"], session["state"]
    if verdict == "alive" or (verdict == "dead" and state == "closed"):
        return str(state)
    return verdict or "unreadable"


def is_in(session: SessionView, states: Collection[str]) -> bool:
    """Whether the session is in one of *states*, as `--state` takes them.

    `alive` stands for any state of a session that is alive.
    """
    is_alive = "alive" in states and session["verdict"] == "alive"
    return is_alive or state_of(session) in states


def last_heartbeat(session: SessionView) -> str:
    """Return the last heartbeat, or "" without one; as text they sort by time."""
    return session["last_heartbeat"] or ""


def awaiting_trust(client: Client) -> SessionView:
    """Return a *client* that asks whether to trust its folder, as if it were a session.

    It has none before a person answers: there is no file, and the id is "-".
    """
    row: dict[str, Any] = dict.fromkeys(KEYS)
    started = timestamps.from_epoch(client.started)
    row.update(session_id="-", verdict="alive", reasons=[], stopped=False, path="")
    row.update(state="waiting", waiting_for="trust", state_since=started)
    row.update(pid=client.pid, cwd=client.cwd, start_time=started, archived=False)
    return row  # type: ignore[return-value]


def state_text(session: Mapping[str, Any], now: float | None) -> str:
    """Return the state with its details, such as `waiting (permission, 12 min)`.

    Without *now*, how long the session has been in it is left out.
    """
    since = None if now is None else timestamps.parse(session["state_since"])
    details = [
        "stopped" if session["stopped"] else None,
        session["waiting_for"],
        None if since is None or now is None else humanize(now - since),
    ]
    text = ", ".join(filter(None, details))
    return f"{session['state']} ({text})" if text else str(session["state"])


def name_of(session: SessionView) -> str | None:
    """Return the label, else the name that the client shows; None without either."""
    return session["label"] or session["name"]


def reason_of(session: SessionView) -> str:
    """Return the first reason for the verdict; another machine may give none at all."""
    return next(iter(session["reasons"]), "no reason is known")


def place_of(session: SessionView) -> tuple[str | None, str | None]:
    """Return the session's worktree and branch.

    For an unreadable session, the path of its file and None.
    """
    if session["verdict"] is None:
        return session["path"], None
    if not session["cwd"]:
        return None, None
    if "worktree" in session:
        return session["worktree"], session["branch"]
    worktrees = git.Worktrees()
    root = worktrees.root(session["cwd"])
    return root, session.get("branch") or worktrees.branch(root)


def folder_gone(session: SessionView) -> bool:
    """Whether the folder of the session does not exist."""
    return bool(session["cwd"]) and not os.path.isdir(session["cwd"])  # type: ignore[arg-type]


def transcript_gone(session: SessionView) -> bool:
    """Whether the transcript does not exist, without which nothing can be resumed."""
    transcript = session.get("transcript_path", "")
    return bool(transcript) and not os.path.exists(transcript)


def resume_command(session: SessionView) -> str | None:
    """Return the shell command that resumes the session, in its folder if that exists.

    Else in a folder of its repository, where 2.1.200 and later find an id. Without one
    it names no folder: 2.1.332 finds an id from anywhere. None if the name of the
    folder is not safe to print; `no_command` says so.
    """
    resume = shell.command("claude", "--resume", session["session_id"])
    folder = resume_folder(session)
    if folder is None or resume is None:
        return resume
    change = shell.command("cd", "--", folder)
    return change and f"{change} && {resume}"


def no_command(session: SessionView) -> str:
    """Return why `resume_command` gives none, and what to do instead."""
    return (
        "no command: the name of its folder has characters that are not safe to print; "
        f"`headcount resume {session['session_id']}` resumes it there"
    )


def resume_folder(session: SessionView) -> str | None:
    """Return the folder to resume the session in; None if none is left."""
    named = (session["cwd"], session.get("project_dir"))
    folders = [folder for folder in named if folder and os.path.isabs(folder)]
    for folder in folders:
        if os.path.isdir(folder):
            return folder
    roots = map(git.Worktrees().root, folders)
    return next(filter(os.path.isdir, roots), None)
