"""`headcount report` as text and as JSON: hours by day and by worktree."""

from __future__ import annotations

import json
import re
import time

import pytest
from command_line import DAY, HOSTILE, create, write
from past_sessions import NOON, lasting

from lib import sessions
from lib.cli.terminal.width import width
from lib.record import timestamps
from lib.views import local_days


def test_report_has_hours_by_day_and_worktree_of_live_and_archived_sessions(
    headcount, two_worktrees, tmp_path
):
    code, out, err = headcount("report", "--json")
    assert (code, err) == (0, "")
    told = json.loads(out)
    assert told["total"] == {
        "name": "all",
        "sessions": 2,
        "open_hours": 5.0,
        "busy_hours": 2.0,
        "waiting_hours": 0.5,
        "cost_usd": None,
    }
    assert [one["day"] for one in told["days"]][-1] == local_days.name(time.time())
    assert len(told["days"]) == 8
    by_day = {one["day"]: one["open_hours"] for one in told["days"]}
    assert by_day[local_days.name(NOON)] == 5.0
    assert sum(by_day.values()) == 5.0
    assert [
        (s["worktree"], s["branch"], s["open_hours"]) for s in told["worktrees"]
    ] == [
        (f"{tmp_path}/home/shop", None, 3.0),
        (f"{tmp_path}/home/blog", None, 2.0),
    ]


def test_report_credits_hours_to_the_branch_that_was_checked_out(
    headcount, store, tmp_path
):
    (tmp_path / "shop/.git").mkdir(parents=True)
    (tmp_path / "shop/.git/HEAD").write_text("ref: refs/heads/today\n")
    signs = [(1, "busy"), (2, "busy"), (4, "closed")]
    path = lasting(store, "a", 0, *signs, cwd=str(tmp_path / "shop"), branch="main")
    path.write_text(
        path.read_text().replace(
            '"id": "' + "0" * 15 + '1"', '"branch": "fix", "id": "' + "0" * 15 + '1"'
        )
    )
    done = json.loads(headcount("report", "--since", "7d", "--json")[1])
    assert [(x["branch"], x["open_hours"]) for x in done["worktrees"]] == [
        ("fix", 2.0),
        ("main", 2.0),
    ]
    assert done["total"]["sessions"] == 1


def test_report_has_the_money_spent_by_day_and_worktree(headcount, store):
    signs = [(1, "busy"), (2, "busy"), (3, "busy"), (4, "closed")]
    path = lasting(store, "a", 0, *signs, cwd="/srv/shop")
    text = path.read_text()
    for number, cost in enumerate([1.5, 2.25, 0.5]):  # then a process began again
        mark = f'"id": "{number:016x}"'
        head, _, rest = text.partition("\n")
        told = f'{mark}, "cost_usd": {cost}'
        text = f"{head}\n{rest.replace(mark, told)}"
    path.write_text(text)
    done = json.loads(headcount("report", "--since", "7d", "--json")[1])
    assert done["total"]["cost_usd"] == 2.75
    assert [place["cost_usd"] for place in done["worktrees"]] == [2.75]
    assert [day["cost_usd"] for day in done["days"] if day["cost_usd"]] == [2.75]
    out = headcount("report", "--since", "7d")[1]
    assert re.search(r"^by worktree +sessions +open +busy +cost$", out, re.MULTILINE)
    assert re.search(r"^/srv/shop +1 +4.0 h +\S+ h +\$2.75  ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("first", "total"),
    [
        pytest.param(5.5, 5.5, id="client-goes-on-counting"),
        pytest.param(0.5, 5.5, id="client-begins-again"),
    ],
)
def test_report_counts_no_dollar_of_a_cleared_session_twice(
    headcount, store, first, total
):
    for number, (name, cost) in enumerate((("a", 5.0), ("b", first))):
        more = {"previous_session_id": "a"} if name == "b" else {}
        path = lasting(store, name, number, (number + 0.5, "busy"), **more)
        mark = f'"id": "{0:016x}"'
        head, beat = path.read_text().splitlines()
        beat = beat.replace(mark, f'{mark}, "cost_usd": {cost}')
        path.write_text(f"{head}\n{beat}\n")
    done = json.loads(headcount("report", "--since", "7d", "--json")[1])
    assert done["total"]["cost_usd"] == total


def test_report_bars_are_as_long_as_their_hours(headcount, two_worktrees):
    code, out, err = headcount("report")
    assert (code, err) == (0, "")
    assert out.startswith(f"{local_days.name(time.time() - 7 * DAY)} to ")
    assert ": 2 sessions, open 5.0 h, busy 2.0 h\n" in out
    shop = next(line for line in out.splitlines() if line.startswith("~/shop"))
    blog = next(line for line in out.splitlines() if line.startswith("~/blog"))
    assert shop.split()[:6] == ["~/shop", "1", "3.0", "h", "1.0", "h"]
    assert shop.count("█") == blog.count("█") > 0
    bars = [len(re.sub("[^█░]", "", line)) for line in (shop, blog)]
    assert abs(bars[0] / bars[1] - 1.5) < 0.1


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_report_fits_the_terminal(terminal, store, columns):
    lasting(store, "one", -3, (0, "closed"), cwd="/srv/日本語/" + "deep/" * 40)
    rows = terminal("report", columns=columns).splitlines()
    assert max(map(width, rows)) <= columns


