"""`list --fleet` and `show --fleet`: what machines share, also hostile ones."""

from __future__ import annotations

import json
import os
import re
import signal
import time
import zlib

import pytest
from command_line import HOSTILE, write
from fleet.hosts import session
from fleet.sharers import STORES
from support import ROOT

from lib.fleet.shared import encoding, keys
from lib.fleet.shared.encoding import Now
from lib.record import timestamps
from lib.system import process

HOURS = 3600.0


def listed(fleet, *words):
    """The exit code, the sessions by host and id, the hosts by name, and stderr."""
    code, output, message = fleet("list", "--json", *words)
    content = json.loads(output)
    sessions = {(each["on"], each["session_id"]): each for each in content["sessions"]}
    assert len(sessions) == len(content["sessions"])
    return code, sessions, {each["on"]: each for each in content["hosts"]}, message


def waiting(session_id="a", **changes):
    since = timestamps.from_epoch(time.time() - 240)
    state = {"state": "waiting", "waiting_for": "permission", "state_since": since}
    return session(session_id=session_id, **{**state, **changes})


def test_three_stores_are_one_list(fleet, sharers):
    for store, host in zip(STORES, ("web1", "web2", "ci.example"), strict=True):
        sharers.share(store, host, waiting(), session(session_id="b"))
    code, sessions, hosts, message = listed(fleet)
    assert (code, message) == (0, "")
    names = ("web1", "web2", "ci.example")
    assert sessions.keys() == {(host, each) for host in names for each in "ab"}
    assert {host["status"] for host in hosts.values()} == {"ok"}
    code, output, _ = fleet("list", "--table")
    assert code == 0
    assert output.splitlines()[0].split()[:4] == ["ON", "STATE", "FOR", "SINCE"]
    assert [line.split()[1] for line in output.splitlines()[1:]] == [
        *["waiting"] * 3,
        *["busy"] * 3,
    ]


def test_list_without_any_store_says_so(fleet):
    assert fleet("list", "--table") == (
        0,
        "",
        "headcount: no session that is shared matches\n",
    )


def test_store_without_a_lease_is_unknown_never_dead(fleet, sharers):
    closed = session(session_id="c", verdict="dead", state="closed")
    silent = [waiting(), session(session_id="b"), closed]
    sharers.share(STORES[0], "web1", *silent, lease_ms=0, age=125)
    sharers.share(STORES[1], "web2", waiting())
    code, sessions, hosts, message = listed(fleet)
    assert code == 1
    assert sessions.keys() == {("web1", "a"), ("web1", "b"), ("web2", "a")}
    assert {s["verdict"] for s in sessions.values()} == {"alive", "unknown"}
    reasons = {key: each["reasons"] for key, each in sessions.items()}
    assert reasons["web1", "a"] == ["host not heard from for 2 min; last: waiting"]
    assert reasons["web1", "b"] == ["host not heard from for 2 min; last: busy"]
    assert hosts["web1"]["status"] == "unreachable"
    heard = timestamps.parse(hosts["web1"]["last_heard"])
    assert abs(heard - (time.time() - 125)) < 5
    assert "web1: it does not renew its lease; not heard from since" in message
    assert "(2 min ago)" in message


def test_lease_that_never_ends_is_not_one(fleet, sharers):
    sharers.share(STORES[0], "web1", session())
    sharers.client.persist(keys.of(STORES[0]).lease)
    _, sessions, _, _ = listed(fleet)
    assert sessions["web1", "a"]["verdict"] == "unknown"


def test_machine_that_vanishes_is_shown_when_its_lease_expires(fleet, sharers):
    sharers.share(STORES[0], "web1", waiting())
    assert listed(fleet)[1]["web1", "a"]["verdict"] == "alive"
    sharers.client.pexpire(keys.of(STORES[0]).lease, 1)
    while sharers.client.exists(keys.of(STORES[0]).lease):
        time.sleep(0.01)
    assert listed(fleet)[1]["web1", "a"]["verdict"] == "unknown"
    assert keys.LEASE_MS <= 60_000


