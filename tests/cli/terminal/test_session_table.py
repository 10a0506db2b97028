"""The table of `headcount list`: its order, its columns, and that it fits."""

from __future__ import annotations

import pytest
from sample_session import HOSTILE, MINUTE, NOW, session

from lib.cli import formatting
from lib.cli.terminal import session_table as tables
from lib.cli.terminal.width import width
from lib.record import timestamps


def table(*sessions, columns=None, colour=False):
    short = formatting.short_ids(sessions)
    return tables.table(
        tables.ordered(sessions), short, now=NOW, columns=columns, colour=colour
    )


def test_table_sorts_waiting_busy_idle_and_then_the_rest():
    given = [
        session(session_id="dead-one", verdict="dead"),
        session(session_id="unreadable", verdict=None, state=None, cwd=None),
        session(session_id="idle-one", state="idle"),
        session(session_id="filed-away", archived=True, verdict="dead"),
        session(session_id="stale-one", verdict="stale"),
        session(session_id="waiting-one", state="waiting"),
        session(session_id="unknown-one", verdict="unknown"),
        session(session_id="busy-then", last_heartbeat=timestamps.from_epoch(NOW - 60)),
        session(session_id="busy-now"),
    ]
    heading, *rows = [line.split() for line in table(*given)]
    assert heading == ["STATE", "ID", "NAME", "WHERE", "AGE", "HEARTBEAT"]
    assert [row[0] for row in rows] == [
        *("waiting", "busy", "busy", "idle", "unknown", "stale", "dead"),
        *("unreadable", "dead,"),
    ]
    assert rows[1][1] == "busy-now"
    assert rows[-1][:2] == ["dead,", "archived"]


def test_table_shows_ages_instead_of_times():
    _, row = table(session(label="nightly"))
    assert row == "busy   6f2a1b3c  nightly  /srv/shop  1 h  3 s ago"


def test_table_shows_an_unreadable_session_with_its_path():
    _, row = table(session(verdict=None, state=None, cwd=None, last_heartbeat=None))
    assert row.startswith("unreadable  6f2a1b3c")
    assert "/store/6f2a1b3c-0000" in row


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_table_fits_the_width_and_aligns_its_columns(columns):
    rows = table(
        session(label="日本語のとても長いラベル" * 3, cwd="/srv/" + "deep/" * 30),
        session(session_id="other-one", label="😀" * 30, state="idle"),
        columns=columns,
    )
    assert all(width(row) <= columns for row in rows)
    if columns >= 60:
        ends = {width(row[: row.rindex("s ago")]) for row in rows[1:]}
        assert len(ends) == 1


def test_table_without_a_width_is_not_truncated():
    label = "long " * 100
    assert label.strip() in "\n".join(table(session(label=label)))


def test_table_keeps_the_end_of_a_long_path():
    rows = table(session(cwd="/srv/" + "deep/" * 30 + "shop"), columns=80)
    assert "/deep/shop" in rows[1]


def test_table_colours_only_the_state_and_keeps_the_alignment():
    plain_rows = table(session(state="waiting"), columns=60)
    rows = table(session(state="waiting"), columns=60, colour=True)
    assert rows[0] == plain_rows[0]
    assert rows[1] == plain_rows[1].replace("waiting", "\x1b[1;35mwaiting\x1b[0m")


def test_table_has_no_control_characters_of_a_session():
    texts = dict.fromkeys(("label", "cwd", "path", "session_id"), HOSTILE)
    hostile = session(**texts, worktree=HOSTILE, branch=HOSTILE, reasons=[HOSTILE])
    for columns in (None, 80, 30):
        shown = [
            *table(hostile, columns=columns),
            *table({**hostile, "verdict": None}, columns=columns),
        ]
        assert [line for line in shown if not line.isprintable()] == []


def test_table_shows_the_branch_after_the_worktree():
    _, row = table(session(worktree="/srv/shop", branch="main"))
    assert "  /srv/shop (main)  " in row


def test_table_keeps_the_ends_of_a_truncated_path_and_branch():
    path = "/srv/" + "deep/" * 30 + "shop"
    _, row = table(session(worktree=path, branch="main"), columns=60)
    assert "p/shop (main)" in row
    _, row = table(session(worktree=path, branch="feature/" + "x" * 60), columns=60)
    assert "deep/shop" in row
    assert "feature" not in row


def test_narrow_table_drops_the_ids_and_names_unlabelled_sessions_by_them():
    given = [
        session(label="日本語のとても長いラベル" * 3, cwd="/srv/" + "deep/" * 30),
        session(session_id="77777777-2222"),
    ]
    assert table(*given, columns=80)[0].split()[:3] == ["STATE", "ID", "NAME"]
    heading, *_ = table(*given, columns=50)
    assert heading.split() == ["STATE", "ID", "NAME", "WHERE", "HEARTBEAT"]
    heading, *_ = table(*given, columns=40)
    assert heading.split() == ["STATE", "ID", "NAME", "WHERE"]
    heading, first, second = table(*given, columns=30)
    assert heading.split() == ["STATE", "NAME", "WHERE"]
    assert "6f2a1b3c" not in first
    assert "日本語" in first
    assert second.split()[1] == "77777777"


