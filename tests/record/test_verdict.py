"""The truth table: what the process says, what the heartbeat says, what follows."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from support import changed_fingerprint

from lib import sessions
from lib.record import timestamps
from lib.system import proc, process

HOUR = 3600.0
NOW = time.time()


def stamp(ago):
    return timestamps.from_epoch(NOW - ago)


@pytest.fixture(scope="module")
def processes():
    """One process in each condition, as the fields of a record."""
    living = subprocess.Popen(["sleep", "600"])
    undead = subprocess.Popen(["true"])
    os.waitid(os.P_PID, undead.pid, os.WEXITED | os.WNOWAIT)
    ended = subprocess.Popen(["sleep", "600"])
    ended_print = process.fingerprint(ended.pid)
    ended.kill()
    ended.wait()
    known = process.fingerprint(living.pid)
    other_start = changed_fingerprint(living.pid, earlier=1)
    other_boot = changed_fingerprint(living.pid, boot="x")
    other_space = "linux:x:1:1:1"
    if proc.READS_PROC:
        other_space = changed_fingerprint(living.pid, namespace="1")
    host = process.host_name()
    yield {
        "running": {"pid": living.pid, "process": known, "host": host},
        "by-number": {"pid": living.pid, "host": host},
        "gone": {"pid": ended.pid, "process": ended_print, "host": host},
        "zombie": {
            "pid": undead.pid,
            "process": process.fingerprint(undead.pid),
            "host": host,
        },
        "reused": {"pid": living.pid, "process": other_start, "host": host},
        "rebooted": {"pid": living.pid, "process": other_boot, "host": host},
        "other-host": {"pid": living.pid, "process": other_boot, "host": "elsewhere"},
        "other-namespace": {"pid": living.pid, "process": other_space, "host": host},
        "none": {},
        "nonsense": {"pid": "12", "process": 7, "host": []},
    }
    living.kill()
    living.wait()
    undead.wait()


HEARTBEATS = {
    "now": (stamp(0), True),
    "an-hour-old": (stamp(HOUR), True),
    "almost-a-day-old": (stamp(24 * HOUR - 60), True),
    "a-day-old": (stamp(24 * HOUR + 60), False),
    "ten-years-old": ("2016-11-23T00:00:00.000Z", False),
    "a-minute-ahead": (stamp(-60), True),
    "a-day-ahead": (stamp(-24 * HOUR), False),
    "ten-years-ahead": ("2036-11-23T00:00:00.000Z", False),
    "missing": (None, False),
    "nonsense": ("soon", False),
    "number": (1.7e9, False),
    "without-zone": (stamp(60)[:-1], True),
    "with-offset": (stamp(60)[:-1] + "+00:00", True),
}
PROCESSES = {
    "running": "running",
    "by-number": "running",
    "gone": "gone",
    "zombie": "gone",
    "reused": "gone",
    "rebooted": "gone",
    "other-host": "unknown",
    "other-namespace": "unknown",
    "none": "unknown",
    "nonsense": "unknown",
}
TABLE = {
    ("running", True): "alive",
    ("running", False): "stale",
    ("gone", True): "dead",
    ("gone", False): "dead",
    ("unknown", True): "unknown",
    ("unknown", False): "stale",
}


@pytest.mark.parametrize("heartbeat", HEARTBEATS)
@pytest.mark.parametrize("condition", PROCESSES)
def test_verdict_follows_from_the_process_and_the_heartbeat(
    processes, condition, heartbeat
):
    value, fresh = HEARTBEATS[heartbeat]
    metadata = {"session_id": "a", **processes[condition]}
    if value is not None:
        metadata["last_heartbeat"] = value
    name, reasons = sessions.verdict(metadata, now=NOW)
    assert name == TABLE[PROCESSES[condition], fresh]
    assert reasons
    assert all(isinstance(reason, str) for reason in reasons)
    assert sessions.is_session_alive(metadata, now=NOW) is (name == "alive")


@pytest.mark.parametrize("condition", PROCESSES)
def test_closed_session_is_dead_in_every_process_condition(processes, condition):
    metadata = {**processes[condition], "state": "closed", "last_heartbeat": stamp(60)}
    assert sessions.verdict(metadata, now=NOW).verdict == "dead"


def test_verdict_tolerates_a_clock_set_by_an_hour(processes):
    metadata = {
        **processes["running"],
        "start_time": stamp(2 * HOUR),
        "last_heartbeat": stamp(10),
    }
    for shift in (-HOUR, 0, HOUR, 20 * HOUR):
        assert sessions.is_session_alive(metadata, now=NOW + shift)


def test_verdict_uses_the_start_time_without_a_heartbeat(processes):
    metadata = {**processes["running"], "start_time": stamp(60)}
    assert sessions.is_session_alive(metadata, now=NOW)


def test_verdict_is_alive_if_any_process_of_the_session_runs(processes):
    for current, other, expected in (
        ("gone", "running", "alive"),
        ("running", "gone", "alive"),
        ("gone", "reused", "dead"),
        ("gone", "other-host", "unknown"),
    ):
        metadata = {
            **processes[current],
            "others": [processes[other]],
            "last_heartbeat": stamp(1),
        }
        assert sessions.verdict(metadata, now=NOW).verdict == expected


def test_verdict_reasons_are_readable_sentences(processes):
    metadata = {**processes["gone"], "last_heartbeat": stamp(3 * HOUR)}
    assert sessions.verdict(metadata, now=NOW).reasons == (
        f"pid {metadata['pid']} is gone",
        "last heartbeat 3 h ago",
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"others": 7},
        {"others": [7]},
        {"state": ["x"]},
        {"last_heartbeat": "9" * 99},
        {},
    ],
    ids=["others-number", "others-numbers", "state-list", "heartbeat-digits", "empty"],
)
def test_verdict_of_malformed_metadata_is_stale(metadata):
    assert sessions.verdict(metadata).verdict == "stale"
