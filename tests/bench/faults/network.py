"""Hosts that are network namespaces are cut off, come back, and vanish."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import fleet
import redis
from hosts import PASSWORD, SESSIONS, Accounts, Host, Viewer, start_server
from share import report

from lib.fleet.shared import keys

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Iterator

    from hosts import Content
    from machine import Server

CUT, DEAF = ("host0", "host1"), "host2"  # it can send, but hears nothing
VANISHED, WHOLE = "host3", "host4"
NAMES = (*CUT, DEAF, VANISHED, WHOLE)
BACK = (*CUT, DEAF)
LOOK_SECONDS = 1.0
TRIES = 5
SHOWN_GOAL = 60.0
HEAL_SECONDS = 120.0
SILENT = "host not heard from for "


def run_inside() -> int:
    """Run this program again, in network and mount namespaces of its own."""
    words = ["unshare", "-n", "-m", sys.executable, *sys.argv]
    environment = {**os.environ, fleet.INSIDE: "1"}
    return subprocess.run(words, env=environment, check=False).returncode


def measure(folder: pathlib.Path, seconds: int) -> list[bool]:
    """Cut the network for so long; return which goals were missed."""
    fleet.prepare(folder, [*NAMES])
    with contextlib.ExitStack() as ends:
        server = start_server(folder, ends)
        accounts = Accounts(server)
        hosts = {
            name: Host(folder, name, index, accounts, ends)
            for index, name in enumerate(NAMES)
        }
        viewer = Viewer(folder, accounts)
        return [
            *compare_lists(viewer),
            *forge(server, hosts["host0"], hosts["host1"]),
            *cut(viewer, hosts, seconds),
        ]


# ---- Three machines in a list, and a thief --------------------------------------


def compare_lists(viewer: Viewer) -> list[bool]:
    """Ask three of the machines by ssh, and list them as the server has them."""
    number = len(BACK) * fleet.SESSIONS
    for _ in range(TRIES):  # a busy machine may need more than 3 s to log in to each
        by_ssh = compared(viewer.listed("--on", ",".join(BACK)))
        if len(by_ssh) == number:
            break
    assert len(by_ssh) == number, by_ssh
    shared = compared(viewer.listed("--fleet"))
    differing = [key for key in by_ssh if by_ssh[key] != shared.get(key)]
    what = f"{number} sessions of {len(BACK)} hosts: not the same by ssh and Redis"
    return [report(what, len(differing), "", 0)]


def compared(content: Content) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the sessions by host and id, without the ages in their reasons."""
    return {
        (session["on"], session["session_id"]): {
            key: session[key]
            for key in session
            if session[key] not in (None, [], {}) and key != "reasons"
        }
        for session in content["sessions"]
    }


def forge(server: Server, thief: Host, victim: Host) -> list[bool]:
    """Try to change what *victim* shares, and to look around, as *thief*."""
    own = keys.of(victim.store)
    commands = [
        *(["SET", key, "forged"] for key in own),
        *([name, key] for key in own for name in ("DEL", "GET", "WATCH")),
        *(["PEXPIRE", key, "1"] for key in own),
        *(["XADD", own.log, "*", keys.FIELD, "{}"], ["XRANGE", own.log, "-", "+"]),
        *(["SCAN", "0"], ["KEYS", "*"], ["FLUSHALL"], ["CONFIG", "GET", "*"]),
        *(["EVAL", "return 1", "0"], ["ACL", "LIST"], ["RENAME", own.now, own.log]),
    ]
    user = {"username": thief.name, "password": PASSWORD}
    with redis.Redis.from_url(server.url, **user) as client:
        done = [command for command in commands if not is_refused(client, command)]
    what = f"{len(commands)} commands with another host's account: not refused"
    return [report(what, len(done), "", 0)]


def is_refused(client: redis.Redis, command: list[str]) -> bool:
    """Whether the server does not let the user of *client* do this."""
    try:
        client.execute_command(*command)
    except redis.exceptions.NoPermissionError:
        return True
    return False


# ---- The network ----------------------------------------------------------------


class Sight(NamedTuple):
    """What somebody saw on another machine, *seconds* after the network was cut."""

    seconds: float
    content: Content

    def status(self, name: str) -> str:
        """Return the status of the host."""
        (host,) = (host for host in self.content["hosts"] if host["on"] == name)
        return str(host["status"])

    def sessions(self, name: str) -> list[dict[str, Any]]:
        """Return the sessions of the host."""
        return [each for each in self.content["sessions"] if each["on"] == name]

    def shows_silence(self, name: str) -> bool:
        """Whether the host is silent, and each of its sessions unknown for that."""
        sessions = self.sessions(name)
        return (
            self.status(name) == "unreachable"
            and len(sessions) == fleet.SESSIONS + SESSIONS
            and all(map(is_silent, sessions))
        )


def is_silent(session: dict[str, Any]) -> bool:
    """Whether it is unknown what *session* does, with what it did last."""
    reason = session["reasons"][0]
    is_told = reason.startswith(SILENT) and "; last: " in reason
    return session["verdict"] == "unknown" and is_told


def cut(viewer: Viewer, hosts: dict[str, Host], seconds: int) -> list[bool]:
    """Cut three hosts off at once, let one vanish, and connect the three again."""
    for host in hosts.values():
        host.write()
    for host in hosts.values():
        host.await_writer()
    began = time.monotonic()
    for name in CUT:
        hosts[name].cut()
    hosts[DEAF].deafen()
    hosts[VANISHED].vanish()
    sights = [*look(viewer, began, seconds)]
    missed = [*judge(sights)]
    healed = time.monotonic()
    for name in CUT:
        hosts[name].heal()
    hosts[DEAF].undeafen()
    hosts[VANISHED].boot()
    missed += heal(viewer, healed)
    for name, host in hosts.items():
        missed += host.compare(name)
    return missed


def look(viewer: Viewer, began: float, seconds: float) -> Iterator[Sight]:
    """List the sessions again and again, for so long since *began*."""
    while time.monotonic() - began < seconds:
        content = viewer.listed("--fleet")
        yield Sight(time.monotonic() - began, content)
        time.sleep(LOOK_SECONDS)


def judge(sights: list[Sight]) -> Iterator[bool]:
    """Print what was seen while hosts were silent."""
    for name in (*BACK, VANISHED):
        after = [sight for sight in sights if sight.shows_silence(name)]
        shown = after[0].seconds if after else float("inf")
        yield report(f"{name}: shown as silent after", shown, "s", SHOWN_GOAL)
        later = [sight for sight in sights if sight.seconds >= shown]
        yield report(f"{name}: not silent later", len(later) - len(after), "", 0)
    sessions = [each for sight in sights for each in sight.content["sessions"]]
    dead = [each for each in sessions if each["verdict"] == "dead"]
    yield report(f"{len(sights)} lists: sessions that are dead", len(dead), "", 0)
    wrong = [sight for sight in sights if sight.status(WHOLE) != "ok"]
    yield report(f"{len(sights)} lists: {WHOLE} is not heard", len(wrong), "", 0)


def heal(viewer: Viewer, healed: float) -> Iterator[bool]:
    """Print when all hosts are heard again."""
    for sight in look(viewer, healed, HEAL_SECONDS):
        if all(sight.status(name) == "ok" for name in NAMES):
            yield report("all are heard again after", sight.seconds, "s", None)
            return
    yield report("all are heard again after", float("inf"), "s", HEAL_SECONDS)
