"""`headcount.live` and the others with `hosts=` and `fleet=`."""

from __future__ import annotations

import logging

import pytest
from command_line import write
from fleet.hosts import session
from fleet.sharers import STORES

from lib import api, sessions
from lib.errors import AmbiguousIdError, HeadcountError, UsageError
from lib.fleet.shared import keys

ELSEWHERE = {"pid": 1, "process": "linux:other:1:1:1", "host": "x"}


@pytest.fixture
def asked(hosts, store, monkeypatch):
    """Hosts that this process reaches."""
    monkeypatch.setenv("HOME", str(store.parent))
    for name, value in hosts.environment().items():
        monkeypatch.setenv(name, value)
    return hosts


@pytest.fixture
def shared(sharers, store, monkeypatch):
    """Machines that share through a server that this process knows."""
    monkeypatch.setenv("HOME", str(store.parent))
    monkeypatch.setenv("HEADCOUNT_REDIS_URL", sharers.server.url)
    return sharers


def names(found):
    return {(each["on"], each["session_id"]) for each in found}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(["local", "host0", "host1"], id="names"),
        pytest.param("local,host0,host1", id="text"),
    ],
)
def test_live_asks_hosts_and_leaves_out_what_has_ended(asked, given):
    sessions.create_session(session_id="mine")
    write(asked.store("host0"), "a", **ELSEWHERE)
    write(asked.store("host1"), "dead")
    assert names(api.live(given)) == {("local", "mine"), ("host0", "a")}
    assert names([api.get("host0:a", given)]) == {("host0", "a")}
    assert "on" not in api.get("mine", given)


def test_host_that_does_not_answer_is_logged(asked, caplog):
    asked.install("host0", "#!/bin/sh\nexit 9\n")
    assert api.live("host0") == []
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("headcount", logging.WARNING)
    assert "host0: headcount ended with code 9" in record.getMessage()


def test_live_waiting_and_get_read_what_machines_share(shared):
    shared.share(STORES[0], "web1", session(), session(session_id="b", state="waiting"))
    shared.share(STORES[1], "web2", session(verdict="dead", session_id="c"))
    assert names(api.live(fleet=True)) == {("web1", "a"), ("web1", "b")}
    assert names(api.waiting(fleet=True)) == {("web1", "b")}
    assert api.get("web1:b", fleet=True)["entries"] == []
    shared.share(STORES[1], "web2", session(session_id="b"))
    with pytest.raises(AmbiguousIdError):
        api.get("b", fleet=True)


def test_watch_and_wait_for_follow_what_machines_share(shared, caplog):
    shared.share(STORES[0], "web1", session())
    changes = api.watch(fleet=True, interval=0.01, timeout=20)
    first = next(changes)
    assert (first.event, first.session["on"]) == ("started", "web1")
    shared.share(STORES[0], "web1", session(state="waiting"))
    assert next(changes).before == {"state": "busy"}
    shared.client.delete(keys.of(STORES[0]).lease)
    assert next(changes).before == {"verdict": "alive"}
    assert "web1: it does not renew its lease" in caplog.text
    changes.close()
    shared.share(STORES[0], "web1", session(state="waiting"))
    shared.share(STORES[1], "web2", session(session_id="b"))
    for named in (None, "a", "web1:a"):
        found = api.wait_for("waiting", named, fleet=True, timeout=0)
        assert names([found]) == {("web1", "a")}
    assert api.wait_for("waiting", "web2:b", fleet=True, timeout=0) is None


def test_watch_does_not_ask_other_machines_because_of_what_happens_here(
    shared, monkeypatch
):
    def notify(*_):
        raise AssertionError("it looks at the files of this machine")

    monkeypatch.setattr("watchfiles._rust_notify.RustNotify", notify)
    sessions.create_session(session_id="mine")
    shared.share(STORES[0], "web1", session())
    assert len([*api.watch(fleet=True, timeout=0)]) == 1
    with pytest.raises(AssertionError):
        [*api.watch(timeout=0)]


def test_hosts_and_fleet_exclude_each_other(shared):
    for call in (api.live, api.waiting, api.watch, api.wait_for, api.get):
        words = {"get": ["a"], "wait_for": ["idle"]}.get(call.__name__, [])
        with pytest.raises(UsageError, match="exclude each other"):
            list(call(*words, hosts="host0", fleet=True))


def test_live_without_a_server_is_an_error(store, monkeypatch):
    monkeypatch.setenv("HOME", str(store.parent))
    with pytest.raises(UsageError, match="HEADCOUNT_REDIS_URL"):
        api.live(fleet=True)
    monkeypatch.setenv("HEADCOUNT_REDIS_URL", "redis://127.0.0.1:1")
    with pytest.raises(HeadcountError, match="cannot read the fleet"):
        api.live(fleet=True)
