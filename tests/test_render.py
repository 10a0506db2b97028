"""What people see: widths, the table, the facts, quoting and JSON."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from lib import clock, render

NOW = 1_790_000_000.0
HOSTILE = "\x1b]0;pwned\x07\x1b[31mred\nnext\u202elanif\r\x9b2J\ud800"
MINUTE = 60.0


def session(**changes):
    return {
        **dict.fromkeys(render.KEYS),
        "session_id": "6f2a1b3c-0000-4000-8000-000000000001",
        "verdict": "alive",
        "reasons": ["pid 1 is running", "last heartbeat 3 s ago"],
        "state": "busy",
        "pid": 1,
        "cwd": "/srv/shop",
        "start_time": clock.stamp(NOW - 90 * MINUTE),
        "last_heartbeat": clock.stamp(NOW - 3),
        "path": "/store/6f2a1b3c-0000-4000-8000-000000000001.jsonl",
        "archived": False,
        **changes,
    }


def table(*sessions, columns=None, colour=False):
    short = render.short_ids(one["session_id"] for one in sessions)
    return render.table(sessions, short, now=NOW, columns=columns, colour=colour)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("plain", 5, id="ascii"),
        pytest.param("日本語", 6, id="cjk"),
        pytest.param("한글", 4, id="hangul"),
        pytest.param("😀!", 3, id="emoji"),
        pytest.param("e\u0301", 1, id="combining"),
        pytest.param("\uff46\uff55\uff4c\uff4c", 8, id="fullwidth"),
    ],
)
def test_width_counts_the_columns_of_a_terminal(text, columns):
    assert render.width(text) == columns


@pytest.mark.parametrize(
    "text", ["nightly build", "日本語日本語日本語", "a😀b😀c😀d😀"]
)
@pytest.mark.parametrize("room", range(12))
def test_what_is_clipped_fits_and_shows_that_it_was(text, room):
    for clip in (render.clip, render.clip_start):
        clipped = clip(text, room)
        assert render.width(clipped) <= room
        assert clipped == text or not room or "…" in clipped


def test_clip_keeps_the_beginning_and_clip_start_the_end():
    assert render.clip("/srv/shop/cart", 8) == "/srv/sh…"
    assert render.clip_start("/srv/shop/cart", 8) == "…op/cart"
    assert render.clip_start("日本語", 5) == "…本語"


def test_a_short_id_is_the_shortest_of_8_or_more_that_means_one_session():
    ids = ["aaaaaaaa-1", "aaaaaaaa-2x", "bbbbbbbbbbbb", "c", "nightly1", "nightly12"]
    assert render.short_ids(ids) == {
        "aaaaaaaa-1": "aaaaaaaa-1",
        "aaaaaaaa-2x": "aaaaaaaa-2",
        "bbbbbbbbbbbb": "bbbbbbbb",
        "c": "c",
        "nightly1": "nightly1",  # whole ids go first
        "nightly12": "nightly12",
    }


def test_the_table_puts_who_waits_first_then_busy_idle_and_the_rest():
    given = [
        session(session_id="dead-one", verdict="dead"),
        session(session_id="unreadable", verdict=None, state=None, cwd=None),
        session(session_id="idle-one", state="idle"),
        session(session_id="filed-away", archived=True, verdict="dead"),
        session(session_id="stale-one", verdict="stale"),
        session(session_id="waiting-one", state="waiting"),
        session(session_id="unknown-one", verdict="unknown"),
        session(session_id="busy-then", last_heartbeat=clock.stamp(NOW - 60)),
        session(session_id="busy-now"),
    ]
    heading, *rows = [line.split() for line in table(*given)]
    assert heading == ["STATE", "ID", "LABEL", "WHERE", "AGE", "HEARTBEAT"]
    assert [row[0] for row in rows] == [
        *("waiting", "busy", "busy", "idle", "unknown", "stale", "dead"),
        *("unreadable", "dead,"),
    ]
    assert rows[1][1] == "busy-now"
    assert rows[-1][:2] == ["dead,", "archived"]


def test_the_table_gives_times_as_differences():
    _, row = table(session(label="nightly"))
    assert row == "busy   6f2a1b3c  nightly  /srv/shop  1 h  3 s ago"


def test_an_unreadable_session_is_shown_with_its_path():
    _, row = table(session(verdict=None, state=None, cwd=None, last_heartbeat=None))
    assert row.startswith("unreadable  6f2a1b3c")
    assert "/store/6f2a1b3c-0000" in row


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_the_table_fits_and_its_columns_stand_below_each_other(columns):
    rows = table(
        session(label="日本語のとても長いラベル" * 3, cwd="/srv/" + "deep/" * 30),
        session(session_id="other-one", label="😀" * 30, state="idle"),
        columns=columns,
    )
    assert all(render.width(row) <= columns for row in rows)
    if columns >= 60:
        ends = {render.width(row[: row.rindex("s ago")]) for row in rows[1:]}
        assert len(ends) == 1


def test_the_table_is_not_cut_where_nobody_asks_for_a_width():
    label = "long " * 100
    assert label.strip() in "\n".join(table(session(label=label)))


def test_the_end_of_a_long_path_is_kept():
    rows = table(session(cwd="/srv/" + "deep/" * 30 + "shop"), columns=80)
    assert "/deep/shop" in rows[1]


def test_colour_is_on_the_state_alone_and_takes_no_width():
    plain_rows = table(session(state="waiting"), columns=60)
    rows = table(session(state="waiting"), columns=60, colour=True)
    assert rows[0] == plain_rows[0]
    assert rows[1] == plain_rows[1].replace("waiting", "\x1b[1;33mwaiting\x1b[0m")


def test_nothing_that_a_record_holds_reaches_the_terminal_as_control():
    texts = ("label", "cwd", "path", "host", "source", "transcript_path", "project_dir")
    more = ("session_id", "client_version", "previous_session_id", "close_reason")
    hostile = session(
        **dict.fromkeys((*texts, *more), HOSTILE),
        tasks=[HOSTILE],
        reasons=[HOSTILE],
        others=[{"pid": 7, "host": HOSTILE, "state": HOSTILE}],
    )
    entry = {"type": HOSTILE, "timestamp": HOSTILE, HOSTILE: HOSTILE}
    shown = [
        *table(hostile, columns=80),
        *table({**hostile, "verdict": None}),
        *render.facts(hostile, NOW),
        render.entry_line(entry, NOW, None),
        render.entry_line({**entry, "type": "heartbeat", "event": HOSTILE}, NOW, 80),
        render.resume_line(hostile),
        *render.as_json(hostile).split("\n"),
    ]
    assert [line for line in shown if not line.isprintable()] == []


def test_home_is_written_as_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert render.tilde(str(tmp_path)) == "~"
    assert render.tilde(f"{tmp_path}/src") == "~/src"
    assert render.tilde(f"{tmp_path}2/src") == f"{tmp_path}2/src"


def test_where_is_the_working_tree_of_the_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    assert render.where(session(cwd=str(tmp_path / "a/b"))) == os.path.realpath(
        tmp_path
    )


@pytest.mark.parametrize("cwd", ["/nul\0byte", "/half\ud800"], ids=["nul", "surrogate"])
def test_a_folder_that_cannot_be_one_is_shown_all_the_same(cwd):
    assert render.where(session(cwd=cwd)).startswith("/")


def test_facts_name_verdict_and_each_reason_on_a_line_of_its_own():
    lines = render.facts(session(label="nightly"), NOW)
    at = lines.index("verdict    alive")
    assert lines[at + 1].strip() == "pid 1 is running"
    assert lines[at + 2].strip() == "last heartbeat 3 s ago"
    assert "label      nightly" in lines
    assert f"heartbeat  {clock.stamp(NOW - 3)} (3 s ago)" in lines


def test_facts_pass_over_what_is_not_known():
    lines = render.facts(session(pid=None, cwd=None, start_time=None), NOW)
    names = [line.split()[0] for line in lines]
    assert not {"folder", "process", "started", "label"} & set(names)


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        pytest.param(
            {
                "type": "heartbeat",
                "state": "busy",
                "event": "UserPromptSubmit",
                "pid": 1,
            },
            "   3 s ago  heartbeat         busy UserPromptSubmit",
            id="lifecycle",
        ),
        pytest.param(
            {"type": "session_close", "reason": "logout"},
            "   3 s ago  session_close     logout",
            id="close",
        ),
        pytest.param(
            {"type": "build.done", "v": 1, "id": "0" * 16, "ok": True, "état": "là"},
            '   3 s ago  build.done        {"ok":true,"état":"là"}',
            id="foreign",
        ),
        pytest.param(
            {"type": 7, "timestamp": [1]}, "         -  7                 {}", id="odd"
        ),
    ],
)
def test_an_entry_is_a_line_of_when_type_and_what_it_says(entry, line):
    entry = {"timestamp": clock.stamp(NOW - 3), **entry}
    assert render.entry_line(entry, NOW, None) == line


def test_an_entry_is_capped():
    entry = {"type": "log", "text": "x" * 50_000}
    assert len(render.entry_line(entry, NOW, None)) == 200
    assert render.width(render.entry_line(entry, NOW, 80)) == 80


@pytest.mark.parametrize(
    "folder",
    [
        "plain",
        "with space",
        "quo'te",
        'dou"ble',
        "$(touch pwned)",
        "`touch pwned`",
        "-dash",
        "日本語",
        "esc\x1b[31m",
        "new\nline'\\x41",
        "bidi\u202e",
        os.fsdecode(b"latin-\xe9"),
    ],
)
def test_the_resume_line_leads_the_shell_to_the_folder(folder, tmp_path):
    (tmp_path / folder).mkdir()
    line = render.resume_line(session(cwd=str(tmp_path / folder)))
    assert line.isprintable()
    script = 'claude() { printf "%s\\0" "$PWD" "$@"; }\n' + line
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True
    )
    words = os.fsdecode(done.stdout).split("\0")[:-1]
    assert words == [str(tmp_path / folder), "--resume", session()["session_id"]]
    assert not (tmp_path / "pwned").exists()


def test_the_resume_line_of_a_session_without_a_folder_just_resumes():
    assert (
        render.resume_line(session(cwd=None, session_id="x1")) == "claude --resume x1"
    )


def test_json_is_ascii_and_gives_back_what_was_given():
    given = [session(label="日本語\x7f\x1b", tasks=[{"a": [1]}], others=[]), session()]
    text = render.as_json(given)
    assert text.isascii()
    assert "\x7f" not in text
    assert json.loads(text) == given
    assert render.as_json([]) == "[]"


def test_what_has_no_json_form_is_null_and_the_rest_is_not():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    given = {
        "session_id": "a",
        "entries": [{"type": "x", "n": float("inf"), "c": deep}],
    }
    assert json.loads(render.as_json(given)) == {
        "session_id": "a",
        "entries": [{"type": "x", "n": None, "c": None}],
    }


def test_an_entry_nested_too_deeply_is_a_line_all_the_same():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deeply" in render.entry_line({"type": "x", "deep": deep}, NOW, None)
