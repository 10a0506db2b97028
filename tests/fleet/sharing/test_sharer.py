"""What `headcount share` puts on a real server, and that nothing is lost or doubled."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import signal
import socket

import pytest
from command_line import create
from redis.exceptions import NoPermissionError
from reliability import tracing
from support import ID, ROOT

from lib import sessions
from lib.fleet.shared import identity, keys, lease
from lib.fleet.sharing import holder
from lib.system import process

SHARED = 5  # the exit code where another process shares the store


def add(*numbers):
    """Entries of another tool, each with its number."""
    for number in numbers:
        sessions.append_to_session(ID, {"type": "test.number", "n": number})


@pytest.fixture
def session(store):
    return create(state="busy")


def compared(session):
    """What it has, without its host, and the ages in its reasons."""
    left_out = ("on", "reasons")
    return {
        k: v for k, v in session.items() if v not in (None, []) and k not in left_out
    }


# ---- What is shared -------------------------------------------------------------


def test_now_has_the_sessions_as_list_prints_them(
    redis_server, share, shared, headcount, session
):
    share(redis_server)
    sessions.update_heartbeat(ID, state="waiting", waiting_for="permission")
    there = shared(redis_server)
    there.until(lambda: there.session()["state"] == "waiting")
    (listed,) = json.loads(headcount("list", "--json")[1])["sessions"]
    assert compared(there.session()) == compared(listed)
    assert there.session()["reasons"][0].endswith("is running")
    now = there.now()
    assert abs(now.heard - now.clock) < 1
    assert not now.ended


def test_now_says_that_a_client_was_killed_though_nothing_is_written(
    redis_server, share, shared, client
):
    client.fire("UserPromptSubmit")
    share(redis_server)
    there = shared(redis_server)
    there.until(lambda: there.session()["verdict"] == "alive")
    client.kill()
    there.until(lambda: there.session()["verdict"] == "dead")


def test_log_has_each_entry_as_export_prints_it(
    redis_server, share, shared, headcount, session
):
    share(redis_server)
    there = shared(redis_server)
    add(1, 2)
    sessions.close_session(ID)
    there.until(lambda: there.entries()[-1]["type"] == "session_close")
    exported = headcount("export")[1].splitlines()[:-1]  # the last one is a cursor
    logged = there.client.xrange(there.keys.log)
    assert [item[keys.FIELD.encode()].decode() for _, item in logged] == exported


def test_log_goes_without_heartbeats_that_change_nothing(
    redis_server, share, shared, session
):
    share(redis_server)
    there = shared(redis_server)
    for state in ("busy", "busy", "idle", "idle", "busy"):
        sessions.update_heartbeat(ID, state=state)
    add(1)
    there.until(there.numbers)
    sessions.update_heartbeat(ID, state="busy")
    last = sessions.load_session_jsonl(sessions.get_session_path(ID))[-1]
    there.until(lambda: there.session()["last_heartbeat"] == last["timestamp"])
    states = [e.get("state") for e in there.entries() if e["type"] == "heartbeat"]
    assert states == ["busy", "idle", "busy"]


def test_keys_expire_so_that_machines_that_are_gone_are_forgotten(
    redis_server, share, shared, session
):
    share(redis_server)
    there = shared(redis_server)
    left = {key: there.client.ttl(key) for key in there.keys}
    assert 30 < left.pop(there.keys.lease) <= 45
    assert all(7 * 86_400 - 60 < seconds <= 7 * 86_400 for seconds in left.values())


def test_log_is_bounded(redis_server, share, shared, session):
    for _ in range(5):
        for _ in range(500):
            sessions.append_to_session(ID, {"type": "test.many"})
    add(1)
    share(redis_server)
    there = shared(redis_server)
    assert there.numbers() == [1]
    assert len(there.entries()) == keys.LOG_ENTRIES


def test_log_has_all_of_a_burst_for_those_who_follow_it(
    redis_server, share, shared, session
):
    running = share(redis_server)
    there = shared(redis_server)
    add(0)
    there.until(there.numbers)
    running.process.send_signal(signal.SIGSTOP)
    add(*range(1, 1500))
    running.process.send_signal(signal.SIGCONT)
    there.until(lambda: there.numbers()[-1] == 1499)
    assert there.numbers() == [*range(1500)]


# ---- Exactly once ---------------------------------------------------------------


def points(request):
    """System calls at which to kill the sharer, and the how manyth of them.

    It takes the lease with the 6th that sends, and the commit is the 10th; the replies
    are read with the 7th and the 12th.
    """
    if not request.config.getoption("--full"):
        return [("sendto", 6), ("recvfrom", 7), ("sendto", 10), ("recvfrom", 12)]
    return [
        *(("sendto", when) for when in range(1, 11)),
        *(("recvfrom", when) for when in range(3, 13)),
    ]


def test_entries_are_shared_once_wherever_the_sharer_is_killed(
    redis_server, share, shared, session, request
):
    tracing.need_strace()
    there = shared(redis_server)
    for number, (call, when) in enumerate(points(request)):
        add(number)
        inject = f"inject={call}:signal=KILL:when={when}"
        trace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", inject)
        killed = share(redis_server, ready=False, trace=trace)
        killed.process.wait(60)
        assert killed.process.returncode == -signal.SIGKILL
    count = number + 1
    add(count)
    share(redis_server)
    there.until(lambda: count in there.numbers())
    assert there.numbers() == [*range(count + 1)]


def test_entries_are_shared_once_though_the_server_is_killed(
    own_redis, share, shared, session
):
    server = own_redis()
    running = share(server)
    there = shared(server)
    for number in range(3):
        add(2 * number)
        server.kill()
        running.await_words("trying again")
        add(2 * number + 1)
        server.start()
        running.await_words("sharing ")
    there.until(lambda: 5 in there.numbers())
    assert there.numbers() == [*range(6)]


def test_sharing_goes_on_where_it_was_if_the_server_lost_everything(
    own_redis, share, shared, session
):
    server = own_redis()
    running = share(server)
    there = shared(server)
    add(1)
    there.until(there.numbers)
    server.lose_everything()
    add(2)
    there.until(there.numbers)
    assert running.process.poll() is None
    assert there.numbers() == [2]
    assert [each["type"] for each in there.entries()] == ["test.number"]


def test_sharing_goes_on_where_it_was_if_the_server_was_emptied(
    redis_server, share, shared, session
):
    share(redis_server)
    there = shared(redis_server)
    add(1)
    there.until(there.numbers)
    there.client.flushall()
    add(2)
    there.until(there.numbers)
    assert there.numbers() == [2]


def test_entries_are_shared_once_though_the_server_did_not_answer(
    own_redis, share, shared, session
):
    """It does what it was sent meanwhile: the sharer must not send that again."""
    server = own_redis()
    running = share(server)
    there = shared(server)
    with server.frozen():
        add(1)
        sessions.update_heartbeat(ID, state="idle")
        assert "no reply within 5 s" in running.await_words("trying again")
        add(2)
    running.await_words("sharing ")
    there.until(lambda: 2 in there.numbers())
    assert there.numbers() == [1, 2]
    assert [each.get("state") for each in there.entries()].count("idle") == 1


def test_entries_that_a_restarted_server_lost_are_shared_again(
    own_redis, share, shared, session
):
    """As with the default of writing to disk once a second."""
    server = own_redis()
    share(server)
    there = shared(server)
    add(1)
    there.until(there.numbers)
    disk = server.folder.with_name("disk")
    shutil.copytree(server.folder, disk)
    add(2)
    there.until(lambda: there.numbers() == [1, 2])
    server.kill()
    shutil.rmtree(server.folder)
    disk.rename(server.folder)
    server.start()
    add(3)
    there.until(lambda: 3 in there.numbers())
    assert there.numbers() == [1, 2, 3]


def test_server_that_is_away_at_the_start_is_waited_for_and_named_once(
    own_redis, share, shared, session
):
    server = own_redis()
    server.kill()
    with socket.create_server(("127.0.0.1", server.port)) as broken:
        broken.settimeout(60)
        running = share(server, ready=False)
        for _ in range(3):
            broken.accept()[0].close()
    add(1)
    server.start()
    said = running.await_words("sharing ")
    assert said.count("cannot share the store") == 1
    assert said.count("trying again, nothing is lost") == 1
    there = shared(server)
    there.until(there.numbers)


def test_full_server_is_waited_for(own_redis, share, shared, session):
    server = own_redis()
    running = share(server)
    there = shared(server)
    there.client.config_set("maxmemory", 1)
    add(1)
    running.await_words("trying again")
    there.client.config_set("maxmemory", 0)
    there.until(there.numbers)
    assert there.numbers() == [1]


# ---- The lease ------------------------------------------------------------------


def other(**changes):
    """The lease of a process on another machine."""
    mine = holder.this_process()._replace(since=1_790_000_000.0)
    return lease.encode(mine._replace(host="web9", machine="0" * 32, **changes))


def test_second_sharer_is_refused_and_told_who_shares(
    redis_server, share, shared, session
):
    first = share(redis_server)
    second = share(redis_server, ready=False)
    assert second.wait() == SHARED
    assert f"already shared by pid {first.process.pid} of " in second.said
    assert first.process.poll() is None


def test_store_that_was_copied_from_another_machine_is_refused(
    redis_server, share, shared, store, session
):
    there = shared(redis_server)
    there.client.set(there.keys.lease, other())
    refused = share(redis_server, ready=False)
    assert refused.wait() == SHARED
    assert "on web9, since 2026-09-2" in refused.said
    assert f"remove {store / 'store-id'}" in refused.said


def test_store_on_a_copy_of_a_whole_disk_is_refused(
    redis_server, share, shared, store, session
):
    """The other machine has the name and the id of this one, but its own boot."""
    mine = holder.this_process()._replace(since=1_790_000_000.0)
    elsewhere = mine.process.replace(process.boot_of(mine.process), "0" * 36)
    there = shared(redis_server)
    there.client.set(there.keys.lease, lease.encode(mine._replace(process=elsewhere)))
    refused = share(redis_server, ready=False)
    assert refused.wait() == SHARED
    assert f"remove {store / 'store-id'}" in refused.said


def test_lease_that_another_took_ends_the_sharer(redis_server, share, shared, session):
    running = share(redis_server)
    there = shared(redis_server)
    before = there.client.get(there.keys.now)
    there.client.set(there.keys.lease, other(), px=45_000)
    add(1)
    assert running.wait() == SHARED
    assert "is now shared by pid " in running.said
    assert there.numbers() == []
    assert there.client.get(there.keys.now) == before


def test_lease_that_expired_is_taken_again(redis_server, share, shared, session):
    share(redis_server)
    there = shared(redis_server)
    there.client.delete(there.keys.lease)
    add(1)
    there.until(there.numbers)
    assert there.client.exists(there.keys.lease)


def test_lease_of_a_sharer_that_was_killed_is_taken_at_once(
    redis_server, share, shared, session
):
    share(redis_server).end(signal.SIGKILL)
    there = shared(redis_server)
    assert there.client.exists(there.keys.lease)
    share(redis_server)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"what?", id="not-json"),
        pytest.param(b'{"v": 2}', id="newer"),
        pytest.param(b'{"v": 1, "pid": 1}', id="incomplete"),
    ],
)
def test_lease_that_cannot_be_read_is_respected(
    redis_server, share, shared, session, value
):
    there = shared(redis_server)
    there.client.set(there.keys.lease, value)
    refused = share(redis_server, ready=False)
    assert refused.wait() == SHARED
    assert there.client.get(there.keys.lease) == value


def test_cursor_that_cannot_be_read_is_left_and_named(
    redis_server, share, shared, session
):
    there = shared(redis_server)
    there.client.set(there.keys.cursor, "2.abc")
    refused = share(redis_server, ready=False)
    assert refused.wait() == 1
    assert f"{there.keys.cursor} on the server is not a cursor" in refused.said
    assert there.client.get(there.keys.cursor) == b"2.abc"


# ---- Accounts -------------------------------------------------------------------


@pytest.fixture
def account(own_redis, shared):
    """A server with the account of docs/fleet.md for this store, and for no other."""
    server = own_redis()
    text = (ROOT / "docs/fleet.md").read_text()
    (rules,) = re.findall(r"^ACL SETUSER web1 (.*)$", text, re.MULTILINE)
    there = shared(server)
    rules = re.sub(r"[{].*[}]", f"{{{identity.store_id()}}}", rules).split()
    there.client.execute_command("ACL", "SETUSER", "web1", *rules)
    there.client.execute_command("ACL", "SETUSER", "default", "on", ">admin")
    return server


LOGIN = {"HEADCOUNT_REDIS_USER": "web1", "HEADCOUNT_REDIS_PASSWORD": "PASSWORD"}


def test_account_of_the_documents_is_enough_to_share(
    account, share, shared, headcount, session
):
    running = share(account, **LOGIN)
    there = shared(account, password="admin")
    add(1)
    there.until(there.numbers)
    url = {"HEADCOUNT_REDIS_URL": account.url}
    assert headcount("share", "--status", **url, **LOGIN)[0] == 0
    assert running.end(signal.SIGTERM) == 0
    assert not there.client.exists(there.keys.lease)


def test_account_of_a_machine_cannot_touch_another_store(
    account, share, store, session
):
    """As after `store-id` was replaced by that of another machine."""
    (store / "store-id").write_text(f"{'0' * 32}\n")
    refused = share(account, ready=False, **LOGIN)
    assert refused.wait() == 1
    assert f"cannot share the store {'0' * 32} through" in refused.said
    assert "its ACL forbids it" in refused.said
    with contextlib.closing(account.client(username="web1", password="PASSWORD")) as it:
        for command in ("GET", "DEL", "XLEN"):
            for key in keys.of("0" * 32):
                with pytest.raises(NoPermissionError):
                    it.execute_command(command, key)
        with pytest.raises(NoPermissionError):
            it.scan()


# ---- The end --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGTERM, 0, id="sigterm"),
        pytest.param(signal.SIGINT, 130, id="ctrl-c"),
    ],
)
def test_signal_shares_the_rest_and_gives_the_lease_back(
    redis_server, share, shared, session, number, code, interruptible
):
    running = share(redis_server)
    there = shared(redis_server)
    add(1)
    assert running.end(number) == code
    assert there.numbers() == [1]
    assert there.now().ended
    assert not there.client.exists(there.keys.lease)


@pytest.mark.parametrize("is_noticed", [False, True], ids=["unnoticed", "noticed"])
def test_signal_gives_the_lease_back_though_the_server_was_restarted(
    own_redis, share, shared, session, is_noticed
):
    server = own_redis()
    running = share(server)
    server.kill()
    if is_noticed:
        add(0)
        running.await_words("trying again")
    server.start()
    add(1)
    assert running.end(signal.SIGTERM) == 0
    there = shared(server)
    assert there.numbers() == [0, 1][not is_noticed :]
    assert there.now().ended
    assert not there.client.exists(there.keys.lease)


def test_signal_ends_the_sharer_though_the_server_is_away(
    own_redis, share, shared, session
):
    server = own_redis()
    running = share(server)
    server.kill()
    add(1)
    running.await_words("trying again")
    assert running.end(signal.SIGTERM) == 0
    assert "what is new is shared at the next start" in running.said
    server.start()
    share(server)
    there = shared(server)
    there.until(there.numbers)
    assert there.numbers() == [1]