def test_report_bars_are_ascii_where_blocks_cannot_be_encoded(headcount, two_worktrees):
    _, out, _ = headcount("report", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert "?" not in out
    assert "#" in out


def test_session_archived_twice_counts_once_with_all_its_hours(headcount, store):
    for begin, end in ((-10, -8), (-2, 1)):
        lasting(store, "twice", begin, (end, "closed"))
        sessions.archive_session(store / "twice.jsonl")
    told = json.loads(headcount("report", "--json")[1])["total"]
    assert (told["sessions"], told["open_hours"]) == (1, 5.0)


def test_live_session_is_open_until_now(headcount, store):
    create()
    path = next(store.glob("*.jsonl"))
    text = path.read_text()
    began = timestamps.from_epoch(time.time() - 7200)
    text = re.sub('"(start_time|last_heartbeat)":"[^"]*"', rf'"\1":"{began}"', text)
    path.write_text(text)
    told = json.loads(headcount("report", "--json", "--since", "2d")[1])["total"]
    assert 2.0 <= told["open_hours"] < 2.1


def test_since_counts_whole_local_days_and_omits_older_sessions(headcount, store):
    lasting(store, "old", -24 * 20, (-24 * 20 + 1, "closed"))
    lasting(store, "young", -1, (0, "closed"))
    assert json.loads(headcount("report", "--json")[1])["total"]["sessions"] == 1
    told = json.loads(headcount("report", "--json", "--since", "30d")[1])
    assert told["total"]["sessions"] == 2
    day = local_days.name(NOON)
    told = json.loads(headcount("report", "--json", "--since", day)[1])
    assert [one["day"] for one in told["days"]] == [day, local_days.name(time.time())]
    assert headcount("report", "--since", "soon")[0] == 2


def test_report_counts_real_hours_when_the_clocks_change(headcount, store):
    begin, end = "2026-03-28T22:00:00Z", "2026-03-29T23:00:00Z"
    path = write(store, "a", start_time=begin, last_heartbeat=begin)
    entry = {"type": "session_close", "timestamp": end, "session_id": "a"}
    path.write_text(path.read_text() + json.dumps(entry) + "\n")
    out = headcount("report", "--json", "--since", "2026-03-28", TZ="Europe/Berlin")[1]
    by_day = {one["day"]: one["open_hours"] for one in json.loads(out)["days"]}
    assert by_day["2026-03-28"] == 1.0
    assert by_day["2026-03-29"] == 23.0
    assert by_day["2026-03-30"] == 1.0


def test_empty_store_makes_a_report_of_one_line(headcount, store):
    code, out, _ = headcount("report")
    assert code == 0
    assert re.fullmatch(r"\S+ to \S+: no session was open\n", out)
    assert "No session was open" in headcount("report", "--html", "-")[1]
    assert not store.exists()


def test_report_folds_days_without_a_session(headcount, store):
    lasting(store, "early", -24 * 5, (-24 * 5 + 1, "closed"))
    lasting(store, "late", 0, (1, "closed"))
    out = headcount("report", "--since", "10d")[1]
    days = out.partition("by worktree")[0].splitlines()[4:-1]
    said = [
        re.sub(r"^(?:[A-Z]\w\w )?(\S+) .*?(without.*)?$", r"\1 \2", x) for x in days
    ]
    assert said == [
        "4 without a session",
        f"{local_days.name(NOON - 5 * DAY)} ",
        "4 without a session",
        f"{local_days.name(NOON)} ",
        "1 without a session",
    ]


@pytest.mark.parametrize("cost", [False, True], ids=["without-cost", "with-cost"])
def test_report_has_bars_at_80_columns_beside_long_names(terminal, store, cost):
    path = lasting(store, "one", -3, (0, "closed"), cwd="/srv/" + "deep/" * 40 + "end")
    if cost:
        mark = f'"id": "{0:016x}"'
        path.write_text(path.read_text().replace(mark, f'{mark}, "cost_usd": 2'))
    row = terminal("report", columns=80).splitlines()[-1]
    assert row.count("░") >= 12
    assert row.startswith("/srv/")
    assert "/deep/end " in row
    assert "…" in row


def test_report_prints_no_control_characters_of_labels(headcount, terminal, store):
    create(label=HOSTILE, cwd="/" + HOSTILE)
    (store / "damaged.jsonl").write_text("\x1b[31m\n")
    shown = terminal("report") + "".join(map(str, headcount("report")[1:]))
    shown += headcount("report", "--html", "-")[1]
    assert [line for line in shown.split("\n") if not line.isprintable()] == []
