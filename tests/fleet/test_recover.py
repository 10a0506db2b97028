"""`recover --on`: what ended uncleanly on other machines."""

from __future__ import annotations

import json

import pytest
from command_line import write
from support import ID


def test_recover_lists_the_sessions_of_each_host_under_its_name(ask, hosts):
    for name in ("host0", "host1"):
        write(hosts.store(name), ID, label=f"on {name}", cwd="/srv/shop")
    code, output, message = ask("recover", "--on", "host0,host1")
    assert (code, message) == (0, "")
    lines = output.splitlines()
    for name in ("host0", "host1"):
        at = lines.index(f"on {name}")
        assert f"on {name}  /srv/shop" in lines[at + 1]
        assert lines[at + 2] == f"    headcount go {name}:{ID}"


def test_recover_prints_the_sessions_of_hosts_and_of_this_machine(ask, hosts, store):
    write(store, "near")
    write(hosts.store("host0"), "far")
    _, output, _ = ask("recover", "--on", "local,host0", "--json")
    content = json.loads(output)
    found = {s["session_id"]: s["on"] for s in content["sessions"]}
    assert found == {"near": "local", "far": "host0"}
    assert {host["status"] for host in content["hosts"]} == {"ok"}


def test_recover_reports_a_host_that_does_not_answer(ask, hosts):
    (hosts.home("host0") / "bin/headcount").unlink()
    code, output, message = ask("recover", "--on", "host0,host1")
    assert (code, output) == (1, "")
    assert "host0: it has no headcount" in message


@pytest.mark.parametrize(
    ("words", "named"),
    [
        pytest.param(["--open", "tmux"], "--open", id="open"),
        pytest.param(["--print0"], "--print0", id="print0"),
        pytest.param(["--here"], "--here", id="here"),
        pytest.param(["a"], "SESSION", id="session"),
    ],
)
def test_recover_on_hosts_only_lists(ask, words, named):
    code, output, message = ask("recover", "--on", "host0", *words)
    assert (code, output) == (2, "")
    assert f"{named} is about this machine, so it excludes hosts" in message
    assert ask("recover", *words, HEADCOUNT_HOSTS="host0")[0] in (0, 3)
