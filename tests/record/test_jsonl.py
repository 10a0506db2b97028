"""One JSON line and back, with the interpreter's own codec and with the fallback."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from support import ROOT

from lib.errors import InvalidEntryError
from lib.record import jsonl

CIRCLE: dict[str, object] = {}
CIRCLE["a"] = CIRCLE
DEEP: list[object] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.fixture(autouse=True, params=["c", "stdlib"])
def codec(request, monkeypatch):
    """Run each test with both codecs; Python without `_json` has the second only."""
    make = {"c": jsonl._c_codec, "stdlib": jsonl._stdlib_codec}[request.param]
    encoder, scan = make()
    monkeypatch.setattr(jsonl, "_dumps", encoder(",", ":"))
    monkeypatch.setattr(jsonl, "_scan", scan)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({}, id="empty"),
        pytest.param({"a": [1, -2.5, True, False, None, {"b": []}]}, id="each type"),
        pytest.param({"a": 'é\u2028\U0001f600"\\\n\0'}, id="escapes"),
        pytest.param({"a": "\ud800"}, id="half a character"),
        pytest.param({"a": 10**30, "b": 1e300}, id="large numbers"),
    ],
)
def test_encoded_entry_is_one_ascii_line_that_decodes_to_itself(entry):
    line = jsonl.encode(entry)
    assert line.isascii()
    assert line.index(b"\n") == len(line) - 1
    assert b": " not in line
    assert json.loads(line) == jsonl.decode(line) == entry


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param({"a": float("nan")}, id="NaN"),
        pytest.param({"a": [float("inf")]}, id="infinity"),
        pytest.param({"a": {1, 2}}, id="set"),
        pytest.param({"a": b"bytes"}, id="bytes"),
        pytest.param({(1, 2): "a"}, id="key that is a tuple"),
        pytest.param(CIRCLE, id="circle"),
        pytest.param({"a": DEEP}, id="too deep"),
        pytest.param({"a": "x" * jsonl.MAX_ENTRY_BYTES}, id="too long"),
    ],
)
def test_encode_refuses_values_that_are_not_json_or_too_long(entry):
    with pytest.raises(InvalidEntryError):
        jsonl.encode(entry)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a":1', id="torn"),
        pytest.param(b'{"a":1}{"b":2}', id="two objects"),
        pytest.param(b'{"a":1} x', id="rest"),
        pytest.param(b"[1]", id="list"),
        pytest.param(b'{"a":NaN}', id="NaN"),
        pytest.param(b'{"a":-Infinity}', id="infinity"),
        pytest.param(b'{"a":"\n"}', id="control character"),
        pytest.param(b'{"a":"\xff"}', id="not UTF-8"),
        pytest.param(b'{"a":' + b"[" * 100_000, id="too deep"),
        pytest.param(b'{"a":' + b"9" * 10_000 + b"}", id="number without end"),
    ],
)
def test_decode_returns_none_for_anything_but_one_object(line):
    assert jsonl.decode(line) is None
    assert jsonl.decode_all([line, b'{"a":1}', line]) == [None, {"a": 1}, None]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b' \t{"a": 1}\r\n', id="white space"),
        pytest.param(b'\0\0{"a":1}\0', id="NULs"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="byte order mark"),
    ],
)
def test_decode_skips_white_space_nuls_and_a_byte_order_mark(line):
    assert jsonl.decode(line) == {"a": 1}
    assert jsonl.decode_all([line, line]) == [{"a": 1}, {"a": 1}]


def test_decode_all_does_not_take_two_objects_on_a_line_for_two_lines():
    assert jsonl.decode_all([b'{"a":1},{"b":2}', b'{"c":3}']) == [None, {"c": 3}]
    assert jsonl.decode_all([]) == []


def test_hooks_record_without_the_c_json_codec(store):
    code = (
        f"import sys; sys.modules['_json'] = None; sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import sessions\n"
        "from lib.record import jsonl\n"
        "assert jsonl.encoder.__qualname__.startswith('_stdlib_codec')\n"
        "sessions.create_session('nightly', session_id='a')\n"
        "sessions.update_heartbeat('a', state='busy')\n"
        "(info,) = sessions.discover_sessions()\n"
        "print(info.metadata['label'], info.metadata['state'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("nightly busy\n", "")
    assert len((store / "a.jsonl").read_bytes().splitlines()) == 2
