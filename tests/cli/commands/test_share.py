"""`headcount share`: its options, and what `--status` says of a real server."""

from __future__ import annotations

import json
import os
import signal

import pytest
from command_line import USAGE, create
from fleet.redis_server import free_port

SECRET = "s3cret-word"


def test_status_before_a_store_is_shared(redis_server, headcount, store):
    env = {"HEADCOUNT_REDIS_URL": redis_server.url}
    code, shown, _ = headcount("share", "--status", **env)
    assert code == 1
    assert "store    no id yet" in shown
    assert "shared   no; " in shown
    said = json.loads(headcount("share", "--status", "--json", **env)[1])
    assert (said["store"], said["shared"], said["sharer"]) == (None, False, None)
    assert not store.exists()


def test_status_says_who_shares_what(redis_server, headcount, share, store):
    create()
    running = share(redis_server)
    env = {"HEADCOUNT_REDIS_URL": redis_server.url}
    code, shown, _ = headcount("share", "--status", **env)
    assert code == 0
    assert f"server   {redis_server.url}\n" in shown
    assert f"shared   pid {running.process.pid} of " in shown
    assert "ago" in shown
    assert "1 session\n" in shown
    said = json.loads(headcount("share", "--status", "--json", **env)[1])
    assert said["store"] == (store / "store-id").read_text().strip()
    assert said["sharer"]["pid"] == running.process.pid
    assert said["sharer"]["host"] == os.uname().nodename
    assert (said["shared"], said["sessions"], said["entries"]) == (True, 1, 1)


def test_status_after_the_end_has_what_was_shared_last(
    redis_server, headcount, share, store
):
    create()
    share(redis_server).end(signal.SIGTERM)
    env = {"HEADCOUNT_REDIS_URL": redis_server.url}
    code, shown, _ = headcount("share", "--status", **env)
    assert code == 1
    assert "shared   no; `headcount share` shares it" in shown
    assert "1 session\n" in shown


@pytest.mark.parametrize("key", ["lease", "now"])
def test_status_names_a_store_whose_values_are_not_valid(
    redis_server, headcount, shared, key
):
    there = shared(redis_server)
    there.client.set(getattr(there.keys, key), "what?")
    code, _, said = headcount("share", "--status", "--redis", redis_server.url)
    assert code == 1
    assert f"what {redis_server.url} has of the store " in said


def test_status_names_a_server_that_is_away(headcount):
    url = f"redis://127.0.0.1:{free_port()}"
    code, shown, said = headcount("share", "--status", "--redis", url)
    assert (code, shown) == (1, "")
    assert said == (
        f"headcount: cannot ask {url}: Connection refused (is it running, and does a "
        "firewall let you through?)\n"
    )


def test_redis_option_names_the_server(redis_server, share, headcount):
    create()
    share(redis_server, "--redis", redis_server.url, HEADCOUNT_REDIS_URL="redis://x")
    assert headcount("share", "--status", "--redis", redis_server.url)[0] == 0


def test_password_in_an_argument_is_refused_and_not_repeated(headcount, store):
    code, _, said = headcount("share", "--redis", f"redis://ada:{SECRET}@localhost")
    assert code == USAGE
    assert "HEADCOUNT_REDIS_PASSWORD" in said
    assert SECRET not in said
    assert not store.exists()


def test_file_with_a_password_that_others_can_read_is_refused(headcount, store):
    path = store.parent / "home/.config/headcount/redis.env"
    path.parent.mkdir(parents=True)
    path.write_text(
        f"HEADCOUNT_REDIS_URL=redis://localhost\nHEADCOUNT_REDIS_PASSWORD={SECRET}\n"
    )
    path.chmod(0o644)
    code, _, said = headcount("share")
    assert code == USAGE
    assert f"others can read {path}" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "words",
    [
        pytest.param((), id="share"),
        pytest.param(("--status",), id="status"),
        pytest.param(("--json", "--redis", "redis://a"), id="json-without-status"),
    ],
)
def test_share_needs_a_server_and_json_needs_status(headcount, words):
    code, _, said = headcount("share", *words)
    assert code == USAGE
    assert ("HEADCOUNT_REDIS_URL" in said) is ("--json" not in words)
