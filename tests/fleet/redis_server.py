"""A real redis-server for tests, on a port of its own; a pytest plugin."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

import pytest

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class RedisServer:
    """A running server, whose files are in *folder*. *options* are further arguments.

    It writes each command to its disk before it replies, so a kill loses nothing.
    """

    def __init__(self, folder, *options):
        self.folder = folder
        self.port = free_port()
        self._options = options
        self.process = None
        folder.mkdir(parents=True, exist_ok=True)
        self.start()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"

    def start(self):
        """Start it, with what it has on disk; return when it answers."""
        self.process = subprocess.Popen(
            [
                *(PROGRAM, "--port", str(self.port), "--bind", "127.0.0.1"),
                *("--dir", str(self.folder), "--save", "", "--appendonly", "yes"),
                *("--appendfsync", "always", "--logfile", str(self.folder / "log")),
                *self._options,
            ],
            stdin=subprocess.DEVNULL,
        )
        self.await_ready()

    def await_ready(self):
        deadline = time.monotonic() + 20
        while not self._answers():
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def _answers(self):
        """Whether it has read its files: until then the answer is an error."""
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.port), 5) as connection,
        ):
            connection.sendall(b"PING\r\n")
            return not connection.recv(64).startswith(b"-LOADING")
        return False

    def client(self, **more):
        """A client with which the test looks; its replies are text."""
        import redis

        options = {"decode_responses": True, **more}
        return redis.Redis(host="127.0.0.1", port=self.port, **options)

    def kill(self):
        """Kill it as a crash would."""
        self.process.kill()
        self.process.wait()

    def lose_everything(self):
        """Restart it with an empty disk."""
        self.kill()
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self.start()

    @contextlib.contextmanager
    def frozen(self):
        """Let it accept connections, as the kernel does, and answer nothing."""
        os.kill(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.process.pid, signal.SIGCONT)


@pytest.fixture(scope="session")
def _shared_redis(tmp_path_factory):
    if PROGRAM is None:
        pytest.skip("needs redis-server or valkey-server")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_server(_shared_redis):
    """An empty server, which other tests use later: it is not to be killed."""
    with contextlib.closing(_shared_redis.client()) as client:
        client.flushall()
    return _shared_redis


@pytest.fixture
def own_redis(tmp_path):
    """Start a server of this test's own, with *options*."""
    if PROGRAM is None:
        pytest.skip("needs redis-server or valkey-server")
    servers = []

    def start(*options):
        folder = tmp_path / f"redis{len(servers)}"
        servers.append(RedisServer(folder, *options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
