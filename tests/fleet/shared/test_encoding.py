"""What a store shares, as a value of the server: all is kept, nothing is trusted."""

from __future__ import annotations

import json
import uuid
import zlib

import pytest
from fleet.hosts import session

from lib.errors import HeadcountError
from lib.fleet import validate
from lib.fleet.shared import columns, encoding
from lib.fleet.shared.encoding import Now

NOW = 1_790_000_000.5


def listed(**changes):
    """A session with every kind of value that `list --json` prints."""
    session_id = str(uuid.uuid4())
    details = {
        "session_id": session_id,
        "path": f"/store/{session_id}.jsonl",
        "reasons": [f"pid {session_id[:4]} is running", "seen"],
        "pid": int(session_id[:6], 16),
        "cwd": "/srv/shop",
        "worktree": "/srv/shop",
        "branch": "main",
        "subfolder": None,
        "tasks": [],
        "processes": [int(session_id[:6], 16)],
        "same_worktree": [],
        "same_worktree_count": 0,
        "cost_usd": 1.5,
        "context_percent": 3,
        "host": "web1",
        "machine": "m",
        "process": f"linux:{session_id}",
    }
    return session(**{**details, **changes})


def many():
    """Sessions that differ from each other in what they have."""
    waiting = {"state": "waiting", "waiting_for": "plan", "label": "a \u00e4 \x1b"}
    sessions = [
        listed(),
        listed(**waiting, tasks=[{"a": [1, True]}, "b"], cost_usd=2),
        listed(session_id="CON-1", verdict="dead", state=None, branch=None, pid=None),
        listed(others=[{"pid": 3, "state": "idle"}], stopped=True, cwd=None),
    ]
    del sessions[2]["cost_usd"]
    sessions[3]["worktree"] = None
    return sessions


def shared(sessions):
    return encoding.decode(encoding.encode(Now("web1", NOW, NOW + 1, sessions)))


def changed(sessions, change):
    """What a hostile host shares: the columns of *sessions* after a *change*."""
    content = json.loads(zlib.decompress(encoding.encode(Now("a", 1, 1, sessions))))
    change(content)
    return zlib.compress(json.dumps(content).encode())


def without_empty(entry):
    kept = {*validate._REQUIRED, "worktree", "branch"}
    entry = {key: value for key, value in entry.items() if key != "on"}
    return {k: v for k, v in entry.items() if k in kept or v not in (None, [], {})}


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(0, id="none"),
        pytest.param(1, id="one"),
        pytest.param(4, id="several"),
    ],
)
def test_sessions_are_as_they_were_shared(number):
    sessions = many()[:number]
    for each in sessions[:1]:
        each["same_worktree"] = [other["session_id"] for other in sessions[1:]]
    now = shared(sessions)
    expected = [validate.session(each, validate.SESSION) for each in sessions]
    assert [*map(without_empty, now.sessions)] == [*map(without_empty, expected)]
    assert now[:3] == ("web1", NOW, NOW + 1)
    assert {each["on"] for each in now.sessions} <= {"web1"}


VALUES = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        1.0,
        0.5,
        2**60,
        1e300,
        "",
        "alive",
        "a",
        "x" * 5000,
    ),
    *([], {}, [1], [True], ["a"], ["x" * 5000], [None], [[]], [{}], ["a"] * 2000),
]


@pytest.mark.parametrize("key", sorted(validate.SESSION.keys() - {"same_worktree"}))
def test_value_is_refused_in_a_column_as_in_a_session(key):
    sessions = [listed() for _ in range(3)]
    for value in VALUES:
        if value is None and key not in validate._REQUIRED:
            continue  # then it is a session without the key
        for content in with_value(sessions, key, value):
            text = zlib.compress(json.dumps(content).encode())
            try:
                expected = validate.session(
                    {**sessions[1], key: value}, validate.SESSION
                )
            except HeadcountError:
                with pytest.raises(validate.InvalidOutputError):
                    encoding.decode(text)
            else:
                found = encoding.decode(text).sessions[1]
                assert without_empty(found) == without_empty(expected)


def with_value(sessions, key, value):
    """What is shared if *value* is that of one session, and if it is that of all."""
    text = encoding.encode(Now("a", 1, 1, sessions))
    content = json.loads(zlib.decompress(text))
    content["same"].pop(key, None)
    content["columns"]["processes"] = [each["processes"] for each in sessions]
    content["columns"][key] = [each.get(key) for each in sessions]
    content["columns"][key][1] = value
    yield content
    if key != "session_id" and not isinstance(value, (list, dict)):
        del content["columns"][key]
        content["same"][key] = value
        yield content


