"""What `headcount doctor` says of sharing."""

from __future__ import annotations

import signal

import pytest
from fleet.redis_server import free_port

from lib.fleet.shared import identity, lease
from lib.fleet.sharing import holder


@pytest.fixture
def sharing(examine, installed):
    """The finding on sharing, if any: level, message and fix."""

    def look(url, **more):
        findings, _ = examine(HEADCOUNT_REDIS_URL=url, **more)
        found = [each for each in findings if each["check"] == "sharing"]
        return [(each["level"], each["message"], each["fix"]) for each in found]

    return look


def test_sharing_that_is_not_configured_is_not_mentioned(examine, installed):
    assert "sharing" not in {finding["check"] for finding in examine()[0]}


def test_server_that_answers_is_fine_without_sharing(redis_server, sharing, store):
    assert sharing(redis_server.url) == [
        ("ok", f"{redis_server.url} answers; this store is not shared", None)
    ]


def test_store_that_is_shared_is_fine(redis_server, sharing, share):
    running = share(redis_server)
    ((level, message, _),) = sharing(redis_server.url)
    assert level == "ok"
    assert f"{redis_server.url}: by pid {running.process.pid} of " in message
    assert message.endswith("s ago")


def test_store_that_is_no_longer_shared_is_a_warning(redis_server, sharing, share):
    share(redis_server).end(signal.SIGTERM)
    ((level, message, fix),) = sharing(redis_server.url)
    assert (level, fix) == ("warn", "headcount share")
    assert "is not now" in message


def test_store_that_is_a_copy_is_a_problem(redis_server, sharing, shared, store):
    there = shared(redis_server)
    elsewhere = holder.this_process()._replace(host="web9", machine="0" * 32)
    there.client.set(there.keys.lease, lease.encode(elsewhere))
    ((level, message, fix),) = sharing(redis_server.url)
    assert (level, fix) == ("problem", f"rm {identity.path()}")
    assert "on web9" in message


def test_server_that_is_away_is_a_problem(sharing):
    url = f"redis://127.0.0.1:{free_port()}"
    ((level, message, _),) = sharing(url)
    assert level == "problem"
    assert f"cannot ask {url}" in message


def test_server_across_an_open_network_is_a_warning(sharing):
    found = sharing("redis://192.0.2.1:1")  # an address of nobody
    assert found[0][0] == "warn"
    assert "is not encrypted" in found[0][1]


def test_configuration_that_is_not_valid_is_a_problem(sharing):
    ((level, message, _),) = sharing("localhost")
    assert level == "problem"
    assert "HEADCOUNT_REDIS_URL in the environment is not a valid URL" in message