@pytest.mark.parametrize(
    ("sessions", "shown"),
    [
        pytest.param([], [], id="nothing-left"),
        pytest.param([session(verdict="dead")], [], id="only-dead-ones"),
        pytest.param([session()], ["web1"], id="an-open-session"),
    ],
)
def test_sharer_that_ended_as_it_should_is_shown_only_with_open_sessions(
    fleet, sharers, sessions, shown
):
    sharers.share(STORES[0], "web1", *sessions, lease_ms=0, ended=True)
    code, found, hosts, message = listed(fleet)
    assert [*hosts] == shown
    assert {host for host, _ in found} == {*shown}
    assert code == len(shown)
    assert ("its sharer has ended" in message) == bool(shown)


def test_machine_that_vanished_without_sessions_is_shown(fleet, sharers):
    sharers.share(STORES[0], "web1", lease_ms=0, age=90)
    code, output, _ = fleet("list", "--table")
    assert code == 1
    assert output.splitlines()[1].startswith("web1  unknown")
    assert "not heard from since" in output


@pytest.mark.parametrize("behind", [-5 * HOURS, 30 * HOURS], ids=["ahead", "behind"])
def test_age_is_by_the_clock_of_the_server(fleet, sharers, behind):
    began = timestamps.from_epoch(time.time() - behind - 2 * HOURS)
    since = timestamps.from_epoch(time.time() - behind - 4 * 60)
    others = [{"pid": 3, "state_since": since}]
    mine = session(start_time=began, last_heartbeat=since, others=others)
    sharers.share(
        STORES[0], "web1", waiting(**{**mine, "state_since": since}), behind=behind
    )
    sharers.share(STORES[1], "web2", waiting(), lease_ms=0, age=125, behind=behind)
    _, sessions, hosts, _ = listed(fleet)
    found = sessions["web1", "a"]
    now = time.time()
    times = [found["state_since"], found["last_heartbeat"], found["start_time"]]
    times.append(found["others"][0]["state_since"])
    ages = [now - timestamps.parse(text) for text in times]
    expected = [4 * 60, 4 * 60, 2 * HOURS, 4 * 60]
    assert all(
        0 <= age - wanted < 10 for age, wanted in zip(ages, expected, strict=True)
    )
    assert sessions["web2", "a"]["reasons"][0].startswith(
        "host not heard from for 2 min"
    )
    assert abs(now - 125 - timestamps.parse(hosts["web2"]["last_heard"])) < 10


def test_times_of_clocks_that_agree_are_unchanged(fleet, sharers):
    since = timestamps.from_epoch(time.time() - 60)
    sharers.share(STORES[0], "web1", session(state_since=since), behind=0.4)
    assert listed(fleet)[1]["web1", "a"]["state_since"] == since


# ---- Hostile machines -----------------------------------------------------------


def packed(content):
    return zlib.compress(json.dumps(content).encode())


BOMB = zlib.compress(b'{"v": 1, "a": "' + b"a" * (encoding.MAX_BYTES * 8) + b'"}')
VALUES = {
    "text": b"hello",
    "json": b'{"v": 1}',
    "not-an-object": packed([1]),
    "other-shape": packed({"v": 1}),
    "bomb": BOMB,
    "huge": b"x" * (4 << 20),
    "deep": zlib.compress(b"[" * 1_000_000),
    "truncated": encoding.encode(Now("web9", 1, 1, [session()]))[:-4],
}


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_value_that_is_not_valid_is_the_problem_of_its_host(fleet, sharers, value):
    sharers.share(STORES[0], "web1", session())
    sharers.set(STORES[1], value)
    code, sessions, hosts, message = listed(fleet)
    assert code == 1
    assert sessions.keys() == {("web1", "a")}
    assert hosts["web1"]["status"] == "ok"
    assert hosts["store-cd000000"]["status"] == "invalid"
    assert message.startswith("headcount: store-cd000000: ")
    assert "never heard from" in message


def test_key_of_another_type_is_the_problem_of_its_host(fleet, sharers):
    sharers.share(STORES[0], "web1", session())
    sharers.client.rpush(keys.of(STORES[1]).now, "a")
    sharers.client.rpush(keys.of(STORES[2]).lease, "a")
    sharers.client.set("hc1:{x}:now", "not the id of a store")
    code, sessions, hosts, message = listed(fleet)
    assert (code, [*sessions]) == (1, [("web1", "a")])
    assert {name: host["status"] for name, host in hosts.items()} == {
        "web1": "ok",
        "store-cd000000": "invalid",
    }
    assert "its key is not of the right type" in message


