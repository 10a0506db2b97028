"""`--on`: hosts asked through real ssh, each a port of one real sshd."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
import sys
import threading

import pytest
from command_line import HOSTILE, environment, write
from fleet.hosts import PASSWORD_ONLY, answer, session

from lib.record import timestamps

JSON = '{"v": 1, "sessions": []}'


def listed(output):
    return json.loads(output)["sessions"]


def status_of(output):
    return {host["on"]: host["status"] for host in json.loads(output)["hosts"]}


# ---- Many hosts -----------------------------------------------------------------


def test_list_on_three_hosts_is_one_list(ask, hosts):
    for name in hosts.names[:3]:
        write(hosts.store(name), "same-id", label=f"on {name}")
    code, output, message = ask("list", "--on", "host0,host1,host2", "--json")
    assert (code, message) == (0, "")
    assert sorted((s["on"], s["label"]) for s in listed(output)) == [
        ("host0", "on host0"),
        ("host1", "on host1"),
        ("host2", "on host2"),
    ]
    assert status_of(output) == dict.fromkeys(hosts.names[:3], "ok")


def test_list_on_hosts_has_a_column_for_the_host(ask, hosts):
    write(hosts.store("host1"), "a", label="far")
    _, output, _ = ask("list", "--on", "host0,host1", "--table")
    heading, row = output.splitlines()
    assert heading.split()[:2] == ["ON", "STATE"]
    assert row.split()[:2] == ["host1", "dead"]


def test_list_on_local_and_a_host_has_the_sessions_of_both(ask, hosts, store):
    write(store, "near")
    write(hosts.store("host0"), "far")
    _, output, _ = ask("list", "--on", "local,host0", "--json")
    found = {session["session_id"]: session["on"] for session in listed(output)}
    assert found == {"near": "local", "far": "host0"}


def test_list_asks_the_hosts_of_the_environment(ask, hosts):
    write(hosts.store("host0"), "far")
    _, output, _ = ask("list", "--json", HEADCOUNT_HOSTS="host0")
    assert [session["on"] for session in listed(output)] == ["host0"]


def test_list_here_does_not_ask_the_hosts_of_the_environment(ask):
    _, output, _ = ask("list", "--here", "--json", HEADCOUNT_HOSTS="host0")
    assert "hosts" not in json.loads(output)


def test_host_that_is_asked_asks_no_others(ask, hosts):
    script = f"#!/bin/sh\n[ -z \"${{HEADCOUNT_HOSTS+set}}\" ] && echo '{JSON}'\n"
    hosts.install("host0", script)
    _, output, _ = ask("list", "--on", "host0", "--json", HEADCOUNT_HOSTS="host1")
    assert status_of(output) == {"host0": "ok"}


def test_list_on_a_group_asks_its_hosts(ask, hosts, tmp_path):
    (tmp_path / "config/headcount").mkdir(parents=True)
    groups = tmp_path / "config/headcount/hosts.toml"
    groups.write_text('web = ["host0", "host1"]\n')
    code, output, message = ask(
        *("list", "--on", "web,host2", "--json"),
        XDG_CONFIG_HOME=str(tmp_path / "config"),
    )
    if sys.version_info < (3, 11):
        assert (code, "Python 3.11" in message) == (2, True)
    else:
        assert [*status_of(output)] == ["host0", "host1", "host2"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("-oProxyCommand=touch pwned", id="option"),
        pytest.param("a b", id="space"),
        pytest.param("$(id)", id="command"),
        pytest.param("../a", id="path"),
        pytest.param("a" * 300, id="long"),
        pytest.param("host0,,host1", id="empty"),
    ],
)
def test_name_that_cannot_be_a_host_is_refused(ask, name):
    code, output, message = ask("list", f"--on={name}")
    assert (code, output) == (2, "")
    assert "is not the name of a host" in message


def test_list_filters_the_sessions_of_hosts(ask, hosts):
    for name in ("one", "two"):
        write(hosts.store("host0"), name, label=name)
    _, output, _ = ask("list", "--on", "host0", "two", "--json")
    assert [session["label"] for session in listed(output)] == ["two"]


# ---- Hosts that do not answer ---------------------------------------------------


def test_host_that_went_away_shows_what_it_had_as_unknown(ask, hosts):
    hosts.install("host0", answer(session(label="mine", state="waiting")))
    _, output, _ = ask("list", "--on", "host0", "--json")
    assert [s["verdict"] for s in listed(output)] == ["alive"]
    hosts.install("host0", "#!/bin/sh\nexit 255\n")
    code, output, message = ask("list", "--on", "host0", "--json")
    assert (code, status_of(output)) == (1, {"host0": "unreachable"})
    (kept,) = listed(output)
    assert (kept["label"], kept["verdict"]) == ("mine", "unknown")
    assert kept["reasons"][0].startswith("host0 has not been heard from since")
    assert kept["reasons"][1] == "it was waiting then"
    assert "host0: ssh failed; not heard from since" in message


def test_host_that_does_not_answer_is_a_row_of_the_table(ask, hosts):
    hosts.install("host0", "#!/bin/sh\nexit 255\n")
    code, output, _ = ask("list", "--on", "host0,host1", "--table")
    assert code == 1
    assert output.splitlines()[1].split(maxsplit=5)[:4] == [
        "host0",
        "unknown",
        "-",
        "-",
    ]
    assert "never heard from" in output


def test_cache_is_private(ask, hosts):
    hosts.install("host0", answer(session()))
    ask("list", "--on", "host0")
    base = hosts.folder / "cache/headcount"
    for folder in (base, base / "ssh", base / "hosts"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = (base / "hosts").iterdir()
    assert (file.name, stat.S_IMODE(file.stat().st_mode)) == ("host0.json", 0o600)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b'{"v": 1, "sessions": [{"session_id": 1}]}', id="types"),
        pytest.param(b"\xff\0", id="bytes"),
    ],
)
def test_damaged_cache_is_ignored(ask, hosts, content):
    hosts.install("host0", answer(session()))
    ask("list", "--on", "host0")
    (hosts.folder / "cache/headcount/hosts/host0.json").write_bytes(content)
    hosts.install("host0", "#!/bin/sh\nexit 255\n")
    code, output, _ = ask("list", "--on", "host0", "--json")
    assert (code, listed(output)) == (1, [])


def test_host_without_headcount_is_reported_as_such(ask, hosts):
    (hosts.home("host0") / "bin/headcount").unlink()
    code, output, message = ask("list", "--on", "host0", "--json")
    assert (code, status_of(output)) == (1, {"host0": "no_headcount"})
    assert "host0: it has no headcount" in message


def test_headcount_in_the_usual_folder_is_found_without_a_login(ask, hosts):
    folder = hosts.home("host0") / ".local/bin"
    folder.mkdir(parents=True)
    (hosts.home("host0") / "bin/headcount").rename(folder / "headcount")
    _, output, _ = ask("list", "--on", "host0", "--json")
    assert status_of(output) == {"host0": "ok"}


def test_host_with_another_output_version_is_reported_as_such(ask, hosts):
    hosts.install("host0", answer(v=2))
    code, output, message = ask("list", "--on", "host0", "--json")
    assert (code, status_of(output)) == (1, {"host0": "other_version"})
    assert "has version 2, this headcount reads 1" in message


def test_host_that_takes_only_a_password_does_not_ask_for_it(hosts, terminal, ask):
    ask_pass = hosts.folder / "askpass"
    ask_pass.write_text(f"#!/bin/sh\ntouch {hosts.folder}/asked\n")
    ask_pass.chmod(0o755)
    more = {"SSH_ASKPASS": str(ask_pass), "DISPLAY": ":0"}
    words = ("list", "--on", PASSWORD_ONLY)
    shown = terminal(*words, **hosts.environment(), **more)
    assert "assword" not in shown
    assert "never heard from" in shown
    assert not (hosts.folder / "asked").exists()
    _, output, message = ask(*words, "--json", **more)
    assert status_of(output) == {PASSWORD_ONLY: "unreachable"}
    assert "Permission denied" in message


def test_host_whose_key_is_not_known_is_not_trusted(ask, hosts):
    known = hosts.folder / "known_hosts"
    kept = known.read_text()
    known.write_text("")
    try:
        _, output, message = ask("list", "--on", "host3", "--json")
    finally:
        known.write_text(kept)
    assert status_of(output) == {"host3": "unreachable"}
    assert "Host key verification failed" in message


def test_server_that_never_speaks_is_given_up(ask, hosts):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        config = hosts.folder / "config"
        kept = config.read_text()
        config.write_text(f"Host silent\n  Port {port}\n{kept}")
        try:
            _, output, _ = ask("list", "--on", "silent,host0", "--json")
        finally:
            config.write_text(kept)
    assert status_of(output) == {"silent": "unreachable", "host0": "ok"}


# ---- Hosts that are hostile -----------------------------------------------------


@pytest.mark.parametrize(
    ("script", "status"),
    [
        pytest.param("yes '{'", "invalid", id="never-ending"),
        pytest.param("head -c 1000000000 /dev/zero", "invalid", id="gigabyte"),
        pytest.param("echo nonsense", "invalid", id="no-json"),
        pytest.param("printf '\\377'", "invalid", id="bytes"),
        pytest.param("echo '[]'", "invalid", id="list"),
        pytest.param("echo '{\"v\": true}'", "invalid", id="version-type"),
        pytest.param("echo '{\"v\": 1}'", "invalid", id="no-sessions"),
        pytest.param("head -c 100000 /dev/zero | tr '\\0' '['", "invalid", id="deep"),
        pytest.param("exec sleep 60", "unreachable", id="silent"),
        pytest.param("yes >&2", "unreachable", id="never-ending-message"),
        pytest.param("kill -9 $$", "unreachable", id="killed"),
        pytest.param("echo no >&2; exit 3", "failed", id="failed"),
    ],
)
def test_hostile_answer_is_bounded_and_reported(ask, hosts, script, status):
    hosts.install("host0", f"#!/bin/sh\n{script}\n")
    code, output, _ = ask("list", "--on", "host0,host1", "--json")
    assert (code, listed(output)) == (1, [])
    assert status_of(output) == {"host0": status, "host1": "ok"}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"session_id": "../../etc/passwd"}, id="id-is-a-path"),
        pytest.param({"session_id": "-x"}, id="id-is-an-option"),
        pytest.param({"verdict": "immortal"}, id="verdict"),
        pytest.param({"verdict": ["alive"]}, id="verdict-list"),
        pytest.param({"state": None}, id="alive-without-state"),
        pytest.param({"label": {"a": 1}}, id="label-object"),
        pytest.param({"label": "x" * 5000}, id="label-long"),
        pytest.param({"pid": "1"}, id="pid-text"),
        pytest.param({"others": [{}]}, id="process-without-pid"),
        pytest.param({"cost_usd": -1}, id="cost"),
        pytest.param({"last_heartbeat": 1}, id="time-number"),
    ],
)
def test_answer_with_a_session_of_the_wrong_shape_is_refused(ask, hosts, changes):
    hosts.install("host0", answer(session(**changes)))
    _, output, message = ask("list", "--on", "host0", "--json")
    assert (listed(output), status_of(output)) == ([], {"host0": "invalid"})
    assert f"`{next(iter(changes))}`" in message


def test_unknown_keys_of_an_answer_are_dropped(ask, hosts):
    hosts.install("host0", answer(session(surprise=1, on="elsewhere")))
    _, output, _ = ask("list", "--on", "host0", "--json")
    (found,) = listed(output)
    assert ("surprise" in found, found["on"]) == (False, "host0")


def test_text_of_a_host_cannot_disturb_the_terminal(ask, hosts, terminal):
    texts = dict.fromkeys(("label", "cwd", "worktree", "branch"), HOSTILE)
    hosts.install("host0", answer(session(**texts)))
    hosts.install("host1", f"#!/bin/sh\nprintf '%s' '{HOSTILE}' >&2\nexit 1\n")
    words = ("list", "--on", "host0,host1")
    shown = terminal(*words, NO_COLOR="1", **hosts.environment())
    _, _, message = ask(*words)
    for text in (shown, message):
        assert text.replace("\n", "").isprintable()


def test_answer_is_read_although_the_connection_stays_open(hosts, store):
    """Whoever reads our output sees its end, too: nothing holds it open."""
    command = subprocess.Popen(
        [sys.executable, "-m", "lib", "list", "--on", "host2", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(store, **hosts.environment()),
    )
    watchdog = threading.Timer(20, command.kill)
    watchdog.start()
    output, _ = command.communicate()
    watchdog.cancel()
    assert status_of(output) == {"host2": "ok"}


def test_last_heard_is_a_time(ask, hosts):
    _, output, _ = ask("list", "--on", "host0", "--json")
    (host,) = json.loads(output)["hosts"]
    assert timestamps.is_timestamp(host["last_heard"])
