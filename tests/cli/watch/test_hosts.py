"""The interactive watch of other machines: `--hosts` and `--fleet`."""

from __future__ import annotations

import sys

import pytest
from command_line import write
from fleet.hosts import session
from fleet.sharers import STORES
from support import ID

from lib.fleet import merge, poll
from lib.fleet.merge import Fleet, HostError
from lib.fleet.shared import keys

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"


def fleet_of(*sessions, silent=()):
    """A fleet of the hosts that *sessions* are on, and of some that are *silent*."""
    answered = [merge.answered(host, 0) for host in {each["on"] for each in sessions}]
    error = HostError(merge.UNREACHABLE, "no answer within 3 s")
    failed = [merge.failed(host, error, None) for host in silent]
    return Fleet([*sessions], [*answered, *failed])


class Asked:
    """Hosts that answer what the play says next; `fleet` is also an error to raise."""

    def __init__(self, *sessions, **more):
        self.answer = fleet_of(*sessions, **more)

    def __call__(self):
        if isinstance(self.answer, Exception):
            raise self.answer
        return Fleet([dict(each) for each in self.answer.sessions], self.answer.hosts)


def on(host, **changes):
    place = {
        "cwd": "/srv/shop",
        "worktree": "/srv/shop",
        "branch": "main",
        "same_worktree": [],
    }
    return session(on=host, **{**place, **changes})


@pytest.fixture
def play_hosts(play):
    """Run a play with these hosts."""
    return lambda script, asked, **more: play(script, poller=poll.Poller(asked), **more)


def test_rows_have_the_host_also_of_equal_ids(play_hosts):
    asked = Asked(on("web1", session_id=ID), on("web2", session_id=ID))

    async def script(stage):
        assert stage.lines[0].split()[:2] == ["ON", "STATE"]
        hosts = [row.session["on"] for row in stage.list.rows]
        assert sorted(hosts) == ["web1", "web2"]
        await stage.press("down")
        assert stage.list.session["on"] == hosts[1]
        asked.answer = fleet_of(on("web1", session_id=ID, state="waiting"))
        await stage.until(lambda: len(stage.ids) == 1)
        assert "waiting" in stage.text

    play_hosts(script, asked)


def test_host_that_does_not_answer_is_a_row_that_no_key_changes(play_hosts):
    asked = Asked(on("web1"), silent=["web2", "web3"])

    async def script(stage):
        assert "never heard from" in stage.text
        assert stage.ids == ["a", "-", "-"]
        await stage.press("end", "enter", "l", "a", "r")
        await stage.polled()
        assert stage.ids == ["a", "-", "-"]

    assert play_hosts(script, asked) is None


def test_enter_leaves_the_watch_for_a_session_of_another_machine(play_hosts):
    async def script(stage):
        await stage.press("enter")

    result = play_hosts(script, Asked(on("web1", session_id=ID)))
    assert (result["on"], result["session_id"]) == ("web1", ID)


@pytest.mark.parametrize("key", ["l", "a"], ids=["label", "archive"])
def test_key_that_changes_a_session_says_that_it_is_elsewhere(play_hosts, key):
    async def script(stage):
        await stage.press(key)
        await stage.until("a is on web1; Enter goes there")

    play_hosts(script, Asked(on("web1", verdict="dead")))


def test_r_copies_the_command_that_goes_there(play_hosts):
    async def script(stage):
        await stage.press("r")
        await stage.until("copied: headcount go web1:a")

    play_hosts(script, Asked(on("web1")))


def test_details_of_a_session_elsewhere_have_its_host(play_hosts):
    asked = Asked(on("web1", same_worktree=["b"], verdict="dead"), silent=["web2"])

    async def script(stage):
        await stage.press("G")
        await stage.until(lambda: stage.ids[stage.list.cursor] == "a")
        await stage.until("headcount go web1:a")
        assert "same worktree" in stage.text
        await stage.press("g")
        await stage.until("web2: never heard from")

    play_hosts(script, asked, columns=160)


def test_t_groups_by_host_and_worktree(play_hosts):
    async def script(stage):
        await stage.press("t")
        await stage.until("web1: /srv/shop")
        assert "web2: /srv/shop" in stage.text

    play_hosts(script, Asked(on("web1"), on("web2")))


def test_filter_finds_the_host(play_hosts):
    async def script(stage):
        await stage.press("slash", *"web2")
        assert [row.session["on"] for row in stage.list.rows] == ["web2"]

    play_hosts(script, Asked(on("web1"), on("web2")))


def test_failed_poll_is_said_and_makes_all_unknown(play_hosts):
    asked = Asked(on("web1"))

    async def script(stage):
        asked.answer = HostError(merge.UNREACHABLE, "the server\x1b is away")
        await stage.until("unknown")
        await stage.until("the server\ufffd is away")

    play_hosts(script, asked)


def test_watch_of_hosts_is_interactive_and_enter_goes_there(on_terminal, hosts):
    write(hosts.store("host0"), ID, label="nightly")
    real = (hosts.home("host0") / "bin/headcount").read_text()
    script = '#!/bin/sh\nif [ "$1" = go ]; then echo "runs: $*"; exit 7; fi'
    hosts.install("host0", f"{script}\n{real}")
    words = [sys.executable, "-m", "lib", "watch", "--hosts", "host0"]
    person = on_terminal(*words, **hosts.environment())
    person.until(b"nightly")
    person.type(b"\r")
    code, shown = person.end()
    assert code == 7
    assert f"runs: go -- {ID}" in shown


def test_watch_of_a_server_is_interactive(shell, sharers):
    sharers.share(STORES[0], "web1", session(session_id=ID, label="nightly"))
    shell.type(f"export HEADCOUNT_REDIS_URL={sharers.server.url}\n")
    shell.start("--fleet", "--interval", "0.1")
    shell.until("nightly")
    sharers.share(STORES[1], "web2", session(session_id=OTHER, label="docs"))
    lines = shell.until("docs")
    assert any(line.startswith("web2") for line in lines)
    sharers.client.delete(keys.of(STORES[1]).lease)
    shell.until("not heard from since")
    shell.press("q")
    shell.until("prompt>")
