"""How long a list of many hosts takes: each a network namespace with a real sshd.

    sudo tests/.venv/bin/python tests/bench/fleet.py [--hosts N] [--rounds N]

Everything is in a network namespace of its own, and goes away with it: a bridge, and
for each host a namespace behind it with its own address, home and store, which has five
sessions. All hosts share the processors of this machine, with ssh and sshd. Exit
status: 0; 1 if a goal was missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SESSIONS = 5
WARM_GOAL, BLACK_HOLE_GOAL = 1.5, 3.5  # seconds
INSIDE = "HEADCOUNT_BENCH_INSIDE"
SERVER = """
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
SetEnv HOME={home} HEADCOUNT_DIR={home}/store PATH={folder}/host-bin:/usr/bin:/bin
"""
CLIENT = """
Host host*
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
"""
FILL = """
from lib import sessions
for number in range({sessions}):
    sessions.create_session(f"session {{number}}", session_id=f"s-{{number}}", pid=1)
"""


def main() -> int:
    """Make the hosts, measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=10)
    args = parser.parse_args()
    if os.environ.get(INSIDE) != "1":
        words = ["unshare", "-n", "-m", sys.executable, *sys.argv]
        return subprocess.run(
            words, env={**os.environ, INSIDE: "1"}, check=False
        ).returncode
    with (
        tempfile.TemporaryDirectory(prefix="fleet-") as folder,
        contextlib.ExitStack() as servers,
    ):
        names = start(pathlib.Path(folder), args.hosts, servers)
        try:
            return measure(pathlib.Path(folder), names, args.rounds)
        finally:
            for socket in pathlib.Path(folder).glob("cache/headcount/ssh/*"):
                run("ssh", "-o", f"ControlPath={socket}", "-O", "exit", "any")


def run(*words: str) -> None:
    """Run a command that must succeed, and keep what it says to itself."""
    subprocess.run(words, check=True, capture_output=True)


def script(path: pathlib.Path, line: str) -> None:
    """Write a shell script of one line."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def start(
    folder: pathlib.Path, number: int, servers: contextlib.ExitStack
) -> list[str]:
    """Start that many hosts, and return their names."""
    names = [f"host{index}" for index in range(number)]
    prepare(folder, [*names, "host-gone"])
    for index, name in enumerate(names):
        servers.callback(server(folder, name, index).kill)
    # Packets for the last one go nowhere, and nobody says so.
    black_hole = ["lladdr", "02:00:00:00:00:99", "dev", "br0", "nud", "permanent"]
    run("ip", "neigh", "add", address(number), *black_hole)
    time.sleep(1)  # until all of them listen
    return names


def address(index: int) -> str:
    """Return the address of a host."""
    return f"10.77.0.{index + 10}"


def prepare(folder: pathlib.Path, names: list[str]) -> None:
    """Make a bridge, and what ssh needs to get to the hosts with these *names*."""
    run("mount", "-t", "tmpfs", "none", "/run")
    os.mkdir("/run/sshd", 0o755)
    for name in ("key", "host_key"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
    script(folder / "bin/ssh", f'exec /usr/bin/ssh -F {folder}/config "$@"')
    headcount = f'PYTHONPATH={ROOT} exec {sys.executable} -m lib "$@"'
    script(folder / "host-bin/headcount", headcount)
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", "br0", "type", "bridge")
    run("ip", "addr", "add", "10.77.0.1/24", "dev", "br0")
    run("ip", "link", "set", "br0", "up")
    config, known = "", ""
    key = (folder / "host_key.pub").read_text()
    for index, name in enumerate(names):
        config += f"Host {name}\n  HostName {address(index)}\n"
        known += f"{address(index)} {key}"
    (folder / "config").write_text(config + CLIENT.format(folder=folder))
    (folder / "known_hosts").write_text(known)


def server(folder: pathlib.Path, name: str, index: int) -> subprocess.Popen[bytes]:
    """Start a host with a home, a store and a sshd."""
    home = folder / name
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "HEADCOUNT_DIR": str(home / "store"),
    }
    fill = [sys.executable, "-c", FILL.format(sessions=SESSIONS)]
    subprocess.run(fill, cwd=ROOT, env=environment, check=True)
    settings = SERVER.format(address=address(index), folder=folder, home=home)
    (home / "sshd").write_text(settings)
    return host(name, index, f"/usr/sbin/sshd -D -f {home}/sshd")


def host(name: str, index: int, command: str) -> subprocess.Popen[bytes]:
    """Start a host: a namespace on the bridge in which *command* runs."""
    setup = (
        f"hostname {name}; read _; ip link set lo up; ip link set eth0 up; "
        f"ip addr add {address(index)}/24 dev eth0; exec {command}"
    )
    words = ["unshare", "-n", "-u", "sh", "-c", setup]
    process = subprocess.Popen(words, stdin=subprocess.PIPE)
    time.sleep(0.05)  # until it is in its namespace
    peer = ["type", "veth", "peer", "name", "eth0", "netns", str(process.pid)]
    run("ip", "link", "add", f"veth{index}", *peer)
    run("ip", "link", "set", f"veth{index}", "master", "br0", "up")
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.close()
    return process


def measure(folder: pathlib.Path, names: list[str], rounds: int) -> int:
    """Print each figure; return 1 if a goal was missed."""
    three, _ = timed(folder, names[:3])
    print(f"3 hosts, cold: {three:.2f} s")
    cold, _ = timed(folder, names)
    print(f"{len(names)} hosts, {len(names) - 3} of them cold: {cold:.2f} s")
    warm = [timed(folder, names)[0] for _ in range(rounds)]
    show(f"{len(names)} hosts, warm", warm, WARM_GOAL)
    black = [timed(folder, [*names, "host-gone"], lost=1)[0] for _ in range(rounds)]
    show(f"{len(names)} hosts, warm, and one black-holed", black, BLACK_HOLE_GOAL)
    return int(max(warm) > WARM_GOAL or max(black) > BLACK_HOLE_GOAL)


def show(what: str, seconds: list[float], goal: float) -> None:
    """Print the median and the slowest of *seconds* beside the goal."""
    median = statistics.median(seconds)
    print(f"{what}: {median:.2f} s (slowest {max(seconds):.2f} s, goal {goal:g} s)")


def timed(
    folder: pathlib.Path, names: list[str], lost: int = 0
) -> tuple[float, dict[str, object]]:
    """Return how long one list took, in seconds, and what it printed."""
    environment = {
        **os.environ,
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "XDG_CACHE_HOME": f"{folder}/cache",
        "HEADCOUNT_DIR": f"{folder}/ours",
        "PYTHONPATH": str(ROOT),
    }
    words = [sys.executable, "-m", "lib", "list", "--on", ",".join(names), "--json"]
    began = time.monotonic()
    done = subprocess.run(words, env=environment, capture_output=True, check=False)
    seconds = time.monotonic() - began
    content = json.loads(done.stdout)
    ok = [host for host in content["hosts"] if host["status"] == "ok"]
    assert len(ok) == len(names) - lost, done.stderr.decode()
    assert len(content["sessions"]) == SESSIONS * len(ok)
    return seconds, content


if __name__ == "__main__":
    raise SystemExit(main())
