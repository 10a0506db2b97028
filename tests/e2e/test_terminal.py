"""The record of clients that people sit in front of."""

from __future__ import annotations

import json

from .client import wait_until
from .records import Records
from .situations import Stage


def test_clear_closes_the_session_and_begins_a_new_one(box, records):
    terminal = box.terminal()
    old = records.new_id()
    terminal.type("/clear")
    new = records.new_id(old)

    assert records.wait_for(old, type="session_close")["reason"] == "clear"
    metadata = records.entry(new, type="session_metadata")
    assert metadata["source"] == "clear"
    assert metadata["previous_session_id"] == old
    assert metadata["pid"] == terminal.pid
    assert records.entry(old, type="session_metadata")["pid"] == terminal.pid
    wait_until(
        lambda: terminal.own_entry().get("sessionId") == new, "the client agrees"
    )
    assert records.verdict(old) == "dead"
    assert records.verdict(new) == "alive"

    terminal.exit()
    assert records.entry(new, type="session_close")["reason"] == "prompt_input_exit"
    assert records.verdict(new) == "dead"


def test_compaction_of_a_long_session_keeps_its_other_metadata(box, records):
    """What is known stands further back than a reader of the last lines looks."""
    terminal = box.terminal()
    session_id = records.new_id()
    for _ in range(3):
        terminal.ask("hello")
    box.run("headcount", "label", session_id, "nightly")
    fields = json.dumps({"text": "x" * 9000})
    box.run("headcount", "append", session_id, "note.added", fields)
    before = records.listed(session_id)

    terminal.type("/compact")

    resumed = records.wait_for(session_id, type="session_resume", source="compact")
    assert (resumed["pid"], resumed["state"]) == (terminal.pid, "idle")
    box.run("headcount", "append", session_id, "note.added", fields)
    after = records.listed(session_id)
    for key in ("verdict", "state", "label", "pid", "process", "cwd", "start_time"):
        assert after[key] == before[key]
    assert (after["label"], after["state"]) == ("nightly", "idle")
    assert records.entries(session_id, type="session_close") == []


def test_closing_the_terminal_window_closes_the_session(box, records):
    terminal = box.terminal()
    session_id = records.new_id()

    terminal.close()

    closed = records.entry(session_id, type="session_close")
    assert (closed["reason"], closed["pid"]) == ("other", terminal.pid)


def test_killed_session_is_archived_at_the_next_start(box, records):
    terminal = box.terminal()
    killed = records.new_id()
    assert records.verdict(killed) == "alive"

    terminal.kill()
    assert records.verdict(killed) == "dead"
    assert not records.is_archived(killed)

    box.prompt("next")
    assert records.is_archived(killed)
    assert "session_close" not in records.types(killed)


def test_session_is_alive_while_either_of_its_two_processes_runs(box, records):
    box.prompt("first")
    session_id = records.only_id()
    first = box.terminal("--resume", session_id)
    records.wait_for(session_id, type="session_resume", pid=first.pid)
    second = box.terminal("--resume", session_id)

    second.wait_for("SessionStart:resume says:")
    assert "SessionStart:resume says:" not in first.screen()
    pids = [e["pid"] for e in records.entries(session_id, type="session_resume")]
    assert pids == [first.pid, second.pid]
    assert records.verdict(session_id) == "alive"

    second.exit()
    assert records.verdict(session_id) == "alive"

    first.kill()
    assert records.verdict(session_id) == "dead"


def test_session_waits_while_it_asks_for_permission(box, records):
    terminal = box.terminal("--permission-mode", "default")
    session_id = records.new_id()
    terminal.type("RUN: touch made")
    terminal.wait_for("Do you want to proceed?")

    records.wait_for(session_id, event="Notification", state="waiting")
    assert records.listed(session_id)["state"] == "waiting"

    terminal.press("Enter")
    records.wait_for(session_id, type="turn_close", state="idle")
    assert (box.project / "made").exists()
    records.entry(session_id, type="heartbeat", event="PostToolUse", state="busy")
    # The client says so in its own file up to a second after the hook of Stop.
    wait_until(lambda: records.listed(session_id)["state"] == "idle", "idle in list")


def test_second_session_in_a_worktree_gets_a_notice_of_the_first(box, records):
    first = box.terminal()
    first_id = records.new_id()
    other_tree = box.terminal(cwd=box.add_project("other"))
    second = box.terminal()

    screen = second.wait_for("SessionStart:startup says:")
    assert first_id[:8] in screen
    assert "says:" not in first.screen()
    assert "says:" not in other_tree.screen()

    # What the user was told, the model was not: the box looks at its request.
    second.ask("hello")


def test_slow_hook_of_a_tool_neither_delays_the_turn_nor_undoes_its_end(
    program, installed
):
    with Stage(program, *installed) as stage:
        path = stage.box.home / ".claude/settings.json"
        settings = json.loads(path.read_text())
        (hook,) = settings["hooks"]["PostToolUse"][0]["hooks"]
        gate, end = stage.script / "gate", stage.script / "end"
        command = hook["command"].removesuffix("# headcount")
        wait = f"until [ -e {gate} ]; do sleep 0.1; done"
        hook["command"] = f"{wait}; {command}; touch {end}"
        path.write_text(json.dumps(settings))

        records = Records(stage.box)
        terminal = stage.box.terminal("--allowedTools=Bash")
        session_id = records.new_id()
        terminal.ask("RUN: true")
        records.wait_for(session_id, type="turn_close", state="idle")
        assert not end.exists()

        gate.touch()
        wait_until(end.exists, "the hook's end")
        assert records.entries(session_id)[-1]["state"] == "idle"
        assert records.errors() == ""
        assert "hook" not in terminal.screen().lower()
        assert "headcount" not in stage.box.requests_path.read_text().lower()
