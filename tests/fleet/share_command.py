"""`headcount share` run as people run it, and what a server then has; a plugin."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time

import pytest
from command_line import environment
from support import ROOT

from lib.fleet.shared import encoding, identity, keys

TIMEOUT = 60


class Share:
    """A running `headcount share`, with what it has said on stderr."""

    def __init__(self, store, url, *words, trace=(), **more):
        self.process = subprocess.Popen(
            [*trace, sys.executable, "-m", "lib", "share", *words],
            env=environment(store, **{"HEADCOUNT_REDIS_URL": url, **more}),
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        self.said = ""
        self._selector = selectors.DefaultSelector()
        self._selector.register(self.process.stderr, selectors.EVENT_READ)

    def await_words(self, words):
        """Return once it has said *words* anew; what it said before is forgotten."""
        deadline = time.monotonic() + TIMEOUT
        while words not in self.said:
            assert self._selector.select(deadline - time.monotonic()), self.said
            block = os.read(self.process.stderr.fileno(), 65_536)
            assert block, self.said
            self.said += block.decode()
        said, self.said = self.said, self.said.partition(words)[2]
        return said

    def end(self, number):
        """Send a signal; return the exit code."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        """Wait for its end; return the exit code."""
        rest = self.process.communicate(timeout=TIMEOUT)[1]
        self.said += rest.decode()
        assert "Traceback" not in self.said, self.said
        return self.process.returncode


@pytest.fixture
def share(store):
    """Start `headcount share`; with *ready*, return once it shares."""
    started = []

    def start(server, *words, ready=True, **more):
        started.append(Share(store, server.url, *words, **more))
        if ready:
            started[-1].await_words("sharing ")
        return started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.communicate()


class Shared:
    """What the server has of the store of the test."""

    def __init__(self, client):
        self.client = client
        self.keys = keys.of(identity.store_id())

    def entries(self):
        """The entries in the log, in its order."""
        items = self.client.xrange(self.keys.log)
        return [json.loads(fields[keys.FIELD.encode()]) for _, fields in items]

    def numbers(self):
        """The numbers of the entries that `add` of the test wrote."""
        return [each["n"] for each in self.entries() if each["type"] == "test.number"]

    def now(self):
        """The sessions and what belongs to them; None if there is nothing yet."""
        value = self.client.get(self.keys.now)
        return None if value is None else encoding.decode(value)

    def session(self):
        """The only session, without what changes with time."""
        (session,) = self.now().sessions
        return session

    @staticmethod
    def until(holds):
        """Wait until *holds* returns something true, and return that."""
        deadline = time.monotonic() + TIMEOUT
        while not (result := holds()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return result


@pytest.fixture
def shared(store):
    """What a server has of the store of this test."""
    clients = []

    def look(server, **login):
        clients.append(server.client(decode_responses=False, **login))
        return Shared(clients[-1])

    yield look
    for client in clients:
        client.close()