def test_table_has_a_note_column_only_with_collisions():
    heading, *_ = table(session())
    assert "NOTE" not in heading
    heading, *rows = table(
        session(
            session_id="a", processes=[7, 8], same_worktree=[], same_worktree_count=0
        ),
        session(
            session_id="b", processes=[9], same_worktree=["c"], same_worktree_count=1
        ),
        session(
            session_id="c",
            processes=[9],
            same_worktree=["b", "d"],
            same_worktree_count=2,
        ),
        session(session_id="d", processes=[9], same_worktree=[], same_worktree_count=0),
    )
    assert heading.endswith("NOTE")
    at = heading.index("NOTE")
    assert [row[at:] for row in rows] == [
        "open in 2 processes",
        "same worktree as 1 other",
        "same worktree as 2 others",
        "",
    ]


@pytest.mark.parametrize("columns", [30, 50, 80, 120])
def test_table_with_notes_fits_the_width(columns):
    given = session(
        label="label " * 20,
        worktree="/srv" * 30,
        branch="b" * 80,
        same_worktree_count=9,
    )
    rows = table(given, session(session_id="x"), columns=columns)
    assert all(width(row) <= columns for row in rows)
    if columns >= 80:
        assert rows[1].endswith("same worktree as 9 others")


SORTED = [
    session(
        session_id="a",
        label="beta",
        state="idle",
        cwd="/c",
        start_time=timestamps.from_epoch(NOW - 10),
        last_heartbeat=timestamps.from_epoch(NOW - 9),
    ),
    session(
        session_id="b",
        label=None,
        state="waiting",
        cwd="/a",
        start_time=timestamps.from_epoch(NOW - 30),
        last_heartbeat=timestamps.from_epoch(NOW - 7),
    ),
    session(
        session_id="c",
        label="Alpha",
        state="busy",
        cwd="/b",
        start_time=None,
        last_heartbeat=timestamps.from_epoch(NOW - 8),
    ),
]


@pytest.mark.parametrize(
    ("by", "order"),
    [
        pytest.param("state", "bca", id="state"),
        pytest.param("age", "abc", id="age"),
        pytest.param("heartbeat", "bca", id="heartbeat"),
        pytest.param("label", "cab", id="label"),
        pytest.param("where", "bca", id="where"),
    ],
)
def test_table_is_sorted_by_the_sort_option(by, order):
    assert "".join(one["session_id"] for one in tables.ordered(SORTED, by)) == order


def test_table_row_fits_where_the_parts_of_an_emoji_are_drawn_apart():
    given = session(
        label="👩🏽\u200d🚀" * 3, cwd="/srv/" + "d" * 70, same_worktree_count=1
    )
    _, row = table(given, columns=80)
    assert "👩🏽\u200d🚀" in row
    assert width(row) + 3 * 4 <= 80  # each of the three may take four more


WAITING = session(
    session_id="waiting-one",
    label="publish the second release",
    state="waiting",
    waiting_for="permission",
    state_since=timestamps.from_epoch(NOW - 12 * MINUTE),
    cwd="/srv/a/long/path/to/the/shop",
)


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        pytest.param(80, "STATE ID NAME WHERE AGE HEARTBEAT", id="80"),
        pytest.param(74, "STATE ID NAME WHERE HEARTBEAT", id="74"),
        pytest.param(64, "STATE ID NAME WHERE", id="64"),
        pytest.param(50, "STATE NAME WHERE", id="50"),
    ],
)
def test_table_with_waits_drops_ages_then_heartbeats_then_ids(columns, headings):
    heading, row = table(WAITING, columns=columns)
    assert heading.split() == headings.split()
    assert row.startswith("waiting  permission  12 min  ")
    assert width(row) <= columns


def test_table_without_ids_names_by_its_id_what_only_the_client_named():
    derived = {**WAITING, "label": None, "name": "shop-39", "name_source": "client"}
    _, row = table(derived, columns=50, colour=True)
    assert "12 min  waiting-  " in row
    _, row = table({**derived, "name_source": "user"}, columns=50)
    assert "12 min  shop-39  " in row


def test_table_drops_what_is_waited_for_where_nothing_else_fits():
    heading, row = table(WAITING, columns=30)
    assert heading.split() == ["STATE", "NAME", "WHERE"]
    assert row.startswith("waiting  publish")


def test_table_has_no_column_for_waits_where_nobody_waits():
    since = timestamps.from_epoch(NOW - 3 * MINUTE)
    _, row = table(session(state_since=since))
    assert row.startswith("busy   3 min  6f2a1b3c")


def test_table_says_nothing_of_the_last_state_of_a_dead_session():
    _, row = table({**WAITING, "verdict": "dead"})
    assert row.startswith("dead   waiting-  publish")
