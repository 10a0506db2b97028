"""The rows of the watch: where they are, and what marks them."""

from __future__ import annotations

import re

import pytest
from command_line import HOSTILE, create, write
from support import ID

from lib import sessions
from lib.cli.watch import session_list

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
THIRD = "1bb1f931-8a2e-4bc2-841e-e420ad80648c"
MARKUP = "[red]x[/red] [@click=app.exit()]y[/] [link=file:///z]z[/link] $background"


def marked(stage):
    """The numbers of the rows that are highlighted as news."""
    lines = [stage.list.render_line(y) for y in range(len(stage.list.rows))]
    return [
        number
        for number, strip in enumerate(lines)
        if any(segment.style and segment.style.underline for segment in strip)
    ]


def test_rows_keep_their_places_at_heartbeats(play):
    for session_id in (ID, OTHER, THIRD):
        create(session_id, state="busy")

    async def script(stage):
        before = stage.ids
        for session_id in (before[2], before[1]):
            sessions.update_heartbeat(session_id, state="busy")
            await stage.polled()
        await stage.polled()
        assert stage.ids == before
        assert marked(stage) == []

    play(script)


def test_row_moves_when_its_state_changes_and_the_cursor_moves_with_it(play):
    for session_id in (ID, OTHER, THIRD):
        create(session_id, state="busy")

    async def script(stage):
        await stage.press("end")
        last = stage.at_cursor
        sessions.update_heartbeat(last, state="waiting")
        await stage.until(lambda: stage.ids[0] == last)
        assert stage.at_cursor == last
        assert stage.list.cursor == 0

    play(script)


def test_change_is_highlighted_once(play, monkeypatch):
    create(ID, state="busy")
    create(OTHER, state="idle")

    async def script(stage):
        assert marked(stage) == []
        await stage.press("down")
        assert stage.at_cursor == OTHER
        sessions.update_heartbeat(ID, state="waiting")
        await stage.until(lambda: marked(stage) == [0])
        monkeypatch.setattr("lib.cli.watch.board._NEWS_SECONDS", 0)
        await stage.until(lambda: marked(stage) == [])
        await stage.polled()
        assert marked(stage) == []

    play(script)


def test_only_rows_that_have_changed_are_drawn_again(play, monkeypatch):
    monkeypatch.setattr("lib.cli.formatting.humanize", lambda _: "1 s")  # ages change
    for number in range(10):
        create(f"s{number}", state="busy")

    async def script(stage):
        await stage.polled()
        sessions.update_heartbeat(stage.ids[4], state="waiting")
        await stage.until(lambda: "waiting" in stage.list.rows[0].line)
        monkeypatch.setattr("lib.cli.watch.board._NEWS_SECONDS", 0)
        await stage.until(lambda: marked(stage) == [])
        drawn = []
        refresh = session_list.SessionList.refresh
        monkeypatch.setattr(
            session_list.SessionList,
            "refresh",
            lambda self, *regions, **more: (
                drawn.append(regions) or refresh(self, *regions, **more)
            ),
        )
        for _ in range(2):
            await stage.polled()
        assert drawn == []
        sessions.append_to_session(
            stage.ids[7], {"type": "session_update", "label": "new"}
        )
        await stage.until(lambda: "new" in stage.list.rows[7].line)
        assert all(regions for regions in drawn)  # never the whole list

    play(script)


@pytest.mark.parametrize("text", [HOSTILE, MARKUP], ids=["escapes", "markup"])
def test_what_a_record_holds_is_shown_as_it_is_and_does_nothing(play, tmp_path, text):
    folder = tmp_path / "[red]" / "[@click=app.exit()]"
    (folder / ".git").mkdir(parents=True)
    create(ID, label=text, state="busy", cwd=str(folder))

    async def script(stage):
        await stage.press("slash", *"red", "enter", "t", "r", "l")
        shown = stage.text
        assert "\x1b" not in shown
        assert "red" in shown
        strips = stage.app.screen._compositor.render_strips()
        styles = [s.style for strip in strips for s in strip if s.style]
        assert not any(style.link or "@click" in style.meta for style in styles)
        await stage.press("enter")
        await stage.until("labelled")
        if text is MARKUP:
            assert text[:20] in stage.text

    play(script, columns=200)


def test_unreadable_session_is_listed(play, store):
    store.mkdir()
    (store / f"{ID}.jsonl").write_text("damaged\n")

    async def script(stage):
        await stage.until("unreadable")
        await stage.press("r", "a")

    play(script, columns=160)


def test_details_beside_the_list_follow_the_cursor(play, store):
    create(ID, label="publish", state="waiting", cwd="/shop")
    write(store, OTHER, label="old", cwd="/blog")

    async def script(stage):
        beside = [line.partition("│")[2] for line in stage.lines]
        assert any(ID in line for line in beside)
        assert any(re.match(r" {15}\S", line) for line in beside)  # wrapped
        await stage.press("down")
        await stage.until(lambda: any(f" {OTHER}" in one for one in stage.lines))
        assert "claude --resume" in stage.text
        await stage.pilot.resize_terminal(80, 24)
        await stage.until(lambda: "│" not in stage.text)
        await stage.pilot.resize_terminal(200, 24)
        await stage.until(lambda: "│" in stage.text)

    play(script, columns=120)


def test_long_list_scrolls_with_the_cursor(play):
    for number in range(50):
        create(f"s{number:02}", label=f"number {number}")

    async def script(stage):
        await stage.press("end")
        await stage.until(lambda: f"{stage.at_cursor} " in stage.text)
        await stage.press(*["pageup"] * 9)
        await stage.until(lambda: f"{stage.at_cursor} " in stage.text)
        assert stage.at_cursor == stage.ids[0]
        await stage.press("t", "end")
        await stage.until(lambda: f"{stage.at_cursor} " in stage.text)

    play(script, rows=12)
