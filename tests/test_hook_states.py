"""What the installed hooks record of a session's state: which, for what, since when."""

from __future__ import annotations

import json
import time

import pytest
from support import (
    ID,
    Client,
    errors,
    hook_command,
    lines,
    only_with_proc,
    payload,
)

from lib import sessions
from lib.claude import events, lateness
from lib.record import timestamps
from lib.system import proc, process

SCRIPT_OF = {event.name: event.script for event in events.EVENTS if event.script}
PRIVATE = "xyzzy-private"
# The only texts of a payload that may be recorded.
RECORDED = ("hook_event_name", "session_id", "cwd", "transcript_path", "source")
RECORDED += ("reason", "session_title")


class Terminal:
    """A client, the file it keeps about itself, and the hooks that it runs."""

    def __init__(self, client, folder):
        self.client = client
        self.path = folder / f"sessions/{client.pid}.json"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.transcript = str(folder / f"projects/-p/{ID}.jsonl")

    def fire(self, event, /, env=None, **fields):
        """Run the hook of an event; return what it printed."""
        if event == "PostToolUse":  # a tool takes its time
            time.sleep(2 * lateness.FASTEST_TOOL_SECONDS)
        given = {**payload(event), "transcript_path": self.transcript, **fields}
        script = hook_command(SCRIPT_OF[event])
        done = self.client.run(script, json.dumps(given), env=env)
        assert (done["status"], done["stderr"]) == (0, "")
        return done["stdout"]

    def say(self, status, **fields):
        """Let the client's own file say that, and run FileChanged."""
        self.write(status=status, **fields)
        self.fire("FileChanged", file_path=str(self.path), event="change")

    def write(self, **fields):
        fingerprint = process.fingerprint(self.client.pid)
        own = {"pid": self.client.pid, "procStart": fingerprint.rpartition(":")[2]}
        own |= {"sessionId": ID, "startedAt": time.time() * 1000}
        self.path.write_text(json.dumps({**own, **fields}))


@pytest.fixture
def terminal(client, tmp_path):
    return Terminal(client, tmp_path / "config")


@pytest.fixture
def last(store):
    """Return the last entry of the session, in its state as `state/waiting_for`."""

    def last():
        entry = lines(store / f"{ID}.jsonl")[-1]
        return entry["event"], "/".join(
            filter(None, (entry["state"], entry.get("waiting_for")))
        )

    return last


def metadata(session_id=ID):
    return {info.id: info.metadata for info in sessions.discover_sessions()}[session_id]


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("UserPromptSubmit_p", "busy"),
        ("PostToolUse_Bash", "busy"),
        ("PermissionRequest", "waiting/permission"),
        ("PermissionRequest_Bash_in_subagent", "waiting/permission"),
        ("PermissionRequest_AskUserQuestion", "waiting/question"),
        ("PermissionRequest_ExitPlanMode", "waiting/plan"),
        ("Notification_permission_prompt", "waiting/permission"),
        ("v2.1.74_Notification_permission_prompt", "waiting/permission"),
        ("Notification_elicitation_dialog", "waiting/elicitation"),
        ("Notification_agent_needs_input", "waiting/dialog"),
        ("Notification_idle_prompt", "idle"),
        ("Elicitation", "waiting/elicitation"),
        ("Stop", "idle"),
        ("v2.1.200_Stop_with_background_task", "busy"),
        ("StopFailure_401", "idle"),
        ("StopFailure_429", "idle"),
        ("StopFailure_500", "idle"),
    ],
)
def test_hook_records_the_state_of_each_recorded_payload(
    store, terminal, payloads, last, name, state
):
    recorded = json.loads((payloads / f"{name}.json").read_text())["payload"]
    event = recorded["hook_event_name"]
    terminal.fire("SessionStart")
    if state != "busy":
        terminal.fire("UserPromptSubmit")
    assert terminal.fire(event, **{**recorded, "session_id": ID}) == ""
    assert last() == (event, state)
    assert errors(store) == ""


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("PostToolUse_Bash", "busy"),
        ("PostToolUse_in_subagent", "busy"),
        ("ElicitationResult_cancel", "busy"),
        ("Notification_elicitation_response", "busy"),
        ("UserPromptSubmit_p", "busy"),
        ("Stop", "idle"),
        ("StopFailure_429", "idle"),
        ("Notification_permission_prompt", "waiting/question"),
        ("Notification_agent_needs_input", "waiting/question"),
    ],
)
def test_hook_ends_a_wait_or_keeps_what_it_is_for(
    terminal, payloads, last, name, state
):
    recorded = json.loads((payloads / f"{name}.json").read_text())["payload"]
    terminal.fire("PermissionRequest", tool_name="AskUserQuestion")
    event = recorded["hook_event_name"]
    terminal.fire(event, **{**recorded, "session_id": ID})
    assert last() == (event, state)


