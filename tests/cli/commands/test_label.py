"""`headcount label`: what people call a session."""

from __future__ import annotations

import json

from command_line import create
from support import ID, lines


def test_label_sets_changes_and_removes_a_label(headcount, store):
    create()

    def label():
        return json.loads(headcount("--json")[1])["sessions"][0]["label"]

    assert headcount("label", ID, "nightly build") == (0, "", "")
    entry = lines(store / f"{ID}.jsonl")[-1]
    assert (entry["type"], entry["source"]) == ("session_update", "person")
    assert label() == "nightly build"
    headcount("label", ID[:8], "two", "words")
    assert label() == "two words"
    headcount("label", ID[:8], "-")
    assert label() == "-"
    headcount("label", ID, "")
    assert label() is None


def test_label_adds_nothing_to_a_file_without_metadata(headcount, store):
    store.mkdir()
    path = store / "damaged.jsonl"
    path.write_text("not json\n")
    code, _, err = headcount("label", "damaged", "x")
    assert code == 1
    assert err.startswith(f"headcount: {path} holds no valid metadata")
    assert path.read_text() == "not json\n"
