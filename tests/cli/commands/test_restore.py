"""`headcount restore`: archived sessions come back to where they were."""

from __future__ import annotations

from command_line import archive, create, write
from support import types


def test_restore_restores_sessions_and_prints_their_paths(headcount, store):
    archive(store, "gone-one")
    archive(store, "gone-two")
    code, out, err = headcount("restore", "gone-one", "gone-t")
    assert code == 0
    assert out == f"{store / 'gone-one.jsonl'}\n{store / 'gone-two.jsonl'}\n"
    assert types(store / "gone-one.jsonl") == ["session_metadata"]
    assert "gone-one is dead: unless it is resumed, the next cleanup" in err


def test_restore_prefers_an_archived_session_for_an_id_prefix(headcount, store):
    archive(store, "6f2a-filed")
    write(store, "6f2a-live")
    assert headcount("restore", "6f2a")[1] == f"{store / '6f2a-filed.jsonl'}\n"


def test_restore_of_a_live_session_changes_nothing_and_exits_0(headcount, store):
    create("living")
    code, out, err = headcount("restore", "living")
    assert (code, out) == (0, f"{store / 'living.jsonl'}\n")
    assert "living was not in the archive" in err


def test_restore_with_an_unknown_id_restores_none(headcount, store):
    path = archive(store, "gone-one")
    code, out, err = headcount("restore", "gone-one", "nope")
    assert (code, out) == (3, "")
    assert "no session nope" in err
    assert path.exists()


def test_restore_refuses_a_damaged_archived_file(headcount, store):
    day = archive(store, "gone-one").parent
    (day / "torn.jsonl").write_text("not json\n")
    code, out, err = headcount("restore", "torn")
    assert (code, out) == (1, "")
    assert "holds no valid metadata, so it was not restored" in err
