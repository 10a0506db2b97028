"""What people read of an entry in `headcount tail`."""

from __future__ import annotations

import pytest

from lib.cli.terminal.sentences import sentence


def beat(state, **more):
    return {"type": "heartbeat", "state": state, **more}


@pytest.mark.parametrize(
    ("entry", "text"),
    [
        pytest.param({"type": "session_metadata"}, "started", id="start"),
        pytest.param(
            {"type": "session_metadata", "source": "clear"},
            "started after /clear",
            id="clear",
        ),
        pytest.param({"type": "session_resume"}, "resumed", id="resume"),
        pytest.param(
            {"type": "session_resume", "source": "compact"}, "compacted", id="compact"
        ),
        pytest.param(
            beat("busy", event="UserPromptSubmit"), "got a prompt", id="prompt"
        ),
        pytest.param(beat("busy", event="PostToolUse"), "is busy", id="tool"),
        pytest.param(beat("idle", event="Notification"), "is idle", id="idle"),
        pytest.param(
            beat("waiting", waiting_for="permission"),
            "waits for permission",
            id="permission",
        ),
        pytest.param(
            beat("waiting", waiting_for="question"),
            "waits for an answer",
            id="question",
        ),
        pytest.param(beat("waiting"), "waits for you", id="unknown-wait"),
        pytest.param(
            {"type": "turn_close", "event": "Stop"}, "ended its turn", id="stop"
        ),
        pytest.param(
            {"type": "turn_close", "event": "Stop", "state": "busy"},
            "ended its turn, tasks run on in the background",
            id="background",
        ),
        pytest.param(
            {"type": "turn_close", "event": "StopFailure"},
            "ended its turn with an error",
            id="failure",
        ),
        pytest.param(
            {"type": "session_close", "reason": "logout"}, "closed: logout", id="close"
        ),
        pytest.param(
            {"type": "session_update", "label": "docs", "tasks": [1]},
            "label: docs, 1 task",
            id="label",
        ),
        pytest.param(
            {"type": "session_update", "label": ""}, "label removed", id="no-label"
        ),
        pytest.param(
            {"type": "session_update", "x": 1, "id": "0"},
            'session_update  {"x":1}',
            id="other-update",
        ),
        pytest.param(
            {"type": "build.done", "v": 1, "ok": True},
            'build.done  {"ok":true}',
            id="custom",
        ),
        pytest.param({"type": "build.done"}, "build.done", id="custom-without-fields"),
        pytest.param({"type": ["x"]}, "['x']", id="type-by-hand"),
        pytest.param(beat(["x"], waiting_for={}), "['x']", id="state-by-hand"),
    ],
)
def test_sentence_says_what_happened(entry, text):
    assert sentence(entry) == text
