"""How many columns a text takes, and what of it fits."""

from __future__ import annotations

import subprocess
import sys

import pytest
from support import ROOT

from lib.cli.terminal import width as width_module
from lib.cli.terminal.width import truncate, truncate_line, truncate_middle, width


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        pytest.param("plain", 5, id="ascii"),
        pytest.param("日本語", 6, id="cjk"),
        pytest.param("한글", 4, id="hangul"),
        pytest.param("😀!", 3, id="emoji"),
        pytest.param("e\u0301", 1, id="combining"),
        pytest.param("\uff46\uff55\uff4c\uff4c", 8, id="fullwidth"),
        pytest.param("\u1112\u1161\u11ab", 2, id="decomposed-hangul"),
        pytest.param("\N{WOMAN}\u200d\N{PERSONAL COMPUTER}", 2, id="zwj"),
        pytest.param("👨\u200d👩\u200d👧\u200d👦!", 3, id="zwj-family"),
        pytest.param("👍🏽", 2, id="skin-tone"),
        pytest.param("👩🏽\u200d🚀", 2, id="skin-tone-and-zwj"),
        pytest.param("🏳\ufe0f\u200d🌈", 2, id="rainbow-flag"),
        pytest.param("❤\ufe0f", 2, id="emoji-style"),
        pytest.param("❤", 1, id="text-style"),
        pytest.param("1\ufe0f\u20e3", 2, id="keycap"),
        pytest.param("a\ufe0f", 1, id="style-of-a-letter"),
        pytest.param("🇩🇪🇯🇵", 4, id="flags"),
        pytest.param("🇩🇪🇯", 4, id="half-a-flag"),
        pytest.param("Köln …", 6, id="latin"),
        pytest.param("日\u200d本", 4, id="joined-cjk"),
        pytest.param("क्\u200dष", 2, id="joined-letters"),
        pytest.param("", 0, id="nothing"),
    ],
)
def test_width_counts_the_columns_of_a_terminal(text, columns):
    assert width(text) == columns


TEXTS = [
    pytest.param("nightly build", id="ascii"),
    pytest.param("日本語日本語日本語", id="cjk"),
    pytest.param("a😀b😀c😀d😀", id="emoji"),
    pytest.param(
        "👩🏽\u200d🚀🇩🇪❤\ufe0f👍🏽e\u0301🇯🇵👨\u200d👩\u200d👧", id="joined-emoji"
    ),
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("columns", range(12))
def test_truncated_text_fits_and_has_an_ellipsis(text, columns):
    for cut in (truncate, truncate_line, truncate_middle):
        clipped = cut(text, columns)
        assert width(clipped) <= columns
        assert clipped == text or not columns or "…" in clipped


def test_truncate_keeps_the_beginning_and_truncate_middle_more_of_the_end():
    assert truncate("/srv/shop/cart", 8) == "/srv/sh…"
    assert truncate_middle("/srv/shop/cart", 8) == "/…p/cart"
    assert truncate_middle("日本語", 5) == "…本語"


def test_truncate_never_splits_a_grapheme():
    parts = ["👩🏽\u200d🚀", "🇩🇪", "❤\ufe0f", "e\u0301", "日"]
    text = "".join(parts)
    beginnings = {"".join(parts[:n]) for n in range(6)}
    endings = {"".join(parts[n:]) for n in range(6)}
    for columns in range(1, 10):
        assert truncate(text, columns).removesuffix("…") in beginnings
        beginning, _, end = truncate_middle(text, columns).partition("…")
        assert beginning in beginnings
        assert end in endings


@pytest.mark.parametrize(
    ("text", "apart"),
    [
        pytest.param("👩🏽\u200d🚀 on", 9, id="tone-and-zwj"),
        pytest.param("🇩🇪 on", 7, id="flag"),
        pytest.param("❤\ufe0f on", 5, id="emoji-style"),
        pytest.param("日本 on", 7, id="plain"),
    ],
)
def test_truncated_line_fits_where_the_parts_of_an_emoji_are_drawn_apart(text, apart):
    assert truncate_line(text, apart) == text
    assert truncate_line(text, apart - 1) == text[:-2] + "…"


@pytest.mark.parametrize("text", TEXTS)
def test_width_without_the_package_counts_characters(text, monkeypatch):
    monkeypatch.setattr(width_module, "_wcwidth", width_module._wcwidth.__wrapped__)
    monkeypatch.setitem(sys.modules, "wcwidth", None)
    assert width(text) == len(text)
    for cut in (truncate, truncate_line, truncate_middle):
        assert len(cut(text, 5)) == 5


@pytest.mark.parametrize(
    ("text", "imported"),
    [
        pytest.param("nightly build", False, id="ascii"),
        pytest.param("…/Köln/naïve", False, id="latin"),
        pytest.param("日本語", True, id="cjk"),
    ],
)
def test_width_imports_the_package_only_for_text_that_needs_it(text, imported):
    code = (
        "import sys; from lib.cli.terminal.width import truncate_line, width\n"
        f"width({text!r}); truncate_line({text!r}, 5)\n"
        "print('wcwidth' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{imported}\n"
