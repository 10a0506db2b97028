"""The published schemas name what the code names."""

from __future__ import annotations

import json

import pytest
from schemas import LIFECYCLE, check_output, session_schema, violations
from support import ROOT

from lib.record import entries, schema

DEFINITIONS = session_schema()["$defs"]


def test_session_schema_has_the_types_states_and_fields_of_the_code():
    assert LIFECYCLE == schema.LIFECYCLE
    assert {*DEFINITIONS["state"]["enum"]} == {*schema.LIVE_STATES}
    assert tuple(DEFINITIONS["waiting_for"]["enum"]) == schema.WAITS
    assert {*schema.TEXT_FIELDS} <= {*DEFINITIONS["session_metadata"]["properties"]}
    assert DEFINITIONS["lifecycle"]["properties"]["others"]["maxItems"] == (
        entries.MAX_OTHERS
    )


def test_session_schema_describes_every_recorded_line_of_the_documents():
    samples = [
        line
        for line in (ROOT / "docs/format.md").read_text().splitlines()
        if line.startswith('{"type"')
    ]
    assert samples
    assert [error for line in samples for error in violations(json.loads(line))] == []


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"v": 2}, id="version"),
        pytest.param({"state": "asleep"}, id="state"),
        pytest.param({"waiting_for": "coffee"}, id="wait"),
        pytest.param({"timestamp": "yesterday"}, id="time"),
        pytest.param({"prompt": "secret"}, id="undocumented-field"),
    ],
)
def test_session_schema_refuses_what_is_not_documented(change):
    entry = {
        "type": "heartbeat",
        "v": 1,
        "id": "0" * 16,
        "session_id": "a",
        "timestamp": "2026-01-01T00:00:00.000Z",
        "state": "waiting",
    }
    assert violations(entry) == []
    assert violations({**entry, **change}) != []


def test_output_schema_refuses_an_undocumented_key():
    check_output(["list", "--json"], '{"v": 1, "sessions": []}')
    with pytest.raises(AssertionError, match="mood"):
        check_output(["list", "--json"], '{"v": 1, "sessions": [], "mood": 5}')