def test_hook_of_a_subagent_begins_no_turn(terminal):
    terminal.fire("SessionStart")
    for event in ("PostToolUse", "Stop", "Notification"):
        terminal.fire(event, agent_id="a74", notification_type="idle_prompt")
    assert metadata()["state"] == "idle"
    terminal.fire("UserPromptSubmit")
    terminal.fire("Stop", agent_id="a74")
    assert metadata()["state"] == "busy"


@pytest.mark.parametrize(
    ("status", "waiting_for", "state"),
    [
        pytest.param("idle", None, "idle", id="esc"),
        pytest.param("waiting", "permission prompt", "waiting/permission", id="asks"),
        pytest.param("waiting", "input needed", "waiting/question", id="question"),
        pytest.param("waiting", "dialog open", "waiting/dialog", id="dialog"),
        pytest.param("waiting", "worker request", "waiting/other", id="other"),
    ],
)
def test_file_changed_records_what_the_client_says(
    terminal, last, status, waiting_for, state
):
    terminal.fire("UserPromptSubmit")
    terminal.say(status, waitingFor=waiting_for)
    assert last() == ("FileChanged", state)


def test_file_changed_that_says_nothing_new_is_skipped(store, terminal):
    terminal.fire("UserPromptSubmit")
    for _ in range(2):
        terminal.say("busy")
        terminal.say("gardening")
        terminal.say("idle", sessionId="another")
    assert len(lines(store / f"{ID}.jsonl")) == 2


def test_file_changed_does_not_open_a_closed_session(store, terminal):
    terminal.fire("UserPromptSubmit")
    terminal.fire("SessionEnd", reason="other")
    terminal.say("idle")
    assert metadata()["state"] == "closed"
    assert errors(store) == ""


def test_idle_prompt_leaves_a_session_busy_whose_work_goes_on(terminal, last):
    terminal.fire("Stop", background_tasks=[{"type": "shell", "status": "running"}])
    terminal.write(status="shell")
    terminal.fire("Notification", notification_type="idle_prompt")
    assert last() == ("Notification", "busy")


RUNNING = [{"id": "b1", "type": "shell", "status": "running"}]


@pytest.mark.parametrize(
    ("tasks", "status", "state"),
    [
        pytest.param(RUNNING, "busy", "busy", id="beside-a-subagent"),
        pytest.param(RUNNING, "shell", "busy", id="beside-a-shell"),
        pytest.param(RUNNING, "idle", "idle", id="work-is-over"),
        pytest.param([], "busy", "idle", id="file-is-late"),
        pytest.param(RUNNING, None, "idle", id="file-has-no-status"),
    ],
)
def test_turn_that_failed_leaves_a_session_busy_whose_work_goes_on(
    terminal, last, tasks, status, state
):
    terminal.fire("UserPromptSubmit")
    terminal.fire("Stop", background_tasks=tasks)
    terminal.fire("UserPromptSubmit")
    terminal.write(**({"status": status} if status else {}))
    terminal.fire("StopFailure")
    assert last() == ("StopFailure", state)
    terminal.say("idle")
    assert metadata()["state"] == "idle"


