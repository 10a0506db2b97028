"""`watch --fleet`: what changes on machines that share their sessions."""

from __future__ import annotations

import json
import subprocess
import sys
import threading

import pytest
import schemas
from command_line import environment
from fleet.hosts import session
from fleet.sharers import STORES
from support import ROOT

from lib.fleet.shared import keys


@pytest.fixture
def watch(store):
    """Start the watch of a server, polling fast; it ends with the test."""
    started = []

    def start(server, *words):
        words = ("--interval", "0.1", *words)
        process = subprocess.Popen(
            [sys.executable, "-m", "lib", "watch", "--fleet", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environment(store, HEADCOUNT_REDIS_URL=server.url),
        )
        watchdog = threading.Timer(25, process.kill)
        watchdog.start()
        started.append((process, watchdog))
        return process

    yield start
    for process, watchdog in started:
        process.kill()
        process.communicate()
        watchdog.cancel()


def read(process):
    """The next change, which is in the schema."""
    line = process.stdout.readline()
    schemas.check_output(["watch"], line)
    return json.loads(line)


def test_watch_says_what_changes_on_a_machine_that_shares(watch, sharers):
    sharers.share(STORES[0], "web1", session())
    process = watch(sharers.server, "--json")
    first = read(process)
    assert (first["event"], first["session"]["on"]) == ("started", "web1")
    sharers.share(STORES[0], "web1", session(state="waiting"))
    assert read(process)["before"] == {"state": "busy"}
    sharers.share(STORES[1], "web2", session())
    assert read(process)["session"]["on"] == "web2"
    sharers.share(STORES[0], "web1")
    third = read(process)
    assert (third["event"], third["session"]["on"]) == ("ended", "web1")


def test_watch_makes_the_sessions_of_a_silent_machine_unknown_and_says_so_once(
    watch, sharers
):
    sharers.share(STORES[0], "web1", session())
    process = watch(sharers.server, "--json")
    assert read(process)["event"] == "started"
    sharers.client.delete(keys.of(STORES[0]).lease)
    change = read(process)
    assert change["before"] == {"verdict": "alive"}
    assert change["session"]["verdict"] == "unknown"
    sharers.share(STORES[0], "web1", session())
    assert read(process)["before"] == {"verdict": "unknown"}
    process.terminate()
    _, message = process.communicate()
    assert message.count("web1: it does not renew its lease") == 1


def test_watch_outlives_the_server(watch, own_redis, sharers_of):
    server = own_redis()
    sharers_of(server).share(STORES[0], "web1", session())
    process = watch(server, "--json")
    assert read(process)["event"] == "started"
    server.kill()
    session_now = read(process)["session"]
    assert session_now["verdict"] == "unknown"
    assert "cannot read the fleet from redis://" in session_now["reasons"][0]
    assert session_now["reasons"][0].endswith("; last: busy")
    assert "cannot read the fleet from" in process.stderr.readline()
    server.start()
    assert read(process)["before"] == {"verdict": "unknown"}


def test_watch_without_a_server_is_an_error(watch, own_redis):
    server = own_redis()
    server.kill()
    process = watch(server)
    _, message = process.communicate()
    assert process.returncode == 1
    assert "cannot read the fleet from redis://" in message
