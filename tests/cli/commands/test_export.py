"""`headcount export`: entries with a cursor, from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
import schemas
from command_line import create, environment
from support import ID, ROOT

from lib import sessions

OTHER = "b7449dda-0263-4aca-96f1-e90404071317"


def note(number, session_id=ID):
    sessions.append_to_session(session_id, {"type": "note.a", "number": number})


def lines_of(path):
    return path.read_text().splitlines()


def check_line(line):
    """Each line is an entry as published, or one of the two that an export adds."""
    if json.loads(line)["type"] in ("gap", "cursor"):
        schemas.check_output(["export"], line)
    else:
        assert schemas.violations(json.loads(line)) == []


@pytest.fixture
def export(headcount):
    """Run it; return the lines of entries, and the cursor that is the last line."""

    def run(*words, **more):
        code, out, err = headcount("export", *words, **more)
        assert (code, err) == (0, "")
        for line in out.splitlines():
            check_line(line)
        *entries, last = out.splitlines()
        return entries, json.loads(last)["cursor"]

    return run


def test_export_prints_entries_as_written_and_a_cursor(export, store):
    create()
    note(1)
    entries, cursor = export()
    assert entries == lines_of(store / f"{ID}.jsonl")
    note(2)
    entries, later = export("--since", cursor)
    assert entries == lines_of(store / f"{ID}.jsonl")[-1:]
    assert export("--since", "-", stdin=later + "\n")[0] == []


def test_export_of_types_prints_only_these(export):
    create(state="busy")
    note(1)
    entries, _ = export("--types", "note.a,heartbeat")
    assert [json.loads(entry)["type"] for entry in entries] == ["heartbeat", "note.a"]


def test_export_of_a_deleted_session_prints_a_gap(export, headcount):
    create()
    _, cursor = export()
    sessions.close_session(ID)
    assert headcount("rm", "--force", ID)[0] == 0
    (gap,), _ = export("--since", cursor)
    assert json.loads(gap)["reason"] == "deleted"


def test_export_of_an_empty_store_is_a_cursor_to_continue_from(export):
    entries, cursor = export()
    assert entries == []
    create()
    assert len(export("--since", cursor)[0]) == 1


@pytest.mark.parametrize(
    ("words", "stdin"),
    [
        pytest.param(["--since", "x"], "", id="not-a-cursor"),
        pytest.param(["--since", "-"], "", id="empty-stdin"),
        pytest.param(["--since", ""], "", id="empty"),
    ],
)
def test_export_with_a_cursor_that_is_not_one_is_wrong_usage(headcount, words, stdin):
    create()
    code, out, err = headcount("export", *words, stdin=stdin)
    assert (code, out) == (2, "")
    assert "cursor" in err


def test_export_follows_what_is_added_until_interrupted(store, interruptible):
    create()
    command = subprocess.Popen(
        [sys.executable, "-m", "lib", "export", "--follow"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(store),
    )
    with command:
        seen = [command.stdout.readline() for _ in range(2)]
        note(1)
        sessions.archive_session(store / f"{ID}.jsonl")
        create(OTHER)
        while len(seen) < 4 or '"cursor"' not in seen[-1]:
            seen.append(command.stdout.readline())
        command.send_signal(signal.SIGINT)
        assert command.wait(30) == 130
    kinds = [json.loads(line)["type"] for line in seen]
    assert sorted(kinds) == ["cursor"] * (len(kinds) - 3) + [
        "note.a",
        *["session_metadata"] * 2,
    ]


def test_export_that_nobody_reads_any_more_ends(store):
    create()
    reading, writing = os.pipe()
    command = subprocess.Popen(
        [sys.executable, "-m", "lib", "export", "--follow"],
        stdout=writing,
        cwd=ROOT,
        env=environment(store),
    )
    os.close(writing)
    assert os.read(reading, 10)
    os.close(reading)
    assert command.wait(30) == 141
