"""What each key of the watch does."""

from __future__ import annotations

import os

import pytest
from command_line import archive, create, write
from support import ID

from lib import sessions

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
THIRD = "1bb1f931-8a2e-4bc2-841e-e420ad80648c"


@pytest.fixture
def three(store):
    """A session that waits, one that is busy, and one that is dead."""
    create(ID, label="publish", state="waiting", cwd="/shop")
    create(OTHER, label="docs", state="busy", cwd="/blog")
    write(store, THIRD, label="old", cwd="/blog")


@pytest.mark.usefixtures("three")
def test_arrows_and_letters_move_the_cursor(play):
    async def script(stage):
        assert stage.ids == [ID, OTHER, THIRD]
        for key, expected in (
            ("down", OTHER),
            ("j", THIRD),
            ("down", THIRD),
            ("up", OTHER),
            ("k", ID),
            ("up", ID),
            ("end", THIRD),
            ("home", ID),
            ("G", THIRD),
            ("g", ID),
            ("pagedown", THIRD),
            ("pageup", ID),
        ):
            await stage.press(key)
            assert stage.at_cursor == expected, key

    play(script)


@pytest.mark.usefixtures("three")
def test_slash_filters_with_each_letter(play):
    async def script(stage):
        await stage.press("slash", "b")
        assert stage.ids == [ID, OTHER, THIRD]  # publish, /blog
        await stage.press("l", "o")
        assert stage.ids == [OTHER, THIRD]
        await stage.press("space", "d", "o", "c")
        assert stage.ids == [OTHER]
        await stage.press("backspace", "backspace", "backspace", "enter")
        assert stage.ids == [OTHER, THIRD]
        assert "2 of 3 sessions, filter: blo" in stage.text
        await stage.press("j")  # a key of the list again, not a letter
        assert stage.at_cursor == THIRD
        await stage.press("escape")
        assert stage.ids == [ID, OTHER, THIRD]

    play(script)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("waiting", [ID]),
        ("/SHOP", [ID]),
        (OTHER[:4], [OTHER]),
        ("dead old", [THIRD]),
        ("nowhere", []),
    ],
    ids=["state", "place", "id", "two words", "nothing"],
)
@pytest.mark.usefixtures("three")
def test_filter_finds(play, typed, expected):
    async def script(stage):
        stage.app.action_filter_by(typed)
        assert stage.ids == expected
        await stage.press("down", "l", "a", "r", "t", "end")  # nothing to do it to

    play(script)


@pytest.mark.usefixtures("three")
def test_escape_leaves_the_filter_while_typing(play):
    async def script(stage):
        await stage.press("slash", "d", "o", "c", "escape")
        assert stage.ids == [ID, OTHER, THIRD]
        await stage.press("slash", "x", "escape", "q")

    play(script)


@pytest.mark.usefixtures("three")
def test_l_labels_the_session_at_the_cursor(play):
    async def script(stage):
        await stage.press("down", "l")
        assert "label docs: docs" in stage.text
        await stage.press(*["backspace"] * 4, *"neu", "enter")
        await stage.until("labelled docs neu")
        await stage.until(lambda: "neu" in stage.list.rows[1].line)
        await stage.press("l", *["backspace"] * 3, "enter")
        await stage.until(lambda: stage.list.session["label"] in (None, ""))

    play(script)
    (session,) = (s for s in sessions.discover_sessions() if s.id == OTHER)
    assert not session.metadata.get("label")


@pytest.mark.usefixtures("three")
def test_escape_leaves_a_label_as_it_was(play):
    async def script(stage):
        await stage.press("l", "x", "escape", "down")
        assert stage.at_cursor == OTHER

    play(script)
    assert {s.metadata["label"] for s in sessions.discover_sessions()} == {
        *("publish", "docs", "old")
    }


@pytest.mark.usefixtures("three")
def test_a_archives_what_has_ended_and_nothing_else(play, store):
    async def script(stage):
        await stage.press("a")
        await stage.until("publish has not ended")
        await stage.press("end", "a")
        await stage.until("archived old")
        await stage.until(lambda: stage.ids == [ID, OTHER])
        assert stage.at_cursor == OTHER

    play(script)
    assert [s.id for s in sessions.discover_sessions(archived=True)] == [THIRD]


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("key", ["a", "l"], ids=["archive", "label"])
def test_failed_action_is_reported_with_the_path(play, store, key):
    async def script(stage):
        await stage.press("end")
        path = store / f"{THIRD}.jsonl"
        archive(store, THIRD)
        stage.app._source.poll = lambda: stage.app._board.snapshot  # it sees nothing
        os.rename(store / "archive", store / "gone")
        await stage.press(key, *(["x", "enter"] if key == "l" else []))
        await stage.until("cannot ")
        assert str(path)[:40] in stage.text

    play(script, columns=200)


@pytest.mark.usefixtures("three")
def test_r_copies_the_command_that_resumes(play, tmp_path):
    async def script(stage):
        await stage.press("down", "r")
        assert stage.app.clipboard == f"claude --resume {OTHER}"
        assert f"copied: claude --resume {OTHER}" in stage.text

    play(script, columns=120)


@pytest.mark.usefixtures("three")
def test_t_groups_by_worktree(play):
    async def script(stage):
        await stage.press("end", "t")
        rows = [
            row.session["session_id"] if row.session else row.line
            for row in stage.list.rows
        ]
        assert rows == ["/blog", OTHER, THIRD, "/shop", ID]
        assert stage.at_cursor == THIRD
        await stage.press("down")
        assert stage.at_cursor == ID
        await stage.press("up", "up", "up")
        assert stage.at_cursor == OTHER
        await stage.press("t")
        assert stage.ids == [ID, OTHER, THIRD]
        assert stage.at_cursor == OTHER

    play(script)


@pytest.mark.usefixtures("three")
def test_question_mark_lists_the_keys(play):
    async def script(stage):
        await stage.press("question_mark")
        await stage.until("group by worktree")
        await stage.press("q")
        await stage.until("publish")

    play(script)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("key", ["q", "Q"], ids=["q", "Q"])
def test_q_quits(play, key):
    async def script(stage):
        await stage.press(key)
        await stage.until(lambda: not stage.app.is_running)

    assert play(script) is None
