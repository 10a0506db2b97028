"""Hook events: which ones a client knows, and what they say a session is doing."""

from __future__ import annotations

import json

import pytest

from lib.claude import events

EVERY_CLIENT = {
    *("SessionStart", "UserPromptSubmit", "PostToolUse", "Notification"),
    *("Stop", "SessionEnd"),
}


@pytest.mark.parametrize(
    ("version", "more"),
    [
        pytest.param("1.0.85", set(), id="oldest"),
        pytest.param("2.0.44", set(), id="before-PermissionRequest"),
        pytest.param("2.0.45", {"PermissionRequest"}, id="PermissionRequest"),
        pytest.param("2.1.74", {"PermissionRequest"}, id="before-Elicitation"),
        pytest.param(
            "2.1.76",
            {"PermissionRequest", "Elicitation", "ElicitationResult"},
            id="Elicitation",
        ),
        pytest.param(
            "2.1.78",
            {"PermissionRequest", "Elicitation", "ElicitationResult", "StopFailure"},
            id="StopFailure",
        ),
        pytest.param(
            "2.1.83 (Claude Code)",
            {
                *("PermissionRequest", "Elicitation", "ElicitationResult"),
                *("StopFailure", "FileChanged"),
            },
            id="FileChanged",
        ),
    ],
)
def test_events_known_to_a_client(version, more):
    assert {*events.events_known_to([version])} == EVERY_CLIENT | more


def test_events_known_to_several_clients_are_those_of_the_oldest():
    known = events.events_known_to(["2.1.332", "2.1.74", "2.1.200"])
    assert {*known} == EVERY_CLIENT | {"PermissionRequest"}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        pytest.param(
            ["2.1.332"], ["UserPromptSubmit", "PostToolUse", "Stop"], id="2.1.332"
        ),
        pytest.param(["2.1.331"], [], id="2.1.331"),
        pytest.param(["2.1.332", "2.1.200"], [], id="one-is-older"),
        pytest.param(["2.1.332", "nightly"], [], id="one-is-unknown"),
        pytest.param([], [], id="no-client"),
    ],
)
def test_events_whose_hooks_need_not_be_waited_for(versions, expected):
    known = events.events_known_to(versions)
    assert [name for name, is_async in known.items() if is_async] == expected


@pytest.mark.parametrize(
    "versions",
    [
        pytest.param([], id="no-client"),
        pytest.param(["2.1.332", "nightly"], id="unreadable-version"),
        pytest.param(["2.1.332", ""], id="empty-version"),
        pytest.param(["2.1." + "9" * 5000], id="absurd-version"),
    ],
)
def test_events_known_to_a_client_of_unknown_version_are_the_common_ones(versions):
    assert {*events.events_known_to(versions)} == EVERY_CLIENT


def test_events_known_to_a_client_before_the_oldest_leave_out_what_it_lacks():
    assert "SessionEnd" not in events.events_known_to(["1.0.84"])


def test_events_known_to_any_client_never_include_compactions():
    """The client shows the command line of these hooks to the user."""
    known = events.events_known_to(["99.0.0"])
    assert {"PreCompact", "PostCompact"}.isdisjoint(known)
    assert len(known) == 11


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ("UserPromptSubmit_p", ("busy", None)),
        ("UserPromptSubmit_task_notification", ("busy", None)),
        ("PostToolUse_Bash", ("busy", None)),
        ("PostToolUse_in_subagent", ("busy", None)),
        ("PermissionRequest", ("waiting", "permission")),
        ("PermissionRequest_AskUserQuestion", ("waiting", "question")),
        ("PermissionRequest_ExitPlanMode", ("waiting", "plan")),
        ("PermissionRequest_Bash_in_subagent", ("waiting", "permission")),
        ("Elicitation", ("waiting", "elicitation")),
        ("ElicitationResult_cancel", ("busy", None)),
        ("Notification_permission_prompt", ("waiting", "permission")),
        ("Notification_agent_needs_input", ("waiting", "dialog")),
        ("Notification_elicitation_dialog", ("waiting", "elicitation")),
        ("Notification_elicitation_response", ("busy", None)),
        ("Notification_idle_prompt", ("idle", None)),
        ("FileChanged", (None, None)),
        ("Stop", ("idle", None)),
        ("v2.1.200_Stop_with_background_task", ("busy", None)),
        ("Stop_with_cron_job", ("idle", None)),
        ("StopFailure_429", ("idle", None)),
        ("PostCompact_manual", (None, None)),
        ("SubagentStop", (None, None)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_state_of_a_recorded_payload(payloads, recorded, expected):
    text = (payloads / f"{recorded}.json").read_text()
    assert events.state_of(json.loads(text)["payload"]) == expected


def notification(kind, **fields):
    return {
        "hook_event_name": "Notification",
        "notification_type": kind,
        "message": "",
        **fields,
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        pytest.param(
            notification("elicitation_url_dialog"), ("waiting", "elicitation"), id="url"
        ),
        pytest.param(
            notification("worker_permission_prompt"),
            ("waiting", "permission"),
            id="worker",
        ),
        pytest.param(notification("auth_success"), (None, None), id="nothing-to-do"),
        pytest.param(notification(["x"]), (None, None), id="not-a-type"),
        pytest.param(
            {
                "hook_event_name": "Notification",
                "message": "Claude needs your permission to use Bash",
            },
            ("waiting", "permission"),
            id="old-permission",
        ),
        pytest.param(
            {
                "hook_event_name": "Notification",
                "message": "Claude is waiting for your input",
            },
            ("idle", None),
            id="old-idle",
        ),
        pytest.param(
            {"hook_event_name": "PermissionRequest", "tool_name": {}},
            ("waiting", "permission"),
            id="not-a-tool",
        ),
        pytest.param(
            {"hook_event_name": "Stop", "background_tasks": [{"status": "completed"}]},
            ("idle", None),
            id="background-work-done",
        ),
        pytest.param(
            {"hook_event_name": "Stop", "background_tasks": [7, {}]},
            ("busy", None),
            id="background-work-without-a-status",
        ),
        pytest.param({"hook_event_name": []}, (None, None), id="not-an-event"),
        pytest.param({}, (None, None), id="empty"),
    ],
)
def test_state_of_a_payload(payload, expected):
    assert events.state_of(payload) == expected


