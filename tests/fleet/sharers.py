"""Machines that share what a test says, through a real server; a pytest plugin."""

from __future__ import annotations

import json

import pytest

from lib.fleet.shared import encoding, keys
from lib.fleet.shared.encoding import Now

STORES = [f"{number:032x}" for number in (0xAB << 120, 0xCD << 120, 0xEF << 120)]


class Sharers:
    """Stores with sharers that a test has full control of."""

    def __init__(self, server):
        self.server = server
        self.client = server.client(decode_responses=False)

    def time(self):
        seconds, microseconds = self.client.time()
        return seconds + microseconds / 1e6

    def share(
        self, store, host, *sessions, lease_ms=keys.LEASE_MS, age=0, behind=0, **more
    ):
        """Share *sessions* as *host*, *age* seconds ago, with a clock that is wrong."""
        heard = self.time() - age
        now = Now(host, heard, heard - behind, list(sessions), **more)
        self.set(store, encoding.encode(now), lease_ms)

    def set(self, store, value, lease_ms=keys.LEASE_MS):
        names = keys.of(store)
        self.client.delete(names.lease, names.now)
        self.client.set(names.now, value, ex=keys.EXPIRY_SECONDS)
        if lease_ms:
            self.client.set(names.lease, b"{}", px=lease_ms)

    def log(self, store, *entries):
        for entry in entries:
            text = entry if isinstance(entry, bytes) else json.dumps(entry)
            self.client.xadd(keys.of(store).log, {keys.FIELD: text})


@pytest.fixture
def sharers_of():
    """Return the machines that share through a server."""
    started = []

    def of(server):
        started.append(Sharers(server))
        return started[-1]

    yield of
    for each in started:
        each.client.close()


@pytest.fixture
def sharers(sharers_of, redis_server):
    return sharers_of(redis_server)


@pytest.fixture
def fleet(headcount, redis_server):
    """Run the command with --fleet; *url* is that of another server."""

    def run(*words, url=None, **more):
        url = url or redis_server.url
        return headcount(*words, "--fleet", HEADCOUNT_REDIS_URL=url, **more)

    return run
