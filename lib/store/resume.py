"""Going on with a session, or creating it: what the first event of a process does."""

from __future__ import annotations

import os

from ..errors import SessionNotFoundError
from ..record import entries
from .journal import DEFAULT_LOCK_POLICY, LockPolicy
from .session_file import SessionFile

# A compacted session continues, and a process that starts has had no other session.
_SAME_OR_NEW = ("compact", "startup")


def resume_session(  # noqa: PLR0913  # most are fields of line 1
    session_id: str,
    *,
    source: str,
    pid: int | None = None,
    cwd: str | None = None,
    project_dir: str | None = None,
    transcript_path: str | None = None,
    entrypoint: str | None = None,
    client_version: str | None = None,
    name: str | None = None,
    branch: str | None = None,
    observed_at: float | None = None,
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> bool:
    """Create the session, or if it is on record, live or archived, resume it.

    For hooks: the upsert behind SessionStart and behind every event that comes first.
    The parameters are those of `sessions.create_session`. *name* is what a person calls
    the session in the client, *branch* what is checked out in its worktree; an empty
    text removes either. *observed_at* is that of `sessions.update_heartbeat`. *timeout*
    is how long to wait for each lock, in seconds, or a LockPolicy. The session that the
    same process had open until now, if any, becomes `previous_session_id`, and is
    closed if it was not. Returns whether anything was written.

    Raises InvalidSessionIdError, LockTimeoutError, StoreError, OSError.
    """
    file = SessionFile(session_id, timeout)
    pid = os.getpid() if pid is None else pid
    previous = None
    if source not in _SAME_OR_NEW:
        from .reader import last_of_process

        previous = last_of_process(pid, exclude=session_id)
    fields: dict[str, object] = {
        "cwd": cwd,
        "source": source,
        "previous_session_id": previous["session_id"] if previous else None,
        "project_dir": project_dir,
        "transcript_path": transcript_path,
        "entrypoint": entrypoint,
        "client_version": client_version,
        "name": name,
        "branch": branch,
    }
    is_written = _create_or_resume(file, session_id, pid, fields, observed_at)
    if previous is not None and previous.get("state") != "closed":
        SessionFile(previous["session_id"], timeout).close(pid, "replaced", observed_at)
    return is_written


def _create_or_resume(
    file: SessionFile,
    session_id: str,
    pid: int,
    fields: dict[str, object],
    observed_at: float | None,
) -> bool:
    try:
        file.read()
    except SessionNotFoundError:
        known = {key: value or None for key, value in fields.items()}
        first = entries.metadata_entry(session_id, pid, {**known, "tasks": []})
        if file.create_or_repair(first):
            return True
    return file.append_with(
        lambda session: entries.resume_entry(session, pid, fields), observed_at
    )
