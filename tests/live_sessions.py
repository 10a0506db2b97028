"""Sessions that are alive, what their client says of them, and what commands show.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import json
import time

import pytest
from command_line import write
from support import ID

from lib import sessions
from lib.record import timestamps
from lib.system import process

KEYS = ("state", "waiting_for", "state_since", "name", "name_source", "stopped")
DERIVED = {"name": "shop-39", "nameSource": "derived"}
GIVEN = {"name": "payments", "nameSource": "user"}


def ago(seconds):
    return timestamps.from_epoch(time.time() - seconds)


@pytest.fixture
def client_folder(store):
    """Claude Code's own folder."""
    folder = store.parent / "home/.claude"
    (folder / "sessions").mkdir(parents=True)
    return folder


@pytest.fixture
def begin(store, client_folder, client):
    """Put a session of the client on record, as it was an hour ago; then *entries*."""

    def run(session_id=ID, *entries, pid=client.pid, **changes):
        fields = {
            "pid": pid,
            "process": process.fingerprint(pid),
            "start_time": ago(3600),
            "last_heartbeat": ago(3600),
            "transcript_path": str(client_folder / f"projects/-p/{session_id}.jsonl"),
        }
        path = write(store, session_id, **{**fields, **changes})
        with path.open("a") as file:
            for entry in entries:
                common = {"v": 1, "id": "1" * 16, "session_id": session_id}
                owner = {"pid": pid, "process": fields["process"]}
                whole = {"type": "heartbeat", **common, **owner, **entry}
                file.write(json.dumps(whole) + "\n")
        return path

    return run


@pytest.fixture
def client_says(client_folder, client):
    """Write the client's own session file, with *changes*."""

    def run(session_id=ID, pid=client.pid, **changes):
        kind, fields = process.fields_of(process.fingerprint(pid))
        domain = f"linux:{fields[0]}:pid:[{fields[1]}]" if kind == "linux" else "darwin"
        entry = {
            "pid": pid,
            "sessionId": session_id,
            "procStart": fields[-1],
            "startedAt": int(time.time() * 1000),
            "pidDomain": domain,
            "updatedAt": int(time.time() * 1000) - 720_000,
            "statusUpdatedAt": int(time.time() * 1000) - 720_000,
            **changes,
        }
        path = client_folder / f"sessions/{pid}.json"
        path.write_text(json.dumps(entry))
        return path

    return run


@pytest.fixture
def transcript(client_folder):
    """Write the end of a transcript: a turn that was interrupted *seconds* ago."""

    def run(seconds):
        path = client_folder / f"projects/-p/{ID}.jsonl"
        path.parent.mkdir(parents=True)
        content = [{"type": "text", "text": "[Request interrupted by user]"}]
        message = {"role": "user", "content": content}
        entry = {"type": "user", "message": message, "timestamp": ago(seconds)}
        path.write_text(json.dumps(entry) + "\n")

    return run


@pytest.fixture
def shown(headcount):
    """What all commands and the Python API show of the session, which is the same."""

    def run(session_id=ID):
        views = [
            *json.loads(headcount("list", "--json")[1])["sessions"],
            json.loads(headcount("show", session_id, "--json")[1]),
            *(
                json.loads(line)["session"]
                for line in headcount("watch", "--json", "--timeout", "0s")[1].split(
                    "\n"
                )[:-1]
            ),
            *(
                {"session_id": info.id, **sessions.current_state(info.metadata)}
                for info in sessions.discover_sessions()
            ),
        ]
        found = [
            {key: view[key] for key in KEYS}
            for view in views
            if view["session_id"] == session_id
        ]
        assert len(found) == 4
        assert found.count(found[0]) == 4
        waiting = " waiting" in headcount("statusline")[1]
        assert waiting == (found[0]["state"] == "waiting")
        return found[0]

    return run