def test_dialog_that_the_person_opens_counts_only_in_a_turn(terminal, last):
    dialog = {"status": "waiting", "waitingFor": "dialog open"}
    terminal.fire("UserPromptSubmit")
    terminal.say(**dialog)
    assert last() == ("FileChanged", "waiting/dialog")
    terminal.fire("Stop", background_tasks=RUNNING)
    terminal.say(**dialog)
    assert sessions.current_state(metadata())["state"] == "busy"
    assert metadata()["state"] == "busy"
    terminal.fire("Notification", notification_type="agent_needs_input")
    assert sessions.current_state(metadata())["waiting_for"] == "dialog"


def test_result_of_one_tool_does_not_end_the_wait_of_another(terminal, last):
    terminal.fire("PermissionRequest", tool_name="ExitPlanMode")
    terminal.write(status="waiting", waitingFor="permission prompt")
    terminal.fire("PostToolUse", tool_name="Read")
    assert metadata()["waiting_for"] == "plan"
    terminal.write(status="busy")
    terminal.fire("PostToolUse", tool_name="ExitPlanMode")
    assert last() == ("PostToolUse", "busy")


def test_every_prompt_is_recorded_and_tool_results_once_a_minute(store, terminal):
    for _ in range(3):
        terminal.fire("UserPromptSubmit")
        terminal.fire("PostToolUse")
        terminal.fire("PostToolUse", agent_id="a74")
    found = [entry.get("event") for entry in lines(store / f"{ID}.jsonl")[1:]]
    assert found == ["UserPromptSubmit"] * 3


def test_state_since_survives_in_a_long_file(store, terminal):
    terminal.fire("SessionStart")
    terminal.fire("UserPromptSubmit")
    terminal.fire("PermissionRequest", tool_name="Bash")
    since = metadata()["state_since"]
    for _ in range(3):
        sessions.append_to_session(ID, {"type": "bulk", "text": "x" * 60_000})
        terminal.fire("Notification", notification_type="permission_prompt")
        assert metadata()["state_since"] == since
    terminal.fire("SessionStart", source="compact")
    assert (metadata()["state_since"], metadata()["waiting_for"]) == (
        since,
        "permission",
    )
    terminal.fire("PostToolUse")
    last = lines(store / f"{ID}.jsonl")[-1]
    assert metadata()["state_since"] == last["state_since"] > since
    assert "waiting_for" not in metadata()


def test_two_processes_wait_each_for_its_own(store, terminal, tmp_path):
    with Client() as second:
        other = Terminal(second, tmp_path / "config")
        terminal.fire("PermissionRequest", tool_name="AskUserQuestion")
        since = metadata()["state_since"]
        other.fire("SessionStart", source="resume")
        other.fire("PermissionRequest", tool_name="Bash")
        (first,) = metadata()["others"]
        assert first["waiting_for"] == "question"
        assert first["state_since"] == since
        assert metadata()["waiting_for"] == "permission"
        terminal.fire("Notification", notification_type="auth_success")
        assert metadata()["pid"] == terminal.client.pid
        assert metadata()["waiting_for"] == "question"
        assert metadata()["state_since"] == since
        assert metadata()["others"][0]["waiting_for"] == "permission"


def test_no_text_of_a_prompt_or_question_is_recorded(store, terminal, payloads):
    def private(value):
        if isinstance(value, dict):
            return {k: private(v) for k, v in value.items()}
        if isinstance(value, list):
            return [private(item) for item in value]
        return f"{PRIVATE} {value}" if isinstance(value, str) else value

    taken = 0
    for path in sorted(payloads.glob("[!_]*.json")):
        recorded = json.loads(path.read_text())["payload"]
        event = recorded["hook_event_name"]
        if event in SCRIPT_OF:
            hidden = private({k: v for k, v in recorded.items() if k not in RECORDED})
            for meaning in ("tool_name", "notification_type"):
                terminal.fire(event, **hidden)  # not one that is known
                if meaning in recorded:
                    terminal.fire(event, **{**hidden, meaning: recorded[meaning]})
            taken += 1
    terminal.say("waiting", waitingFor=PRIVATE, name=PRIVATE, nameSource="derived")
    assert taken > 40
    assert errors(store) == ""
    files = [*store.glob("**/*.jsonl")]
    assert PRIVATE not in "".join(file.read_text() for file in files)
    assert "waiting" in (store / f"{ID}.jsonl").read_text()


