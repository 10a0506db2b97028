"""The history of a session: events, the state after each, and times to be believed."""

from __future__ import annotations

import pytest

from lib.record import timestamps
from lib.record.transitions import transitions

NOW = timestamps.parse("2026-11-25T12:00:00Z")
STARTED = {
    "type": "session_metadata",
    "start_time": timestamps.from_epoch(NOW - 3600),
    "process": "p1",
}


def entry(kind, minute, process="p1", **fields):
    timestamp = timestamps.from_epoch(NOW + minute * 60)
    return {"type": kind, "timestamp": timestamp, "process": process, **fields}


def beat(minute, state, process="p1"):
    return entry("heartbeat", minute, process, state=state)


def resume(minute, source, process="p1"):
    return entry("session_resume", minute, process, source=source)


def minutes(time):
    return None if time is None else round((timestamps.parse(time) - NOW) / 60)


def history(*entries):
    """Minutes from now, event and state of each transition."""
    return [
        (minutes(step.time), step.event, step.state)
        for step in transitions(entries, NOW)
    ]


def test_transitions_list_events_from_start_to_close():
    assert history(
        STARTED,
        beat(-50, "busy"),
        entry("turn_close", -40, state="idle"),
        beat(-30, "waiting"),
        entry("session_close", -20, reason="logout"),
    ) == [
        (-60, "started", "idle"),
        (-50, "state", "busy"),
        (-40, "state", "idle"),
        (-30, "state", "waiting"),
        (-20, "closed", "closed"),
    ]


@pytest.mark.parametrize(
    "state",
    [
        pytest.param(None, id="missing"),
        pytest.param("closed", id="closed"),
        pytest.param("asleep", id="unknown"),
        pytest.param(["busy"], id="not a text"),
    ],
)
def test_transitions_keep_the_state_at_a_heartbeat_without_a_valid_state(state):
    assert history(STARTED, beat(-50, "busy"), beat(-40, state))[-1][2] == "busy"
    assert history(STARTED, entry("session_close", -50), beat(-40, state))[-1][2] == (
        "idle"
    )


def test_compaction_keeps_the_state_and_any_other_resume_makes_it_idle():
    assert history(
        STARTED, beat(-50, "busy"), resume(-40, "compact"), resume(-30, "resume")
    )[2:] == [(-40, "compacted", "busy"), (-30, "resumed", "idle")]


@pytest.mark.parametrize("source", ["resume", "compact"])
def test_resume_by_another_process_reports_the_previous_process_lost(source):
    steps = history(STARTED, beat(-50, "busy"), resume(-20, source, "p2"))
    assert steps[2] == (-50, "lost", "closed")
    assert steps[3][2] == "idle"


def test_resume_without_a_process_reports_the_previous_process_lost():
    unnamed = resume(-20, "resume")
    del unnamed["process"]
    assert [step[1] for step in history(STARTED, unnamed)] == [
        "started",
        "lost",
        "resumed",
    ]


def test_resume_after_a_close_reports_no_process_lost():
    steps = history(STARTED, entry("session_close", -50), resume(-20, "resume", "p2"))
    assert steps[-2:] == [(-50, "closed", "closed"), (-20, "resumed", "idle")]


def test_a_close_by_one_of_two_processes_leaves_the_session_open():
    other = [{"pid": 9, "state": "busy"}]
    assert history(
        STARTED, beat(-50, "waiting"), entry("session_close", -40, others=other)
    )[-1] == (-40, "left", "waiting")


@pytest.mark.parametrize(
    "timestamp",
    [
        pytest.param("1999-01-01T00:00:00.000Z", id="before the project"),
        pytest.param(timestamps.from_epoch(NOW + 86_400), id="in the future"),
        pytest.param(7, id="not a text"),
        pytest.param("soon", id="not a time"),
    ],
)
def test_entry_with_an_implausible_timestamp_changes_no_state(timestamp):
    absurd = {**beat(0, "busy"), "timestamp": timestamp}
    assert history(STARTED, absurd, beat(-40, "waiting"))[1:] == [
        (None, "state", "idle"),
        (-40, "state", "waiting"),
    ]


def test_transition_times_never_go_back_when_the_clock_was_set_back():
    assert [
        step[0]
        for step in history(
            STARTED, beat(-50, "busy"), beat(-55, "idle"), beat(-45, "busy")
        )
    ] == [-60, -50, -50, -45]


def test_last_seen_comes_from_heartbeats_and_not_from_updates():
    started = {**STARTED, "last_heartbeat": timestamps.from_epoch(NOW - 3000)}
    update = entry("session_update", -30, label="nightly")
    steps = list(transitions([started, update, beat(-20, "busy")], NOW))
    assert [minutes(step.last_seen) for step in steps] == [-50, -50, -20]
    assert [minutes(step.time) for step in steps] == [-60, -30, -20]


def test_updates_and_custom_entries_change_no_state():
    steps = history(
        STARTED,
        beat(-50, "busy"),
        entry("session_update", -40, label="a", state="idle"),
        entry("build.done", -30, state="idle"),
        {"type": ["heartbeat"]},
        {},
    )
    assert steps[2:] == [
        (-40, "updated", "busy"),
        (-30, "custom", "busy"),
        (None, "custom", "busy"),
        (None, "custom", "busy"),
    ]


def test_session_that_begins_with_a_heartbeat_is_open_from_that_time():
    assert history(beat(-50, "busy")) == [(-50, "state", "busy")]
    assert history({"type": "session_metadata"}) == [(None, "started", "closed")]
