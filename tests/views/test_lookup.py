"""Which session is meant: by its id or the beginning of it, its label, or its name."""

from __future__ import annotations

import json
import os
import time

import pytest
from command_line import DAY, archive, create, write
from support import ID

from lib.record import timestamps
from lib.store import journal
from lib.views import lookup


def test_unique_id_prefix_finds_its_session(headcount):
    create("6f2a1b3c-one")
    create("77777777-two")
    assert headcount("show", "6")[1].startswith("session       6f2a1b3c-one\n")


EVERY_COMMAND = [
    pytest.param(["show"], [], id="show"),
    pytest.param(["tail"], [], id="tail"),
    pytest.param(["append"], ["note"], id="append"),
    pytest.param(["label"], ["x"], id="label"),
    pytest.param(["restore"], [], id="restore"),
    pytest.param(["rm", "--force"], [], id="rm"),
]


@pytest.mark.parametrize(("words", "more"), EVERY_COMMAND)
@pytest.mark.parametrize(
    "query",
    [
        pytest.param("6F2A", id="upper-case-prefix"),
        pytest.param("Nightly Build", id="label"),
        pytest.param("nightly b", id="beginning-of-label"),
        pytest.param("shop-4C", id="name"),
    ],
)
def test_session_is_found_by_prefix_label_or_name(headcount, store, words, more, query):
    changes = {"label": "Nightly build", "name": "shop-4c"}
    if words == ["restore"]:
        archive(store, "6f2a1b3c-one", **changes)
    else:
        write(store, "6f2a1b3c-one", **changes)
    write(store, "77777777-two")
    assert headcount(*words, query, *more)[0] == 0
    assert bool(list(store.rglob("6f2a1b3c-one.jsonl"))) == (words[0] != "rm")
    assert (store / "77777777-two.jsonl").exists()


@pytest.mark.parametrize(("words", "more"), EVERY_COMMAND)
def test_ambiguous_session_lists_the_candidates_and_exits_4(headcount, words, more):
    create("6f2a1b3c-one", label="nightly", cwd="/srv/shop")
    create("6f2a1b3c-two", cwd="/srv/blog")
    create("77777777-two", label="6f2a", cwd="/srv")
    code, out, err = headcount(*words, "6f2a", *more)
    assert (code, out) == (4, "")
    first, *candidates = err.splitlines()
    assert first == "headcount: 6f2a matches 3 sessions; give more of the id"
    assert sorted(candidates) == [
        "  6f2a1b3c-one  idle      nightly  /srv/shop",
        "  6f2a1b3c-two  idle      /srv/blog",
        "  77777777-two  idle      6f2a  /srv",
    ]


def test_eight_characters_of_an_id_win_over_a_label(headcount):
    create("6f2a1b3c-one")
    create("77777777-two", label="6f2a1b3c")
    assert headcount("show", "6f2a1b3c")[1].startswith("session       6f2a1b3c-one\n")


def test_whole_label_wins_over_the_beginning_of_another(headcount):
    create("6f2a1b3c-one", label="nightly")
    create("77777777-two", label="nightly build")
    _, out, _ = headcount("show", "nightly")
    assert out.startswith("session       6f2a1b3c-one\n")


def test_whole_id_wins_over_a_prefix_even_if_archived(headcount, store):
    create("nightly-2")
    create("weekly")
    create("weekly-2")
    archive(store, "nightly")
    assert headcount("show", "weekly")[1].startswith("session       weekly\n")
    assert headcount("show", "nightly")[1].startswith("session       nightly\n")


def test_live_session_wins_over_an_archived_session(headcount, store):
    create("6f2a1b3c-live")
    archive(store, "6f2a1b3c-filed")
    archive(store, "99999999-filed")
    assert headcount("show", "6f2a")[1].startswith("session       6f2a1b3c-live\n")
    _, out, _ = headcount("show", "9999")
    assert out.startswith("session       99999999-filed\n")
    assert "(archived)" in out


def test_session_archived_twice_is_found_by_its_newer_file(headcount, store):
    first = archive(
        store, ID, last_heartbeat=timestamps.from_epoch(time.time() - 3 * DAY)
    )
    second = archive(
        store, ID, last_heartbeat=timestamps.from_epoch(time.time() - 2 * DAY)
    )
    assert first != second
    assert json.loads(headcount("show", ID, "--json")[1])["path"] == str(second)


@pytest.mark.parametrize(
    "words",
    [["show", "nope"], ["append", "nope", "x"], ["label", "../x", "y"]],
    ids=["show", "append", "label"],
)
def test_unknown_id_exits_3_and_names_the_searched_store(headcount, store, words):
    create()
    code, out, err = headcount(*words)
    assert (code, out) == (3, "")
    assert err.startswith(f"headcount: no session {words[1]} in {store}")
    assert "headcount list --all" in err


def test_lookup_reads_only_files_that_match_the_prefix(store, monkeypatch):
    for session_id in ("6f2a1b3c-one", "6f2b1b3c-two", "77777777"):
        create(session_id)
    archive(store, "6f2c1b3c-filed")
    archive(store, "88888888")
    really, seen = journal.open_ours, []
    monkeypatch.setattr(
        journal, "open_ours", lambda path: seen.append(path) or really(path)
    )
    assert lookup.find("6f2b1b3c", time.time())["session_id"] == "6f2b1b3c-two"
    assert lookup.find("6f2c1b3c", time.time())["session_id"] == "6f2c1b3c-filed"
    assert [os.path.basename(path)[:4] for path in seen] == ["6f2b", "6f2c"]