# ---- Hooks that are slower than those of later events ----------------------------


knows_when_its_shell_began = only_with_proc(
    "without /proc a hook does not know when its shell began"
)


@pytest.fixture
def late(client, tmp_path):
    """Begin the hook of an event; return what lets it go on to its end."""

    def begin(event="PostToolUse", **fields):
        gate = tmp_path / f"gate-of-{event}"
        wait = f"until [ -e {gate} ]; do sleep 0.01; done; "
        hook = client.begin(event, after=wait, **fields)

        def go_on():
            gate.touch()
            client.finish(hook)

        return go_on

    return begin


@knows_when_its_shell_began
@pytest.mark.parametrize(
    ("later", "state"),
    [
        pytest.param([("Stop", {})], "idle", id="end-of-the-turn"),
        pytest.param([("StopFailure", {})], "idle", id="failed-turn"),
        pytest.param(
            [("PermissionRequest", {"tool_name": "ExitPlanMode"})],
            "waiting/plan",
            id="request-of-another-tool",
        ),
        pytest.param([("Elicitation", {})], "waiting/elicitation", id="form"),
        pytest.param(
            [("PostToolUse", {}), ("Stop", {})], "idle", id="parallel-tool-then-the-end"
        ),
        pytest.param([("Stop", {}), ("UserPromptSubmit", {})], "busy", id="next-turn"),
        pytest.param([("SessionEnd", {"reason": "clear"})], "closed", id="end"),
    ],
)
def test_late_result_of_a_tool_changes_no_later_state(
    store, terminal, late, later, state
):
    terminal.fire("SessionStart")
    terminal.fire("UserPromptSubmit")
    terminal.write(status="busy")  # since before all that, as the client's file lags
    go_on = late()
    for event, fields in later:
        terminal.fire(event, **fields)
    before = lines(store / f"{ID}.jsonl")
    go_on()
    assert lines(store / f"{ID}.jsonl") == before
    shown = metadata()["state"], metadata().get("waiting_for")
    assert "/".join(filter(None, shown)) == state
    assert errors(store) == ""


@knows_when_its_shell_began
@pytest.mark.parametrize(
    "earlier",
    [
        pytest.param([], id="first-turn"),
        pytest.param(["UserPromptSubmit", "Stop"], id="another-turn"),
    ],
)
@pytest.mark.parametrize(
    ("later", "state"),
    [
        pytest.param(["Stop"], "idle", id="end-of-the-turn"),
        pytest.param(["PermissionRequest"], "waiting/permission", id="request"),
        pytest.param(["PostToolUse", "Stop"], "idle", id="tool-then-the-end"),
        pytest.param(["PostToolUse"], "busy", id="tool"),
        pytest.param(["Stop", "UserPromptSubmit"], "busy", id="next-turn"),
    ],
)
def test_late_prompt_is_recorded_and_changes_no_later_state(
    store, terminal, late, last, shop, earlier, later, state
):
    for event in ("SessionStart", *earlier):
        terminal.fire(event, cwd=str(shop))
    (shop / ".git/HEAD").write_text("ref: refs/heads/fix\n")
    go_on = late("UserPromptSubmit", session_title="till receipts")
    time.sleep(0.1)  # as the model takes to answer
    for event in later:
        terminal.fire(event)
    before = metadata()
    go_on()
    assert last() == ("UserPromptSubmit", state)
    assert metadata()["state_since"] == before["state_since"]
    assert (metadata()["name"], metadata()["branch"]) == ("till receipts", "fix")
    assert errors(store) == ""


@knows_when_its_shell_began
@pytest.mark.parametrize("event", ["UserPromptSubmit", "Stop"])
def test_late_event_does_not_open_a_closed_session(store, terminal, late, event):
    terminal.fire("SessionStart")
    go_on = late(event)
    terminal.fire("SessionEnd", reason="clear")
    before = lines(store / f"{ID}.jsonl")
    go_on()
    assert lines(store / f"{ID}.jsonl") == before
    assert errors(store) == ""


