"""Clients that people may still have; each is known to behave a little differently."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("version", ["2.0.45", "2.1.74", "2.1.200"])
def test_older_client_records_its_resume_and_fork(box, records):
    first = box.prompt("RUN: echo hello")
    session_id = records.only_id()
    second = box.prompt("second", "--resume", session_id)

    assert first.stdout == second.stdout == "done.\n"
    assert records.only_id() == session_id
    assert records.types(session_id) == [
        *("session_metadata", "heartbeat", "turn_close", "session_close"),
        *("session_resume", "heartbeat", "turn_close", "session_close"),
    ]
    pids = [entry["pid"] for entry in records.entries(session_id)]
    assert pids == [first.pid] * 4 + [second.pid] * 4

    # These say that they resume the old session, and go on under a new id in silence.
    forked = box.prompt("third", "--resume", session_id, "--fork-session")

    fork = records.new_id(session_id)
    metadata = records.entry(fork, type="session_metadata")
    assert (metadata["source"], metadata["pid"]) == ("adopted", forked.pid)
    assert metadata["previous_session_id"] == session_id
    assert records.entry(fork, type="session_close")["pid"] == forked.pid
    left = records.entries(session_id)[-1]
    assert (left["reason"], left["pid"]) == ("replaced", forked.pid)
    assert records.verdict(session_id) == "dead"
