"""Going on with a session, or creating it: what the first event of a process does."""

from __future__ import annotations

import os

from ..record import entries, schema
from .journal import DEFAULT_LOCK_POLICY, LockPolicy
from .session_file import SessionFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..model import SessionMetadata

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
    timeout: float | LockPolicy = DEFAULT_LOCK_POLICY,
) -> None:
    """Create the session, or if it is on record, live or archived, resume it.

    For hooks: the upsert behind SessionStart and behind every event that comes first.
    The parameters are those of `sessions.create_session`; *timeout* is how long to wait
    for each lock, in seconds, or a LockPolicy. The session that the same process had
    open until now, if any, becomes `previous_session_id`, and is closed if it was not.

    Raises InvalidSessionIdError, LockTimeoutError, StoreError, OSError.
    """
    file = SessionFile(session_id, timeout)
    pid = os.getpid() if pid is None else pid
    previous = _previous_session(session_id, source, pid)
    fields: dict[str, object] = {
        "cwd": cwd,
        "source": source,
        "previous_session_id": previous["session_id"] if previous else None,
        "project_dir": project_dir,
        "transcript_path": transcript_path,
        "entrypoint": entrypoint,
        "client_version": client_version,
    }
    _create_or_resume(file, session_id, pid, fields)
    if previous is not None and previous.get("state") != "closed":
        _close_replaced(SessionFile(previous["session_id"], timeout), pid)


def _previous_session(session_id: str, source: str, pid: int) -> SessionMetadata | None:
    if source in _SAME_OR_NEW:
        return None
    from .reader import last_of_process

    return last_of_process(pid, exclude=session_id)


def _create_or_resume(
    file: SessionFile, session_id: str, pid: int, fields: dict[str, object]
) -> None:
    if file.read_or_none() is None:
        first = entries.metadata_entry(session_id, pid, {**fields, "tasks": []})
        if file.create_or_repair(first):
            return
    file.append_with(lambda session: entries.resume_entry(session, pid, fields))


def _close_replaced(file: SessionFile, pid: int) -> None:
    fields = {"reason": "replaced"}
    file.append_with(
        lambda session: entries.lifecycle_entry(session, schema.CLOSE, pid, fields)
    )
