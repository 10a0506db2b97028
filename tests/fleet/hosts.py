"""Hosts to ask: one real sshd, on whose ports there are different homes and stores.

A pytest plugin: `tests/conftest.py` names it.
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pytest
from support import ROOT

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
HOSTS = 4
PASSWORD_ONLY = "locked"  # a host that takes a password and no key
SERVER = """
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
Match LocalPort {locked}
  PubkeyAuthentication no
  PasswordAuthentication yes
"""
SETTINGS = """
Match LocalPort {port}
  SetEnv HOME={home} HEADCOUNT_DIR={home}/store HEADCOUNT_HOSTS=host1 \
PATH={home}/bin:/usr/bin:/bin
"""
CLIENT = """
Host *
  HostName 127.0.0.1
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
"""
HEADCOUNT = """#!/bin/sh
PYTHONPATH={root} exec {python} -m lib "$@"
"""


class Hosts:
    """The hosts `host0`, `host1`..., and one that only takes a password."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.names = [f"host{number}" for number in range(HOSTS)]
        self.ports = dict(zip([*self.names, PASSWORD_ONLY], free_ports(), strict=True))
        (folder / "bin").mkdir()
        write_script(
            folder / "bin/ssh",
            f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n',
        )

    def home(self, name: str) -> pathlib.Path:
        return self.folder / name

    def store(self, name: str) -> pathlib.Path:
        return self.home(name) / "store"

    def install(self, name: str, script: str = "") -> None:
        """Give the host a `headcount`: the real one, or another *script*."""
        script = script or HEADCOUNT.format(root=ROOT, python=sys.executable)
        write_script(self.home(name) / "bin/headcount", script)

    def reset(self) -> None:
        """Make every host new: an empty store, and the real headcount."""
        for name in self.ports:
            shutil.rmtree(self.home(name), ignore_errors=True)
            (self.home(name) / "bin").mkdir(parents=True)
            self.install(name)

    def environment(self) -> dict[str, str]:
        """What a command needs to reach them: a PATH with an ssh that knows them."""
        return {
            "PATH": f"{self.folder}/bin:{os.environ['PATH']}",
            "XDG_CACHE_HOME": f"{self.folder}/cache",
        }

    @contextlib.contextmanager
    def running(self):
        """Run the server as long as the context lasts."""
        self._write_settings()
        command = [str(SSHD), "-D", "-e", "-f", f"{self.folder}/sshd_config"]
        for port in self.ports.values():
            command += ["-o", f"ListenAddress=127.0.0.1:{port}"]
        if os.geteuid() == 0 and not os.path.isdir("/run/sshd"):
            mount = "mount -t tmpfs none /run && mkdir -m 755 /run/sshd"
            script = f'{mount} && exec "$0" "$@"'
            command = ["unshare", "-m", "sh", "-c", script, *command]
        log = (self.folder / "sshd.log").open("wb")
        with log, subprocess.Popen(command, stderr=log) as server:
            try:
                for port in self.ports.values():
                    wait_for(port, server)
                yield self
            finally:
                server.terminate()

    def _write_settings(self) -> None:
        folder = self.folder
        for name in ("key", "host_key"):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f"]
            subprocess.run([*keygen, str(folder / name)], check=True)
        locked = self.ports[PASSWORD_ONLY]
        server = SERVER.format(folder=folder, locked=locked)
        client, known = "", ""
        host_key = (folder / "host_key.pub").read_text()
        for name, port in self.ports.items():
            server += SETTINGS.format(port=port, home=self.home(name))
            client += f"Host {name}\n  Port {port}\n"
            known += f"[127.0.0.1]:{port} {host_key}"
        (folder / "sshd_config").write_text(server)
        (folder / "config").write_text(client + CLIENT.format(folder=folder))
        (folder / "known_hosts").write_text(known)


def write_script(path: pathlib.Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def free_ports() -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [socket.socket() for _ in range(HOSTS + 1)]
        for each in sockets:
            stack.enter_context(each).bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def wait_for(port: int, server: subprocess.Popen) -> None:
    """Return once the server listens on *port*."""
    while server.poll() is None:
        with contextlib.suppress(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        time.sleep(0.01)
    raise AssertionError(f"sshd ended with {server.returncode}")


@pytest.fixture(scope="session")
def _sshd():
    if not SSHD or not shutil.which("ssh-keygen"):
        pytest.skip("needs OpenSSH's client and server")
    # The path of a socket is short, that of a test's own folder is not.
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        hosts = Hosts(pathlib.Path(folder))
        with hosts.running():
            try:
                yield hosts
            finally:
                end_connections(hosts)


def end_connections(hosts: Hosts) -> None:
    """End the connections that ssh keeps open."""
    for path in (hosts.folder / "cache").glob("headcount/ssh/*"):
        subprocess.run(
            ["ssh", "-o", f"ControlPath={path}", "-O", "exit", "any"],
            stderr=subprocess.DEVNULL,
            check=False,
        )


@pytest.fixture
def hosts(_sshd):
    """The hosts, new, and without a memory of them here."""
    _sshd.reset()
    shutil.rmtree(_sshd.folder / "cache/headcount/hosts", ignore_errors=True)
    return _sshd


@pytest.fixture
def ask(headcount, hosts):
    """Run the command with a way to the hosts."""

    def run(*words, **more):
        return headcount(*words, **{**hosts.environment(), **more})

    return run


def session(**changes):
    """A session as `list --json` prints it, that is alive and busy."""
    keys = (
        *("waiting_for", "state_since", "pid", "cwd", "label", "name", "name_source"),
        *("start_time", "last_heartbeat", "worktree"),
    )
    return {
        **dict.fromkeys(keys),
        "session_id": "a",
        "verdict": "alive",
        "reasons": [],
        "state": "busy",
        "stopped": False,
        "path": "/a",
        "archived": False,
        **changes,
    }


def details(**changes):
    """A session as `show --json` prints it, that is alive and busy."""
    lists = ("predecessors", "successors", "open_in", "timeline", "entries")
    return {
        "v": 1,
        **session(),
        **{key: [] for key in lists},
        "modified": None,
        "resume": None,
        "other_entries": {},
        **changes,
    }


def printing(content):
    """A script that prints this as JSON."""
    return f"#!/bin/sh\ncat <<'EOF'\n{json.dumps(content)}\nEOF\n"


def answer(*sessions, v=1):
    """A script that prints these sessions as `list --json` does."""
    return printing({"v": v, "sessions": sessions})