def test_other_version_is_named(fleet, sharers):
    sharers.set(STORES[0], packed({"v": 2}))
    _, _, hosts, message = listed(fleet)
    assert hosts["store-ab000000"]["status"] == "other_version"
    assert "version 2" in message


def test_hostile_texts_do_not_reach_the_terminal(fleet, sharers):
    sharers.share(
        STORES[0], "web1", session(label=HOSTILE, cwd=HOSTILE, reasons=[HOSTILE])
    )
    sharers.share(STORES[1], HOSTILE[:20], session(label=HOSTILE), lease_ms=0)
    code, output, message = fleet("list", "--table")
    assert code == 1
    assert "\x1b" not in output + message
    assert "\x9b" not in output + message
    assert "store-cd000000" in output


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        pytest.param(
            ["web1", "web1", "web2"],
            {"web1-ab000000", "web1-cd000000", "web2"},
            id="same-name",
        ),
        pytest.param(
            ["web1", "web1", "web1-cd000000"],
            {"web1-ab000000", STORES[1], STORES[2]},
            id="name-of-another-with-its-store",
        ),
        pytest.param(
            ["local", "-oProxyCommand=x", "a b"],
            {"store-ab000000", "store-cd000000", "store-ef000000"},
            id="not-names",
        ),
        pytest.param(
            [STORES[1], "web2", "store"],
            {STORES[0], "web2", "store-ef000000"},
            id="id-of-another-store",
        ),
        pytest.param(
            ["root@web1", "web1", "@web1"],
            {"store-ab000000", "web1", "store-ef000000"},
            id="user-to-log-in-as",
        ),
    ],
)
def test_no_host_can_be_taken_for_another(fleet, sharers, claims, expected):
    for store, claim in zip(STORES, claims, strict=True):
        sharers.share(store, claim, session())
    _, sessions, hosts, _ = listed(fleet)
    assert {*hosts} == expected
    assert {host for host, _ in sessions} == expected


# ---- The server -----------------------------------------------------------------


def test_server_that_is_not_there_is_an_error(fleet):
    code, output, message = fleet("list", "--quiet", url="redis://127.0.0.1:1/0")
    assert (code, output) == (1, "")
    assert message.startswith(
        "headcount: cannot read the fleet from redis://127.0.0.1:1"
    )


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["list", "--on", "web1"], id="list-on"),
        pytest.param(["list", "--here"], id="list-here"),
        pytest.param(["list", "--all"], id="list-all"),
        pytest.param(["list", "--ended"], id="list-ended"),
        pytest.param(["show", "a", "--on", "web1"], id="show-on"),
        pytest.param(["watch", "--hosts", "web1"], id="watch-hosts"),
        pytest.param(["watch", "--here"], id="watch-here"),
    ],
)
def test_option_of_other_places_is_refused_with_fleet(fleet, words):
    code, _, message = fleet(*words)
    assert code == 2
    assert "--fleet and --" in message


def test_fleet_without_a_server_says_how_to_name_one(headcount):
    code, _, message = headcount("list", "--fleet")
    assert code == 2
    assert "HEADCOUNT_REDIS_URL" in message


def test_default_hosts_are_not_asked_with_fleet(fleet, sharers):
    sharers.share(STORES[0], "web1", session())
    code, _, message = fleet("list", "--table", HEADCOUNT_HOSTS="nowhere.invalid")
    assert (code, message) == (0, "")


# ---- One session ----------------------------------------------------------------


def entry(session_id, number, **changes):
    when = timestamps.from_epoch(time.time() - 60 + number)
    return {
        "type": "heartbeat",
        "v": 1,
        "id": f"{number:016x}",
        "state": "busy",
        "session_id": session_id,
        "timestamp": when,
        "event": "PostToolUse",
        **changes,
    }


