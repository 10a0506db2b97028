"""The table of `headcount list`: its order, its columns, and that it fits."""

from __future__ import annotations

import re

import pytest
from sample_session import HOSTILE, MINUTE, NOW, session

from lib.cli import formatting, spec
from lib.cli.terminal import columns as cells
from lib.cli.terminal import session_table as tables
from lib.cli.terminal.width import width
from lib.record import timestamps

SHORT = ("6f2a1b3c", "77777777", "88888888")


def table(*sessions, columns=None, colour=False, **more):
    short = formatting.short_ids(sessions)
    return tables.table(
        tables.ordered(sessions), short, now=NOW, columns=columns, colour=colour, **more
    )


def test_sort_option_offers_what_the_table_can_be_sorted_by():
    (command,) = (command for command in spec.COMMANDS if command.name == "list")
    (option,) = (option for option in command.options if "--sort" in option.names)
    assert option.choices == tuple(tables.RANKS)


def test_table_sorts_waiting_busy_idle_and_then_the_rest():
    given = [
        session(session_id="closed-one", verdict="dead", state="closed"),
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
    assert heading == ["STATE", "SINCE", "ID", "NAME", "WHERE", "AGE"]
    assert [row[0] for row in rows] == [
        *("waiting", "busy", "busy", "idle", "unknown", "stale", "dead"),
        *("unreadable", "closed", "dead"),
    ]
    assert rows[1][2] == "busy-now"
    assert rows[-1][:2] == ["dead", "(archived)"]


def test_table_shows_ages_instead_of_times():
    _, row = table(session(label="nightly"))
    assert row == "busy   -      6f2a1b3c  nightly  /srv/shop  1 h"


def test_table_shows_an_unreadable_session_with_its_path():
    _, row = table(session(verdict=None, state=None, cwd=None, last_heartbeat=None))
    assert row.startswith("unreadable  -      6f2a1b3c")
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
        starts = [rows[0].index("NAME"), rows[0].index("WHERE")]
        for row in rows[1:]:
            columns_before = [width(row[:n]) for n in range(len(row))]
            assert all(start in columns_before for start in starts)


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


def test_table_keeps_the_branch_and_the_ends_of_a_truncated_path():
    path = "/srv/" + "deep/" * 30 + "shop"
    _, row = table(session(worktree=path, branch="main"), columns=60)
    assert re.search(r"  /srv….*/deep/shop \(main\)  ", row)
    long = "feature/" + "x" * 60 + "/login"
    _, row = table(session(worktree=path, branch=long), columns=80)
    assert re.search(r"  /.*….*/shop \(fe.*….*/login\)  ", row)


def test_table_shows_the_subfolder_of_a_worktree():
    given = session(cwd="/srv/shop/cart", worktree="/srv/shop", branch="main")
    _, row = table({**given, "subfolder": "cart"})
    assert "  /srv/shop/cart (main)  " in row


@pytest.mark.parametrize("columns", [20, 30, 40, 60, 80, 120, 200])
def test_table_shows_an_id_in_every_row_at_any_width(columns):
    given = [
        session(label="日本語のとても長いラベル" * 3, cwd="/srv/" + "deep/" * 30),
        session(session_id="77777777-2222", state="waiting", waiting_for="permission"),
        session(session_id="88888888-2222", verdict="stale", label="x" * 500),
    ]
    _, *rows = table(*given, columns=columns)
    shown = [short for row in rows for short in SHORT if f" {short}" in row]
    assert sorted(shown) == sorted(SHORT)


def test_table_marks_sessions_that_share_a_worktree():
    _, *rows = table(
        session(session_id="a", same_worktree_count=1, branch="main", worktree="/srv"),
        session(session_id="b", same_worktree_count=0, branch="main", worktree="/srv"),
    )
    assert "  /srv (main) +1  " in rows[0]
    assert "  /srv (main)  " in rows[1]


def test_table_says_if_several_processes_have_a_session_open():
    _, row = table(session(processes=[7, 8]))
    assert row.startswith("busy (2 processes)  ")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_mark_of_a_shared_worktree_is_kept_where_the_place_is_truncated(columns):
    given = session(
        label="label " * 20,
        worktree="/srv" * 30,
        branch="b" * 80,
        same_worktree_count=9,
    )
    rows = table(given, session(session_id="x"), columns=columns)
    assert all(width(row) <= columns for row in rows)
    assert " +9" in rows[1]


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
        pytest.param(80, "STATE FOR SINCE ID NAME WHERE AGE", id="80"),
        pytest.param(66, "STATE FOR SINCE ID NAME WHERE", id="66"),
        pytest.param(54, "STATE SINCE ID NAME WHERE", id="54"),
        pytest.param(43, "STATE ID NAME WHERE", id="43"),
        pytest.param(30, "STATE ID NAME", id="30"),
        pytest.param(20, "STATE ID", id="20"),
    ],
)
def test_table_drops_columns_in_turn_and_ids_never(columns, headings):
    heading, row = table(WAITING, columns=columns)
    assert heading.split() == headings.split()
    assert row.startswith("waiting  ")
    assert "waiting-" in row
    assert width(row) <= columns


def test_table_has_no_column_for_waits_where_nobody_waits():
    since = timestamps.from_epoch(NOW - 3 * MINUTE)
    _, row = table(session(state_since=since))
    assert row.startswith("busy   3 min  6f2a1b3c")


def test_table_says_since_when_a_session_that_is_not_alive_is_silent():
    seen = timestamps.from_epoch(NOW - 7 * MINUTE)
    for verdict in ("dead", "stale", "unknown"):
        _, row = table({**WAITING, "verdict": verdict, "last_heartbeat": seen})
        assert row.split()[:4] == [verdict, "7", "min", "waiting-"]


# ---- Columns ---------------------------------------------------------------------


def test_columns_of_the_option_are_those_of_the_table():
    assert tuple(cells.COLUMNS) == spec.COLUMNS


def test_chosen_columns_are_shown_at_any_width():
    names = ("id", "age", "folder", "branch")
    given = session(cwd="/srv/" + "deep/" * 30, branch="main")
    for width_of_terminal in (60, 200):
        heading, _ = table(given, columns=width_of_terminal, names=names)
        assert heading.split() == ["ID", "AGE", "FOLDER", "BRANCH"]


def test_values_of_columns_are_whole_and_machine_readable():
    given = {**WAITING, "worktree": "/srv/shop", "branch": "main", "label": "a\tb"}
    assert cells.values(given, cells.DEFAULT) == (
        "waiting",
        "permission",
        given["state_since"],
        "waiting-one",
        "a b",
        "/srv/shop (main)",
        given["start_time"],
    )
    missing = dict.fromkeys(given, None) | {"session_id": "a", "path": "/p"}
    assert cells.values(missing, ("for", "pid", "name")) == ("", "", "")