@knows_when_its_shell_began
def test_prompt_right_after_an_interruption_begins_a_turn(terminal, last, late):
    """Although the client's file tells of the interruption when it has begun."""
    terminal.fire("UserPromptSubmit")
    interrupted_at = time.time()
    time.sleep(0.1)
    go_on = late("UserPromptSubmit")
    terminal.say("idle", statusUpdatedAt=interrupted_at * 1000)
    assert last() == ("FileChanged", "idle")
    go_on()
    assert last() == ("UserPromptSubmit", "busy")


@knows_when_its_shell_began
@pytest.mark.parametrize(
    ("later", "state", "kind"),
    [
        pytest.param(["UserPromptSubmit"], "busy", "heartbeat", id="next-turn"),
        pytest.param(
            ["UserPromptSubmit", "PermissionRequest"],
            "waiting/permission",
            "heartbeat",
            id="request-in-the-next-turn",
        ),
        pytest.param(
            ["UserPromptSubmit", "Stop"], "idle", "turn_close", id="end-of-the-next"
        ),
    ],
)
def test_late_end_of_a_turn_changes_no_later_state(
    store, terminal, late, last, later, state, kind
):
    terminal.fire("SessionStart")
    terminal.fire("UserPromptSubmit")
    go_on = late("Stop")
    for event in later:
        time.sleep(0.05)  # no person is faster
        terminal.fire(event)
    before = metadata()
    go_on()
    assert last() == ("Stop", state)
    assert lines(store / f"{ID}.jsonl")[-1]["type"] == kind
    assert metadata()["state_since"] == before["state_since"]
    assert errors(store) == ""


@knows_when_its_shell_began
def test_late_end_of_a_turn_is_recorded_where_the_client_already_said_idle(
    store, terminal, late, last
):
    terminal.fire("UserPromptSubmit")
    go_on = late("Stop")
    terminal.say("idle", statusUpdatedAt=(time.time() + 0.05) * 1000)
    go_on()
    assert last() == ("Stop", "idle")
    assert lines(store / f"{ID}.jsonl")[-1]["type"] == "turn_close"


@knows_when_its_shell_began
def test_late_end_of_a_turn_does_not_open_a_session_whose_client_has_ended(
    store, terminal, tmp_path
):
    terminal.fire("UserPromptSubmit")
    gate = tmp_path / "gate"
    wait = f"until [ -e {gate} ]; do sleep 0.01; done; "
    hook = terminal.client.begin("Stop", after=wait)
    terminal.fire("SessionEnd", reason="prompt_input_exit")
    before = lines(store / f"{ID}.jsonl")
    terminal.client.kill()
    gate.touch()
    while (proc.read_stat(hook) or "---Z")[3] != "Z":  # a zombie: nobody may reap it
        time.sleep(0.01)
    assert lines(store / f"{ID}.jsonl") == before
    assert errors(store) == ""


@knows_when_its_shell_began
def test_late_end_of_a_turn_leaves_a_queued_prompt_its_turn(terminal, late, last):
    """No event tells of it; FileChanged may have found the session busy still."""
    terminal.fire("UserPromptSubmit")
    go_on = late("Stop")
    time.sleep(0.4)
    terminal.write(status="busy", statusUpdatedAt=(time.time() - 0.3) * 1000)
    go_on()
    assert last() == ("Stop", "busy")


@knows_when_its_shell_began
def test_late_end_of_a_turn_counts_where_the_client_was_busy_before(
    terminal, late, last
):
    terminal.fire("UserPromptSubmit")
    terminal.write(status="busy", statusUpdatedAt=time.time() * 1000)
    time.sleep(0.05)
    go_on = late("Stop")
    time.sleep(0.4)
    go_on()
    assert last() == ("Stop", "idle")


