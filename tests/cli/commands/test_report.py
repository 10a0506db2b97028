"""`headcount report`: hours by day and tree, and a page that a browser shows safely."""

from __future__ import annotations

import html.parser
import json
import os
import re
import stat
import subprocess
import sys
import time

import browser
import pytest
from command_line import DAY, HOSTILE, create, environment, write

from lib import sessions
from lib.cli import main
from lib.cli.report import page, svg
from lib.cli.terminal.width import width
from lib.record import timestamps
from lib.views import local_days, report, spans

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"
NOW = time.time()
# Noon of yesterday, so that some hours around it are of one day in any time zone.
NOON = local_days.start_of(local_days.start_of(NOW) - DAY / 2) + DAY / 2

needs_browser = pytest.mark.skipif(not browser.BROWSER, reason="there is no chromium")


def stamp(hour):
    return timestamps.from_epoch(NOON + hour * 3600)


def lasting(store, session_id, begin, *signs, **more):
    """A session by hand: it began at an hour from noon, and gave signs later."""
    path = write(
        store, session_id, start_time=stamp(begin), last_heartbeat=stamp(begin), **more
    )
    with path.open("a") as file:
        for number, (hour, state) in enumerate(signs):
            kind = "session_close" if state == "closed" else "heartbeat"
            entry = {
                "type": kind,
                "v": 1,
                "id": f"{number:016x}",
                "session_id": session_id,
                "timestamp": stamp(hour),
                **({"reason": "logout"} if state == "closed" else {"state": state}),
            }
            file.write(json.dumps(entry) + "\n")
    return path


@pytest.fixture
def known(store, tmp_path):
    """One worktree with three hours open, one busy; another with two hours open."""
    for tree in ("shop", "blog"):
        (tmp_path / "home" / tree / ".git").mkdir(parents=True)
    home = str(tmp_path / "home")
    lasting(
        store,
        "one",
        -3,
        (-2, "busy"),
        (-1, "waiting"),
        (-0.5, "idle"),
        (0, "closed"),
        label="publish 2.1",
        cwd=f"{home}/shop",
    )
    lasting(store, "two", -1, (0, "busy"), (1, "idle"), cwd=f"{home}/blog/posts")
    sessions.archive_session(store / "two.jsonl")


# ---- text and JSON --------------------------------------------------------------


def test_report_has_hours_by_day_and_worktree_of_live_and_archived_sessions(
    headcount, known, tmp_path
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


def test_report_bars_are_as_long_as_their_hours(headcount, known):
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


def test_report_bars_are_ascii_where_blocks_cannot_be_encoded(headcount, known):
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


# ---- the file -------------------------------------------------------------------


def test_page_replaces_an_earlier_file_and_has_mode_0600(headcount, known, tmp_path):
    path = tmp_path / "out" / "report.html"
    code, _, err = headcount("report", "--html", str(path))
    assert code == 1
    assert str(path.parent) in err
    path.parent.mkdir()
    headcount("report", "--html", str(path), "--since", "30d")
    earlier = path.read_text()
    path.chmod(0o644)
    code, out, err = headcount("report", "--html", str(path))
    assert (code, out) == (0, "")
    assert err.startswith(f"headcount: {path}: ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().endswith("</html>\n")
    assert path.read_text() != earlier
    assert os.listdir(path.parent) == ["report.html"]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("my thesis\n", id="text"),
        pytest.param("<!doctype html>\n<title>Headcount report</title>\n", id="page"),
        pytest.param('<meta name="generator" content="headcount report">', id="tag"),
    ],
)
def test_page_replaces_a_file_that_is_no_report_only_with_force(
    headcount, known, tmp_path, content
):
    path = tmp_path / "thesis.html"
    path.write_text(content)
    (tmp_path / "link.html").symlink_to(path)
    for name in ("thesis.html", "link.html"):
        code, out, err = headcount("report", "--html", str(tmp_path / name))
        assert (code, out) == (1, "")
        assert f"{tmp_path / name} is not a report of Headcount" in err
        assert "--force" in err
        assert path.read_text() == content
    assert headcount("report", "--html", str(path), "--force")[0] == 0
    assert path.read_text().endswith("</html>\n")


def test_page_fills_an_empty_file(headcount, known, tmp_path):
    path = tmp_path / "report.html"
    path.touch()
    assert headcount("report", "--html", str(path))[0] == 0
    assert path.read_text().endswith("</html>\n")


def test_page_follows_a_link_and_writes_to_a_pipe(headcount, known, tmp_path):
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    headcount("report", "--html", str(tmp_path / "link.html"))
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text().startswith("<!doctype html>")
    assert headcount("report", "--html", "/dev/stdout")[1].startswith("<!doctype html>")


def test_page_refuses_to_replace_a_folder(headcount, known, tmp_path):
    code, _, err = headcount("report", "--html", str(tmp_path))
    assert code == 1
    assert str(tmp_path) in err
    assert list(tmp_path.parent.glob(".*.tmp")) == []


def test_stdout_takes_either_the_page_or_json(headcount, known, tmp_path):
    assert headcount("report", "--html", "-", "--json")[0] == 2
    path = tmp_path / "report.html"
    code, out, _ = headcount("report", "--html", str(path), "--json")
    assert (code, json.loads(out)["total"]["sessions"]) == (0, 2)
    assert path.exists()


