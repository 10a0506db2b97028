"""`headcount append`: an entry of another tool, from the shell."""

from __future__ import annotations

import fcntl
import json

import pytest
from command_line import archive, create
from support import ID, lines, types

from lib import sessions
from lib.cli import main


def test_append_adds_one_entry_and_prints_its_id(headcount, store):
    create()
    code, out, err = headcount("append", ID[:8], "build.done", '{"ok": true}')
    assert (code, err) == (0, "")
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert (entry["type"], entry["ok"], entry["session_id"]) == ("build.done", True, ID)
    assert out == entry["id"] + "\n"


def test_append_reads_the_fields_from_stdin_or_does_without(headcount, store):
    create()
    headcount("append", ID, "note.a", "-", stdin='{"text": "日本語"}\n')
    headcount("append", ID, "note.b")
    first, second = lines(store / f"{ID}.jsonl")[1:]
    assert (first["type"], first["text"]) == ("note.a", "日本語")
    assert second["type"] == "note.b"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["heartbeat"], "Headcount's own", id="reserved"),
        pytest.param(["Bad Type"], "is not a valid type", id="bad-type"),
        pytest.param(["x", "{"], "is not valid JSON", id="not-json"),
        pytest.param(["x", "[1]"], "not a JSON object", id="no-object"),
        pytest.param(["x", '{"n": 1e999}'], "not JSON", id="infinite"),
        pytest.param(["x", "[" * 100_000], "is not valid JSON", id="deep"),
        pytest.param(["x", '{"type": "y"}'], "says type 'y'", id="two-types"),
        pytest.param(["x", '{"session_id": "y"}'], "'y', not", id="two-ids"),
        pytest.param(["x", "-"], "stdin is not valid JSON", id="empty-stdin"),
    ],
)
def test_append_of_an_invalid_entry_exits_2_and_writes_nothing(
    headcount, store, words, says
):
    create()
    code, out, err = headcount("append", ID, *words)
    assert (code, out) == (2, "")
    assert err.startswith("headcount: ")
    assert says in err
    assert err.count("\n") == 1
    assert len(lines(store / f"{ID}.jsonl")) == 1


def test_append_of_an_entry_over_the_limit_exits_2_and_names_the_size(headcount):
    create()
    fields = json.dumps({"text": "x" * 70_000})
    code, _, err = headcount("append", ID, "x", "-", stdin=fields)
    assert code == 2
    assert "70" in err
    assert "65536" in err


def test_append_restores_an_archived_session_and_says_so(headcount, store):
    archive(store, "gone-one")
    code, _, err = headcount("append", "gone", "note.a")
    assert code == 0
    assert "restored from the archive" in err
    assert types(store / "gone-one.jsonl") == ["session_metadata", "note.a"]


def test_append_to_a_locked_session_fails_with_a_message(store, monkeypatch, capsys):
    create()
    monkeypatch.setattr(sessions.DEFAULT_LOCK_POLICY, "seconds", 0.1)
    path = store / f"{ID}.jsonl"
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code = main.main(["append", ID, "note.a"])
    out, err = capsys.readouterr()
    assert (code, out) == (1, "")
    assert err.startswith(f"headcount: cannot lock {path}")
    assert len(lines(path)) == 1
