"""`watch --fleet`: what changes on machines that share their sessions."""

from __future__ import annotations

import json

import pytest
import schemas
from fleet.hosts import session
from fleet.sharers import STORES

from lib.fleet.shared import keys


@pytest.fixture
def watch(start_watch):
    """Start the watch of what is shared through a server."""

    def start(server, *words):
        return start_watch("--fleet", *words, HEADCOUNT_REDIS_URL=server.url)

    return start


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