SUBAGENT_RESULT = {"hook_event_name": "PostToolUse", "agent_id": "a1"}


@pytest.mark.parametrize(
    ("payload", "recorded", "expected"),
    [
        pytest.param(
            SUBAGENT_RESULT,
            ("waiting", "permission"),
            ("busy", None),
            id="subagent-result-ends-a-wait",
        ),
        pytest.param(
            SUBAGENT_RESULT, ("idle", None), (None, None), id="subagent-after-the-turn"
        ),
        pytest.param(
            {"hook_event_name": "Stop", "agent_id": "a1"},
            ("waiting", "permission"),
            (None, None),
            id="turn-of-a-subagent-is-over",
        ),
        pytest.param(
            {"hook_event_name": "ElicitationResult", "agent_id": "a1"},
            ("waiting", "elicitation"),
            ("busy", None),
            id="subagent-is-answered",
        ),
        pytest.param(
            {**SUBAGENT_RESULT, "agent_id": ""},
            ("idle", None),
            ("busy", None),
            id="own-result",
        ),
        pytest.param(
            {
                "hook_event_name": "PermissionRequest",
                "agent_id": "a1",
                "tool_name": "Bash",
            },
            ("busy", None),
            ("waiting", "permission"),
            id="subagent-asks",
        ),
        pytest.param(
            notification("permission_prompt"),
            ("waiting", "question"),
            ("waiting", "question"),
            id="late-notice-of-a-question",
        ),
        pytest.param(
            notification("permission_prompt"),
            ("waiting", "dialog"),
            ("waiting", "permission"),
            id="prompt-after-a-dialog",
        ),
        pytest.param(
            notification("permission_prompt"),
            ("busy", None),
            ("waiting", "permission"),
            id="first-notice",
        ),
        pytest.param(
            notification("idle_prompt"), ("busy", None), ("idle", None), id="idle"
        ),
        pytest.param(
            notification("auth_success"),
            ("waiting", "plan"),
            (None, None),
            id="says-nothing",
        ),
    ],
)
def test_state_after_an_event(payload, recorded, expected):
    assert events.state_after(payload, *recorded) == expected


@pytest.mark.parametrize(
    ("payload", "state", "expected"),
    [
        pytest.param({"hook_event_name": "FileChanged"}, "idle", True, id="file"),
        pytest.param(notification("idle_prompt"), "busy", True, id="idle-notice"),
        pytest.param(notification("permission_prompt"), "busy", False, id="notice"),
        pytest.param(SUBAGENT_RESULT, "waiting", True, id="result-during-a-wait"),
        pytest.param(SUBAGENT_RESULT, "busy", False, id="result"),
        pytest.param({"hook_event_name": "Stop"}, "waiting", False, id="stop"),
    ],
)
def test_is_inconclusive(payload, state, expected):
    assert events.is_inconclusive(payload, state) is expected


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("2.1.332 (Claude Code)", (2, 1, 332)),
        (" v2.1.76\n", (2, 1, 76)),
        ("2.1.76-beta.1", (2, 1, 76)),
        ("2.1", None),
        ("2.1.x", None),
        ("2.1.\N{SUPERSCRIPT TWO}", None),
        ("", None),
    ],
    ids=ascii,
)
def test_parse_version(text, version):
    assert events.parse_version(text) == version
