"""Hosts that are network namespaces, each with a store and a sharer."""

from __future__ import annotations

import json
import os
import re
import time
from typing import TYPE_CHECKING, Any

import entries
import fleet
import redis
from machine import ROOT, Machine, Server

if TYPE_CHECKING:
    import contextlib
    import pathlib
    import subprocess

    Content = dict[str, list[dict[str, Any]]]

SESSIONS, RATE = 2, 5  # entries per second
SERVER = 100  # its number
ADMIN, PASSWORD = "admin", "PASSWORD"
NOWHERE = ("lladdr", "02:00:00:00:00:99", "dev", "eth0", "nud", "permanent")


def inside(process: subprocess.Popen[bytes]) -> tuple[str, ...]:
    """Return the words that run a command in the namespaces of *process*."""
    return ("nsenter", "-t", str(process.pid), "-n", "-u", "--")


def start_server(folder: pathlib.Path, ends: contextlib.ExitStack) -> Server:
    """Start the server, in a namespace of its own."""
    process = fleet.host("redis", SERVER, "sleep infinity")
    ends.callback(process.kill)
    time.sleep(0.5)  # until it has its address
    server = Server(folder / "redis", fleet.address(SERVER), inside(process))
    ends.callback(server.kill)
    return server


class Accounts:
    """The users of the server, with the rights that docs/fleet.md gives them."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._documents = (ROOT / "docs/fleet.md").read_text()
        self._set("default", "on", f">{ADMIN}")
        server.client = redis.Redis.from_url(server.url, password=ADMIN)

    def add(self, name: str, like: str, store: str = "") -> None:
        """Add a user with the rights of *like*, who may share the *store*."""
        pattern = rf"^ACL SETUSER {like} (.*)$"
        (rules,) = re.findall(pattern, self._documents, re.MULTILINE)
        self._set(name, *re.sub(r"[{].*[}]", f"{{{store}}}", rules).split())

    def _set(self, name: str, *rules: str) -> None:
        self.server.client.execute_command("ACL", "SETUSER", name, *rules)


class Host:
    """A host with sshd, a sharer and sessions, one of which a program writes to."""

    def __init__(
        self,
        folder: pathlib.Path,
        name: str,
        index: int,
        accounts: Accounts,
        ends: contextlib.ExitStack,
    ) -> None:
        self.name, self._index, self._ends = name, index, ends
        self._sshd = f"/usr/sbin/sshd -D -f {folder / name}/sshd"
        self._enter(fleet.server(folder, name, self._index))
        url, login = accounts.server.url, {"user": name, "password": PASSWORD}
        self.machine = Machine(folder / name, url, inside(self._process), **login)
        refused = self.machine.headcount("share")  # it has an id now, and no account
        self.store = self.machine.store_id()
        assert refused.returncode == 1, refused.stderr
        assert self.store in refused.stderr, refused.stderr
        accounts.add(name, "web1", self.store)
        self._server = accounts.server
        self.share()
        self.follower = entries.Follower(accounts.server.client, self.store)

    def _enter(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ends.callback(process.kill)

    def share(self) -> None:
        """Start a sharer, and return when it shares."""
        self._sharer = self.machine.start_sharer()
        self._ends.callback(self._sharer.kill)

    def write(self) -> None:
        """Start a program that writes entries."""
        self._writer = entries.start_writer(
            self.machine.environment, SESSIONS, RATE, inside=self.machine.inside
        )
        self._ends.callback(self._writer.kill)

    def await_writer(self) -> None:
        """Return when an entry that the program wrote is on the server."""
        while not any(b"test.number" in line for line in self.follower.lines):
            time.sleep(0.05)

    def cut(self) -> None:
        """Let the network lose everything from and to this host."""
        fleet.run("ip", "link", "set", f"veth{self._index}", "nomaster")

    def heal(self) -> None:
        """Connect it again."""
        fleet.run("ip", "link", "set", f"veth{self._index}", "master", "br0")

    def deafen(self) -> None:
        """Let the network lose what the server sends to this host, and nothing else."""
        self._neighbour("replace", *NOWHERE)

    def undeafen(self) -> None:
        """Let it hear the server again."""
        self._neighbour("del", "dev", "eth0")

    def _neighbour(self, action: str, *words: str) -> None:
        ip = [*self._server.inside, "ip", "neigh", action]
        fleet.run(*ip, fleet.address(self._index), *words)

    def vanish(self) -> None:
        """Cut the host off, and kill all that runs there."""
        fleet.run("ip", "link", "del", f"veth{self._index}")
        for process in (self._writer, self._sharer, self._process):
            process.kill()
            process.wait()

    def boot(self) -> None:
        """Start it again after it has vanished, and share what was not shared."""
        self._enter(fleet.host(self.name, self._index, self._sshd))
        self.machine.inside = inside(self._process)
        self.share()

    def compare(self, what: str) -> list[bool]:
        """End what runs here, and compare the store with what was followed."""
        entries.end(self._writer)
        environment = self.machine.environment
        self.follower.await_lines(len(entries.exported(environment)))
        assert entries.end(self._sharer) == 0
        return entries.compare(what, environment, self.follower.end())


class Viewer:
    """A machine on which somebody lists the sessions of all hosts."""

    def __init__(self, folder: pathlib.Path, accounts: Accounts) -> None:
        accounts.add("reader", "reader")
        login = {"user": "reader", "password": PASSWORD}
        self._machine = Machine(folder / "viewer", accounts.server.url, **login)
        path = f"{folder}/bin:{os.environ['PATH']}"
        self._machine.environment["PATH"] = path

    def listed(self, *options: str) -> Content:
        """Return what `headcount list` prints with these options."""
        done = self._machine.headcount("list", "--json", *options)
        return json.loads(done.stdout)