HOSTILE = {
    "not-compressed": lambda text: b"{}",
    "nothing": lambda text: b"",
    "cut-off": lambda text: text[:-3],
    "bomb": lambda text: zlib.compress(b" " * (encoding.MAX_BYTES + 1)),
    "too-long": lambda text: text + b" " * encoding.MAX_COMPRESSED,
    "deep": lambda text: zlib.compress(b"[" * 100_000),
    "nan": lambda text: zlib.compress(zlib.decompress(text).replace(b"1.5", b"NaN")),
}


@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_value_that_is_not_one_is_an_error_of_its_host(make):
    text = encoding.encode(Now("a", 1.0, 1.0, many()))
    with pytest.raises(validate.InvalidOutputError):
        encoding.decode(make(text))


CHANGES = {
    "version": lambda content: content.update(v=True),
    "host": lambda content: content.update(host=["a"]),
    "heard": lambda content: content.update(heard=1e300),
    "clock": lambda content: content.update(clock=True),
    "ended": lambda content: content.pop("ended"),
    "no-columns": lambda content: content.pop("columns"),
    "columns": lambda content: content.update(columns=[1]),
    "column": lambda content: content["columns"].update(pid=1),
    "short-column": lambda content: content["columns"]["pid"].pop(),
    "ids": lambda content: content["columns"].update(session_id="abcd"),
    "no-ids": lambda content: content["columns"].pop("session_id"),
    "same": lambda content: content.update(same=None),
    "many": lambda content: content.update(
        columns={"session_id": ["a"] * (columns.MAX_SESSIONS + 1)}
    ),
    "long-same": lambda content: content.update(
        same={**content["same"], "label": "x" * 4096, "name": "x" * 4096},
        columns={"session_id": [f"a{n}" for n in range(9000)]},
    ),
    "list-of-all": lambda content: (
        content["columns"].pop("tasks"),
        content["same"].update(tasks=["a"]),
    ),
    "links-of-one": lambda content: content["columns"].update(
        same_worktree=[[0] * 11] * 4
    ),
    "missing-link": lambda content: content["columns"].update(same_worktree=[[9]] * 4),
    "link": lambda content: content["columns"].update(same_worktree=[["a"]] * 4),
    "links": lambda content: content["columns"].update(same_worktree=[3] * 4),
    "own-name": lambda content: content["columns"].update(pid="pid"),
    "other-name": lambda content: content["columns"].update(pid="nothing"),
    "no-links": lambda content: content["columns"].update(same_worktree=[None] * 4),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_sessions_of_another_shape_are_an_error_of_their_host(change):
    text = changed(many(), change)
    with pytest.raises(validate.InvalidOutputError):
        encoding.decode(text)


def test_value_of_all_sessions_does_not_count_beside_a_column():
    def change(content):
        content["same"]["pid"] = "not a number"
        content["columns"]["pid"] = [None, 1, None, None]

    found = encoding.decode(changed(many(), change)).sessions
    assert [each["pid"] for each in found] == [None, 1, None, None]


def test_other_version_is_named():
    text = changed(many(), lambda content: content.update(v=2))
    with pytest.raises(validate.OtherVersionError, match="version 2"):
        encoding.decode(text)


def test_unknown_keys_are_left_out():
    def change(content):
        content["columns"]["new"] = [1, 2, 3, 4]
        content["same"]["newer"] = 1

    found = encoding.decode(changed(many(), change)).sessions
    assert len(found) == 4
    assert not {"new", "newer"} & {key for each in found for key in each}


def test_sessions_that_are_too_long_are_shared_without_their_tasks():
    sessions = [listed(tasks=["x" * 60_000 + str(n)]) for n in range(100)]
    found = shared(sessions).sessions
    assert [each["session_id"] for each in found] == [s["session_id"] for s in sessions]
    assert not any("tasks" in each for each in found)


def test_too_many_sessions_are_an_error():
    session = listed(label="x" * 4000)
    sessions = [
        {**session, "session_id": f"a{n}", "name": f"{n} " * 800} for n in range(2000)
    ]
    with pytest.raises(HeadcountError, match="2000 sessions are too many"):
        encoding.encode(Now("a", 1, 1, sessions))