@knows_when_its_shell_began
def test_late_end_of_a_turn_in_the_background_leaves_the_next_turn_its_dialog(
    terminal, late, last
):
    terminal.fire("UserPromptSubmit")
    go_on = late("Stop", background_tasks=[{"type": "shell", "status": "running"}])
    time.sleep(0.05)
    terminal.fire("UserPromptSubmit")
    go_on()
    assert last() == ("Stop", "busy")
    terminal.fire("PermissionRequest")
    terminal.fire("PostToolUse")
    terminal.say("waiting", waitingFor="dialog open")
    assert last() == ("FileChanged", "waiting/dialog")


@knows_when_its_shell_began
def test_end_of_a_turn_counts_although_a_result_was_recorded_while_it_ran(
    terminal, late, last
):
    terminal.fire("UserPromptSubmit")
    terminal.fire("PermissionRequest")
    time.sleep(0.1)
    record_result = late()
    time.sleep(0.05)
    record_end = late("Stop")
    time.sleep(0.05)
    record_result()
    assert last() == ("PostToolUse", "busy")
    record_end()
    assert last() == ("Stop", "idle")


@knows_when_its_shell_began
@pytest.mark.parametrize("event", ["Stop", "PermissionRequest"])
def test_results_of_many_tools_at_once_change_no_later_state(store, terminal, event):
    terminal.fire("SessionStart")
    terminal.fire("UserPromptSubmit")
    results = [terminal.client.begin("PostToolUse") for _ in range(16)]
    terminal.fire(event)
    state = metadata()["state"]
    for hook in results:
        terminal.client.finish(hook)
    assert metadata()["state"] == state == {"Stop": "idle"}.get(event, "waiting")
    assert errors(store) == ""


@knows_when_its_shell_began
def test_result_of_a_tool_ends_the_wait_that_a_slower_hook_records(terminal, late):
    """As when a hook of somebody else has allowed the tool before ours was done."""
    terminal.fire("UserPromptSubmit")
    record_request = late("PermissionRequest", tool_name="Bash")
    time.sleep(0.1)  # it is the result of this request only if it begins later
    record_result = late()
    record_request()
    assert metadata()["state"] == "waiting"
    record_result()
    assert metadata()["state"] == "busy"


def test_result_of_a_tool_begins_the_record_as_busy(terminal, late):
    late()()
    assert metadata()["source"] == "adopted"
    assert metadata()["state"] == "busy"


def test_result_of_a_tool_after_the_turn_begins_another(terminal, last):
    terminal.fire("UserPromptSubmit")
    terminal.fire("Stop")
    terminal.fire("PostToolUse")
    assert last() == ("PostToolUse", "busy")


def test_result_of_a_tool_ends_a_wait_that_began_before_the_clock_was_set_back(
    store, terminal, last
):
    terminal.fire("UserPromptSubmit")
    terminal.fire("PermissionRequest", tool_name="Bash")
    path = store / f"{ID}.jsonl"
    *earlier, request = lines(path)
    future = timestamps.from_epoch(time.time() + 120)
    request |= {"timestamp": future, "state_since": future}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in [*earlier, request]))
    terminal.fire("PostToolUse")
    assert last() == ("PostToolUse", "busy")


# ---- The name that a person gives it --------------------------------------------


def test_name_is_the_title_in_a_payload(store, terminal):
    terminal.fire("SessionStart", session_title="Payments")
    assert lines(store / f"{ID}.jsonl")[0]["name"] == "Payments"
    terminal.fire("UserPromptSubmit", session_title="Refunds" + "x" * 300)
    assert metadata()["name"] == ("Refunds" + "x" * 300)[:256]
    terminal.fire("Stop")
    assert metadata()["name"].startswith("Refunds")


def test_name_follows_the_clients_file(store, terminal):
    terminal.write(name="Payments", nameSource="user")  # it has no status yet
    terminal.fire("SessionStart")
    assert metadata()["name"] == "Payments"
    terminal.say("idle", name="Refunds", nameSource="user")
    assert metadata()["name"] == "Refunds"
    terminal.say("idle", name="shop-39", nameSource="derived")
    assert "name" not in metadata()
    terminal.fire("Stop")  # the last entry says so, too
    assert "name" not in metadata()
    assert lines(store / f"{ID}.jsonl")[-1]["name"] == ""


