"""`headcount report --html`: a page that replaces no other file, and that is safe."""

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
from command_line import DAY, create, environment
from past_sessions import NOON, lasting

from lib.cli import main
from lib.cli.report import page, svg
from lib.views import report, spans

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&lt;"

needs_browser = pytest.mark.skipif(not browser.BROWSER, reason="it needs chromium")


def test_page_replaces_an_earlier_file_and_has_mode_0600(
    headcount, two_worktrees, tmp_path
):
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
    headcount, two_worktrees, tmp_path, content
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


def test_page_fills_an_empty_file(headcount, two_worktrees, tmp_path):
    path = tmp_path / "report.html"
    path.touch()
    assert headcount("report", "--html", str(path))[0] == 0
    assert path.read_text().endswith("</html>\n")


def test_page_follows_a_link_and_writes_to_a_pipe(headcount, two_worktrees, tmp_path):
    (tmp_path / "link.html").symlink_to(tmp_path / "real.html")
    headcount("report", "--html", str(tmp_path / "link.html"))
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "real.html").read_text().startswith("<!doctype html>")
    assert headcount("report", "--html", "/dev/stdout")[1].startswith("<!doctype html>")


def test_page_refuses_to_replace_a_folder(headcount, two_worktrees, tmp_path):
    code, _, err = headcount("report", "--html", str(tmp_path))
    assert code == 1
    assert str(tmp_path) in err
    assert list(tmp_path.parent.glob(".*.tmp")) == []


def test_stdout_takes_either_the_page_or_json(headcount, two_worktrees, tmp_path):
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
    headcount, two_worktrees, store, dark, wide
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
    headcount, two_worktrees, store, dark
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
def test_page_says_in_words_how_each_session_ended(headcount, two_worktrees, store):
    create("living", state="waiting")
    seen = browser.look_at(headcount("report", "--html", "-")[1], width=1200)
    text = seen.page["text"]
    assert "closed by logging out" in text
    assert "dead, never closed" in text
    assert "alive, waiting" in text