def test_show_has_the_entries_in_the_log(fleet, sharers):
    sharers.share(STORES[0], "web1", session(label="nightly"), session(session_id="b"))
    sharers.log(
        STORES[0], entry("a", 1), entry("b", 2), b"no JSON", b"[1]", entry("a", 3)
    )
    code, output, message = fleet("show", "web1:nightly", "--json")
    assert (code, message) == (0, "")
    shown = json.loads(output)
    assert (shown["on"], shown["session_id"]) == ("web1", "a")
    assert [each["id"][-1] for each in shown["entries"]] == ["1", "3"]
    code, output, _ = fleet("show", "a", "-n", "1")
    assert code == 0
    assert "timeline of the last 2 entries" in output
    assert output.rstrip().endswith("headcount go web1:a")


def test_show_has_the_newest_entries_of_a_log_that_a_burst_made_longer(fleet, sharers):
    sharers.share(STORES[0], "web1", session())
    sharers.log(STORES[0], *[entry("b", 1)] * 2000, entry("a", 2))
    shown = json.loads(fleet("show", "a", "--json")[1])
    assert [each["id"][-1] for each in shown["entries"]] == ["2"]


def test_show_asks_which_of_several(fleet, sharers):
    for store, host in zip(STORES, ("web1", "web2", "web3"), strict=True):
        sharers.share(store, host, session(label="nightly"))
    code, _, message = fleet("show", "nightly")
    assert code == 4
    assert "nightly matches a session on each of 3 hosts" in message
    assert "  web2:a  " in message


def test_show_of_what_is_not_shared_is_an_error(fleet, sharers):
    sharers.share(STORES[0], "web1", session())
    code, _, message = fleet("show", "web1:nobody")
    assert code == 3
    assert "no session web1:nobody shared through redis://" in message


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda client, log: client.set(log, "x"), id="other-type"),
        pytest.param(
            lambda client, log: client.xadd(log, {"x": "y"}), id="other-field"
        ),
        pytest.param(lambda client, log: None, id="no-log"),
    ],
)
def test_show_does_without_a_log_that_is_not_one(fleet, sharers, spoil):
    sharers.share(STORES[0], "web1", session())
    spoil(sharers.client, keys.of(STORES[0]).log)
    code, output, message = fleet("show", "a", "--json")
    assert (code, message) == (0, "")
    assert json.loads(output)["entries"] == []


def test_reader_needs_only_the_rights_in_the_document(fleet, sharers):
    text = (ROOT / "docs/fleet.md").read_text()
    (rule,) = re.findall(r"^ACL SETUSER reader .*", text, re.MULTILINE)
    sharers.client.execute_command(*rule.replace("PASSWORD", "secret").split())
    sharers.share(STORES[0], "web1", session())
    sharers.log(STORES[0], entry("a", 1))
    user = {"HEADCOUNT_REDIS_USER": "reader", "HEADCOUNT_REDIS_PASSWORD": "secret"}
    code, output, message = fleet("show", "a", "--json", **user)
    assert (code, message) == (0, "")
    assert len(json.loads(output)["entries"]) == 1
    sharers.client.acl_deluser("reader")


# ---- With real sharers ----------------------------------------------------------


def test_stores_that_are_shared_are_one_list(fleet, sharers, share, store, tmp_path):
    began = {}
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        alive = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
        write(folder, name, **alive, host="x")
        began[name] = share(sharers.server, HEADCOUNT_DIR=str(folder))
    _, sessions, hosts, message = listed(fleet)
    assert {
        session_id: each["verdict"] for (_, session_id), each in sessions.items()
    } == {**dict.fromkeys(began, "alive")}
    assert (len(hosts), message) == (3, "")  # one machine, so the names have more
    began["one"].end(signal.SIGKILL)
    began["two"].end(signal.SIGTERM)
    one = next(host for host, session_id in sessions if session_id == "one")
    (key,) = sharers.client.keys(f"hc1:{{{one.rpartition('-')[2]}*:lease")
    sharers.client.pexpire(key, 1)
    _, sessions, _, message = listed(fleet)
    found = {session_id: each for (_, session_id), each in sessions.items()}
    assert found["one"]["verdict"] == found["two"]["verdict"] == "unknown"
    assert found["three"]["verdict"] == "alive"
    assert "it does not renew its lease" in message
    assert "its sharer has ended" in message
