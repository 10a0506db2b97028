"""`watch --hosts`: what changes on other machines."""

from __future__ import annotations

import functools
import json

import pytest
import schemas
from command_line import write
from fleet.hosts import answer, session


@pytest.fixture
def watch(hosts, start_watch):
    """Start the watch of hosts."""
    return functools.partial(start_watch, **hosts.environment())


def test_watch_says_what_changes_on_a_host(watch, hosts):
    write(hosts.store("host0"), "a", pid=1, process="linux:other:1:1:1", host="x")
    process = watch("--hosts", "host0", "--json")
    first = read(process)
    assert (first["event"], first["session"]["on"]) == ("started", "host0")
    write(hosts.store("host0"), "b", pid=1, process="linux:other:1:1:1", host="x")
    second = read(process)
    assert (second["event"], second["session"]["session_id"]) == ("started", "b")
    (hosts.store("host0") / "a.jsonl").unlink()
    third = read(process)
    assert (third["event"], third["session"]["session_id"]) == ("ended", "a")


def test_watch_tells_equal_ids_of_two_hosts_apart(watch, hosts):
    for name in ("host0", "host1"):
        write(hosts.store(name), "a", pid=1, process="linux:other:1:1:1", host="x")
    process = watch("--hosts", "host0,host1", "--json")
    found = {read(process)["session"]["on"] for _ in range(2)}
    assert found == {"host0", "host1"}


def test_watch_makes_the_sessions_of_a_silent_host_unknown_and_says_so_once(
    watch, hosts
):
    hosts.install("host0", answer(session()))
    process = watch("--hosts", "host0", "--json")
    assert read(process)["event"] == "started"
    hosts.install("host0", "#!/bin/sh\nexit 9\n")
    change = read(process)
    assert change["before"] == {"verdict": "alive"}
    assert change["session"]["verdict"] == "unknown"
    hosts.install("host0", answer(session()))
    assert read(process)["before"] == {"verdict": "unknown"}
    process.terminate()
    _, message = process.communicate()
    assert message.count("headcount ended with code 9") == 1


def test_watch_line_has_the_host(watch, hosts):
    write(hosts.store("host0"), "a", pid=1, process="linux:other:1:1:1", host="x")
    process = watch("--timeout", "0s", HEADCOUNT_HOSTS="host0")
    output, _ = process.communicate()
    assert output.split()[1:4] == ["host0", "unknown", "a"]


def test_watch_reports_the_end_of_a_session_for_which_a_host_gives_no_reason(
    watch, hosts
):
    hosts.install("host0", answer(session()))
    process = watch("--hosts", "host0")
    assert "started" in process.stdout.readline()
    hosts.install("host0", answer(session(verdict="dead", reasons=[])))
    assert "ended: no reason is known" in process.stdout.readline()


def test_watch_until_a_session_of_a_host_is_in_a_state(watch, hosts):
    process = watch("--hosts", "host0,host1", "--until", "dead", "--json")
    write(hosts.store("host1"), "a")
    output, _ = process.communicate()
    schemas.check_output(["watch"], output)
    assert (process.returncode, json.loads(output)["session"]["on"]) == (0, "host1")


def test_command_of_watch_gets_the_host_with_the_session(watch, hosts):
    command = 'echo "it is $HEADCOUNT_SESSION_ID"'
    hosts.install("host0", answer(session()))
    process = watch("--hosts", "host0", "--exec", command, "--json")
    read(process)
    hosts.install("host0", answer(session(state="waiting")))
    assert process.stderr.readline() == "it is host0:a\n"


def read(process):
    """The next change, which is in the schema."""
    line = process.stdout.readline()
    schemas.check_output(["watch"], line)
    return json.loads(line)
