"""A store, its server and its sharer, on this machine or in network namespaces."""

from __future__ import annotations

import contextlib
import os
import pathlib
import socket
import subprocess
import sys
import time

import redis

ROOT = pathlib.Path(__file__).resolve().parents[3]
READY_SECONDS = 20.0
# What would be on other machines goes after what is on this one.
LATER = 10
ELSEWHERE = ("nice", "-n", str(LATER))


class Server:
    """A redis-server with files in *folder*; each change is there before the reply.

    *inside* are the words that run it on a host, whose address is *address*. With
    *fsync* "no" it leaves it to the system when its changes get to the disk.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        address: str = "127.0.0.1",
        inside: tuple[str, ...] = (),
        fsync: str = "always",
    ) -> None:
        folder.mkdir()
        port = free_port()
        self._words = [
            *(*inside, *ELSEWHERE, "redis-server", "--port", str(port)),
            *("--bind", address, "--protected-mode", "no", "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", fsync),
            *("--logfile", str(folder / "log")),
        ]
        self.inside = inside
        self.url = f"redis://{address}:{port}"
        self.client = redis.Redis.from_url(self.url)
        self.start()

    def start(self) -> None:
        """Start it, and return when it has read its files."""
        self._process = subprocess.Popen(self._words)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                self.client.ping()
                return
            time.sleep(0.01)
        self.kill()
        raise SystemExit("redis-server did not start")

    def kill(self) -> None:
        """Kill it as a crash would."""
        self._process.kill()
        self._process.wait()


def free_port() -> int:
    """Return a port that nothing listens on here."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Machine:
    """A machine with a home, in which the sharer finds its *server* and *login*.

    *inside* are the words that run a command on it.
    """

    def __init__(
        self,
        home: pathlib.Path,
        server: str,
        inside: tuple[str, ...] = (),
        **login: str,
    ) -> None:
        self.inside = inside
        self.store = home / "store"
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "HOME": str(home),
            "HEADCOUNT_DIR": str(self.store),
        }
        folder = home / ".config/headcount"
        folder.mkdir(parents=True)
        values = {"url": server, **login}
        lines = [f"HEADCOUNT_REDIS_{key.upper()}={values[key]}\n" for key in values]
        (folder / "redis.env").write_text("".join(lines))
        (folder / "redis.env").chmod(0o600)

    def command(self, *words: str) -> list[str]:
        """Return the words that run `headcount` here with *words*."""
        return [*self.inside, sys.executable, "-m", "lib", *words]

    def headcount(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `headcount` here; return what it printed, and its exit code."""
        return subprocess.run(
            self.command(*words),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

    def start_sharer(self) -> subprocess.Popen[str]:
        """Start a sharer, and return when it shares."""
        sharer = subprocess.Popen(
            self.command("share"),
            env=self.environment,
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        await_words(sharer, "sharing ")
        return sharer

    def store_id(self) -> str:
        """Return the id of the store, which has been shared."""
        return (self.store / "store-id").read_text().strip()


def await_words(process: subprocess.Popen[str], words: str) -> None:
    """Return when *process* has said *words* on stderr."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return
    raise SystemExit(f"a sharer ended, and said: {said}")
