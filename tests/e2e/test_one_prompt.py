"""The record of `claude -p`, the client that a script starts for one prompt."""

from __future__ import annotations

import pytest

from . import fetch


def test_prompt_is_recorded_from_start_to_end(box, records):
    run = box.prompt("RUN: echo hello")

    assert run.stdout == "done.\n"
    session_id = records.only_id()
    assert records.types(session_id) == [
        "session_metadata",
        "heartbeat",
        "turn_close",
        "session_close",
    ]
    metadata = records.entry(session_id, type="session_metadata")
    assert metadata["source"] == "startup"
    assert metadata["cwd"] == metadata["project_dir"] == str(box.project)
    assert metadata["client_version"] == fetch.CURRENT
    assert records.entry(session_id, type="turn_close")["state"] == "idle"
    assert records.entry(session_id, type="session_close")["reason"] == "other"
    assert {entry["pid"] for entry in records.entries(session_id)} == {run.pid}
    assert len({entry["process"] for entry in records.entries(session_id)}) == 1


def test_session_is_alive_and_busy_while_its_tool_runs(box, records):
    run = box.start_prompt("RUN: until [ -e go-on ]; do sleep 0.1; done")
    session_id = records.new_id()
    records.wait_for(session_id, type="heartbeat", state="busy")

    listed = records.listed(session_id)
    (box.project / "go-on").touch()

    assert (listed["verdict"], listed["state"]) == ("alive", "busy")
    assert listed["pid"] == run.finish().pid
    assert records.verdict(session_id) == "dead"


def test_continue_appends_to_the_same_session_file(box, records):
    first = box.prompt("first")
    session_id = records.only_id()
    second = box.prompt("second", "--continue")

    assert records.only_id() == session_id
    assert records.types(session_id).count("session_metadata") == 1
    resumed = records.entry(session_id, type="session_resume")
    assert (resumed["source"], resumed["pid"]) == ("resume", second.pid)
    closed = records.entries(session_id, type="session_close")
    assert [entry["pid"] for entry in closed] == [first.pid, second.pid]


def test_resume_restores_an_archived_session_with_its_history(box, records):
    box.prompt("first")
    session_id = records.only_id()
    cleanup = box.run("headcount", "cleanup")
    assert cleanup.returncode == 0, cleanup.stderr
    assert records.is_archived(session_id)
    history = records.entries(session_id)

    run = box.prompt("second", "--resume", session_id)

    assert run.stdout == "done.\n"
    assert not records.is_archived(session_id)
    assert records.entries(session_id)[: len(history)] == history
    assert records.entry(session_id, type="session_resume")["pid"] == run.pid


def test_compaction_during_a_turn_leaves_the_session_busy(box, records):
    """What is known of it stands further back than a reader of the last lines looks."""
    box.prompt("first")
    session_id = records.only_id()
    bulk = 'printf \'{"text": "%09000d"}\' 0'
    script = f"{bulk} | headcount append {session_id} note.added -\n"
    (box.project / "append.sh").write_text(script)  # the model hears nothing of us

    box.prompt("FULL\nRUN: sh append.sh", "--resume", session_id)

    compacted = records.entry(session_id, type="session_resume", source="compact")
    assert compacted["state"] == "busy"
    last = records.types(session_id)[-4:]
    assert last == ["note.added", "session_resume", "turn_close", "session_close"]


def test_fork_has_its_own_session_file(box, records):
    box.prompt("first")
    original = records.only_id()
    history = records.entries(original)

    run = box.prompt("second", "--resume", original, "--fork-session")

    fork = records.new_id(original)
    metadata = records.entry(fork, type="session_metadata")
    assert (metadata["source"], metadata["pid"]) == ("fork", run.pid)
    assert records.entry(fork, type="session_close")["pid"] == run.pid
    assert records.entries(original) == history


@pytest.mark.parametrize("inner_version", [fetch.CURRENT, "2.1.74"])
def test_client_started_by_a_tool_is_a_separate_session(
    box, records, fetched, inner_version
):
    # The old client does not name its process to its hooks: they inherit the name of
    # the outer one. It also has to be talked into running inside of another.
    inner = f"exec env -u CLAUDECODE {fetched(inner_version)} -p hello"

    outer_run = box.prompt(f"RUN: sh -c 'echo $$ >inner.pid; {inner}'")

    inner_pid = int((box.project / "inner.pid").read_text(encoding="utf-8"))
    pids = [
        {entry["pid"] for entry in records.entries(session_id)}
        for session_id in records.ids()
    ]
    assert sorted(map(sorted, pids)) == [[outer_run.pid], [inner_pid]]