def test_name_that_the_client_derived_is_not_recorded(store, terminal):
    terminal.write(status="idle", name="shop-39", nameSource="derived")
    terminal.fire("SessionStart")
    terminal.say("busy", name="shop-39", nameSource="derived")
    assert "shop-39" not in (store / f"{ID}.jsonl").read_text()
    assert '"name"' not in (store / f"{ID}.jsonl").read_text()


# ---- What hooks print -----------------------------------------------------------


def agent(version):
    return {"AI_AGENT": f"claude-code_{version.replace('.', '-')}_harness"}


def test_session_start_asks_the_client_to_watch_its_own_file(terminal):
    for source in ("startup", "clear", "compact"):
        said = terminal.fire("SessionStart", env=agent("2.1.83"), source=source)
        assert json.loads(said) == {
            "hookSpecificOutput": {
                "hookEventName": "SessionStart",
                "watchPaths": [str(terminal.path)],
            }
        }


@pytest.mark.parametrize(
    "env",
    [
        pytest.param({}, id="unknown"),
        pytest.param(agent("2.1.82"), id="too-old"),
        pytest.param({"AI_AGENT": "claude-code_2-1-330_agent"}, id="of-an-outer-one"),
    ],
)
def test_session_start_asks_no_client_that_may_not_know_it(terminal, env):
    assert terminal.fire("SessionStart", env=env) == ""


def test_session_start_prints_one_object_with_the_notice(terminal, tmp_path):
    terminal.fire("SessionStart")
    with Client() as second:
        said = Terminal(second, tmp_path / "config").fire(
            "SessionStart", env=agent("2.1.332"), source="resume"
        )
    assert said.count("\n") == 1
    answer = json.loads(said)
    assert sorted(answer) == ["hookSpecificOutput", "systemMessage"]
    assert "also open in another process" in answer["systemMessage"]


@pytest.mark.parametrize("event", [e for e in SCRIPT_OF if e != "SessionStart"])
def test_no_hook_but_session_start_prints_anything(terminal, event):
    for _ in range(2):
        assert terminal.fire(event, env=agent("2.1.332"), tool_name="Bash") == ""


def test_status_line_records_what_the_client_says(terminal, last):
    terminal.fire("UserPromptSubmit")
    terminal.write(status="idle")
    for _ in range(2):
        terminal.client.run(hook_command("statusline"), json.dumps({"session_id": ID}))
    assert last() == ("statusline", "idle")
    assert len(lines(sessions.get_session_path(ID))) == 3


def test_report_counts_no_hours_after_esc_an_answer_or_an_api_error(
    store, terminal, headcount
):
    """An hour between two events each. Without FileChanged, Esc would go on until 8."""
    terminal.fire("SessionStart")
    terminal.fire("UserPromptSubmit")
    terminal.say("idle")  # Esc
    terminal.fire("UserPromptSubmit")
    terminal.fire("PermissionRequest", tool_name="Bash")
    terminal.say("busy")  # answered: the tool runs
    terminal.fire("StopFailure", error="rate_limit")
    terminal.fire("SessionEnd", reason="other")
    path, text = store / f"{ID}.jsonl", ""
    for hour, entry in enumerate(lines(path)):
        time_of_it = timestamps.from_epoch(time.time() - (8 - hour) * 3600)
        kept = {k: v for k, v in entry.items() if k != "state_since"}
        times = [k for k in ("start_time", "last_heartbeat", "timestamp") if k in entry]
        text += json.dumps(kept | dict.fromkeys(times, time_of_it)) + "\n"
    path.write_text(text)
    total = json.loads(headcount("report", "--json")[1])["total"]
    assert {key: round(total[key], 2) for key in total if "hours" in key} == {
        "open_hours": 7.0,
        "busy_hours": 3.0,
        "waiting_hours": 1.0,
    }