def test_page_size_is_bounded_with_thousands_of_sessions(store, monkeypatch):
    monkeypatch.setattr(page, "MAX_ROWS", 30)
    for number in range(100):
        signs = [(-9 + n / 30, ("busy", "waiting")[n % 2]) for n in range(200)]
        lasting(store, f"session-{number:03d}", -10, *signs, label=EVIL * 99)
    made = report.build(NOON - DAY, time.time())
    text = page.page(made)
    assert text.count("<g><title>") == 30
    assert "The last 30 rows. 70 earlier ones are left out here" in text
    assert "<b>100</b>sessions" in text
    assert len(text) < 30 * 8_000


def test_page_merges_spans_too_short_to_see(store):
    lasting(store, "restless", -6, (6, "closed"))
    (day, *_) = report.build(NOON - 1, time.time()).days
    (row,) = day.rows
    moments = [day.begin + n for n in range(0, 86_400, 5)]
    changes = [
        spans.Span(begin, begin + 5, ("busy", "waiting", "idle")[n % 3])
        for n, begin in enumerate(moments)
    ]
    row = row._replace(periods=[spans.OpenPeriod(changes, spans.CLOSED)])
    drawn = "".join(svg.timeline(day, "a day", [row], 0))
    assert len(drawn) < 16_000
    # Each bar that can be seen has all three in it: the most urgent stands for them.
    assert 'class="waiting"' in drawn
    assert 'class="busy"' not in drawn
    assert 'class="idle"' not in drawn


def test_page_without_jinja2_is_an_error_that_says_how_to_install_it(
    store, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "jinja2", None)
    assert main.main(["report", "--html", "-"]) == main.FAILED
    out, err = capsys.readouterr()
    assert out == ""
    assert "jinja2" in err
    assert "./install.sh" in err
    assert err.count("\n") == 1


def test_jinja2_is_imported_only_for_the_page(store):
    create()
    for words, imported in (("[]", False), ("['--html', '-']", True)):
        code = (
            f"import sys; from lib.cli import main; main.main(['report', *{words}])\n"
            "print('jinja2' in sys.modules, file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(store),
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == f"{imported}\n"


# ---- in a browser ---------------------------------------------------------------


def test_page_has_no_external_references(headcount, store):
    create(label=EVIL, cwd="/" + EVIL)
    text = headcount("report", "--html", "-")[1]
    assert "default-src 'none'; style-src 'unsafe-inline'" in text
    assert 'content="width=device-width, initial-scale=1"' in text
    assert re.findall(r"(?:https?:)?//", text) == []
    tags = Tags()
    tags.feed(text)
    assert tags.links == {"#closed", "#lost", "#alive", "#unknown"}
    assert not tags.names & {"script", "img", "link", "iframe", "object", "a"}
    assert "url(" not in text
    assert "@import" not in text


class Tags(html.parser.HTMLParser):
    """The names of a page's elements, and what its attributes lead to."""

    def __init__(self):
        super().__init__()
        self.names, self.links = set(), set()

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.links |= {v for k, v in attrs if k in ("src", "href", "action", "data")}
        assert not [k for k, _ in attrs if k.startswith("on")]


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("wide", [390, 1280])
def test_page_with_long_labels_neither_scrolls_sideways_nor_overlaps(
    headcount, known, store, dark, wide
):
    words = "a label of many words " * 20
    for number, label in enumerate((words, "without-a-space" * 30, "日本語" * 60)):
        path = lasting(
            store,
            f"long-{number}",
            -4,
            (-3, "busy"),
            (-2, "waiting"),
            (0, "closed"),
            label=label,
            cwd="/srv/" + f"{label[:60]}/" * 5,
        )
        mark = f'"id": "{1:016x}"'
        path.write_text(path.read_text().replace(mark, f'{mark}, "cost_usd": 1234.5'))
    text = headcount("report", "--html", "-")[1]
    seen = browser.look_at(text, width=wide, dark=dark).page
    assert seen["width"] <= wide
    assert seen["cut"] == []
    assert seen["overlaps"] == []
    assert "Waiting" in seen["text"]
    assert "$3703.50" in seen["text"]
    assert "days without a session" in seen["text"]
    assert "closed by logging out" in seen["text"]


@needs_browser
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_page_on_a_phone_fits_runs_nothing_and_requests_nothing(
    headcount, known, store, dark
):
    create("evil", label=EVIL, state="busy", cwd="/" + EVIL + "long-name" * 50)
    seen = browser.look_at(headcount("report", "--html", "-")[1], dark=dark)
    assert seen.console == []
    assert seen.requests == ["/", "/page"]
    page = seen.page
    assert page["width"] <= 390
    assert page["foreign"] == 0
    assert page["text"].count(EVIL) > 0
    assert {"publish 2.1", "two"} <= set(page["names"])
    assert any(name.startswith("<script>alert(1)</script>") for name in page["names"])
    assert page["bars"] >= 3
    assert page["back"] == ("rgb(13, 17, 23)" if dark else "rgb(255, 255, 255)")
    assert page["fore"] != page["back"]
    assert page["roles"][-1].startswith("Timeline of ")
    assert page["roles"][-1].endswith(", 2 sessions")


@needs_browser
def test_page_says_in_words_how_each_session_ended(headcount, known, store):
    create("living", state="waiting")
    seen = browser.look_at(headcount("report", "--html", "-")[1], width=1200)
    text = seen.page["text"]
    assert "closed by logging out" in text
    assert "dead, never closed" in text
    assert "alive, waiting" in text
