"""A session as people and programs see it: ids, paths, entries, quoting and JSON."""

from __future__ import annotations

import json
import os
import subprocess

import pytest
from sample_session import HOSTILE, NOW, session

from lib.cli import formatting
from lib.cli.terminal import facts
from lib.cli.terminal.width import width
from lib.record import timestamps
from lib.views import session_view


def test_short_id_is_the_shortest_unique_prefix_of_at_least_8():
    ids = ["aaaaaaaa-1", "aaaaaaaa-2x", "bbbbbbbbbbbb", "c", "nightly1", "nightly12"]
    assert formatting.short_ids([{"session_id": each} for each in ids]) == {
        "aaaaaaaa-1": "aaaaaaaa-1",
        "aaaaaaaa-2x": "aaaaaaaa-2",
        "bbbbbbbbbbbb": "bbbbbbbb",
        "c": "c",
        "nightly1": "nightly1",  # whole ids go first
        "nightly12": "nightly12",
    }


def test_session_view_has_no_control_characters_of_a_session():
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
        *facts.lines(hostile, NOW),
        formatting.entry_line(entry, NOW, None),
        formatting.entry_line(
            {**entry, "type": "heartbeat", "event": HOSTILE}, NOW, 80
        ),
        session_view.resume_command(hostile) or "",
        *formatting.json_lines(hostile),
    ]
    assert [line for line in shown if not line.isprintable()] == []


def test_home_folder_is_shortened_to_a_tilde(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert formatting.shorten_home(str(tmp_path)) == "~"
    assert formatting.shorten_home(f"{tmp_path}/src") == "~/src"
    assert formatting.shorten_home(f"{tmp_path}2/src") == f"{tmp_path}2/src"


def test_where_is_the_worktree_of_the_session_folder(tmp_path):
    (tmp_path / ".git").mkdir()
    (tmp_path / "a/b").mkdir(parents=True)
    assert formatting.where(session(cwd=str(tmp_path / "a/b"))) == os.path.realpath(
        tmp_path
    )


@pytest.mark.parametrize("cwd", ["/nul\0byte", "/half\ud800"], ids=["nul", "surrogate"])
def test_impossible_folder_is_still_shown(cwd):
    assert formatting.where(session(cwd=cwd)).startswith("/")


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
def test_entry_line_has_age_type_and_fields(entry, line):
    entry = {"timestamp": timestamps.from_epoch(NOW - 3), **entry}
    assert formatting.entry_line(entry, NOW, None) == line


def test_entry_line_is_limited_in_length():
    entry = {"type": "log", "text": "x" * 50_000}
    assert len(formatting.entry_line(entry, NOW, None)) == 200
    assert width(formatting.entry_line(entry, NOW, 80)) == 80


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
        "back\\slash'",
    ],
)
def test_resume_command_changes_to_the_session_folder(folder, tmp_path):
    (tmp_path / folder).mkdir()
    line = session_view.resume_command(session(cwd=str(tmp_path / folder)))
    assert line.isprintable()
    script = 'claude() { printf "%s\\0" "$PWD" "$@"; }\n' + line
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True
    )
    words = os.fsdecode(done.stdout).split("\0")[:-1]
    assert words == [str(tmp_path / folder), "--resume", session()["session_id"]]
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("esc\x1b[31m", id="escape"),
        pytest.param("new\nline", id="line-break"),
        pytest.param("tab\t", id="tab"),
        pytest.param("bidi\u202e", id="direction-mark"),
        pytest.param("csi\x9b2J", id="control-of-8-bits"),
        pytest.param(os.fsdecode(b"latin-\xe9"), id="undecodable"),
    ],
)
def test_folder_whose_name_does_not_print_gets_no_resume_command(name, tmp_path):
    (tmp_path / name).mkdir()
    assert session_view.resume_command(session(cwd=str(tmp_path / name))) is None


def test_resume_command_never_names_a_relative_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-P").mkdir()
    line = session_view.resume_command(session(cwd="-P", project_dir="."))
    assert line == f"claude --resume {session()['session_id']}"


@pytest.fixture
def removed(tmp_path):
    """A folder that is gone, in a repository."""
    (tmp_path / "repo/.git").mkdir(parents=True)
    return str(tmp_path / "repo/.worktrees/fix")


@pytest.mark.parametrize(
    "project", [None, "/nowhere/project"], ids=["no-project", "project-gone"]
)
def test_resume_command_runs_in_the_repository_of_a_removed_folder(
    removed, tmp_path, project
):
    line = session_view.resume_command(session(cwd=removed, project_dir=project))
    assert line.startswith(f"cd -- {tmp_path}/repo && claude --resume ")


def test_resume_command_runs_in_the_project_of_a_removed_folder(removed, tmp_path):
    (tmp_path / "project").mkdir()
    project = str(tmp_path / "project")
    line = session_view.resume_command(session(cwd=removed, project_dir=project))
    assert line.startswith(f"cd -- {project} && claude --resume ")


def test_resume_command_without_a_repository_names_no_folder(tmp_path):
    line = session_view.resume_command(session(cwd=str(tmp_path / "gone")))
    assert line == f"claude --resume {session()['session_id']}"


def test_resume_command_without_a_folder_only_resumes():
    assert (
        session_view.resume_command(session(cwd=None, session_id="x1"))
        == "claude --resume x1"
    )


def test_json_is_ascii_and_round_trips():
    given = [session(label="日本語\x7f\x1b", tasks=[{"a": [1]}], others=[]), session()]
    text = "\n".join(formatting.json_lines({"sessions": given}))
    assert text.isascii()
    assert "\x7f" not in text
    assert json.loads(text) == {"v": 1, "sessions": given}
    assert formatting.json_lines({"sessions": []}) == ['{"v": 1, "sessions": []}']


def test_json_has_one_line_per_session_or_entry():
    entries = [{"type": "x", "deep": {"list": [{"a": 1}]}}, {"type": "y"}]
    shown = {"session_id": "a", "entries": entries, "tasks": ["x"], "none": []}
    assert formatting.json_lines(shown) == [
        '{"v": 1, "session_id": "a", "entries": [',
        '{"type": "x", "deep": {"list": [{"a": 1}]}},',
        '{"type": "y"}',
        '], "tasks": ["x"], "none": []}',
    ]
    assert len(formatting.json_lines({"sessions": [shown]})) == 3


def test_json_replaces_only_unencodable_values_by_null():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    given = {
        "session_id": "a",
        "entries": [{"type": "x", "n": float("inf"), "c": deep}],
    }
    assert json.loads("".join(formatting.json_lines(given))) == {
        "v": 1,
        "session_id": "a",
        "entries": [{"type": "x", "n": None, "c": None}],
    }


def test_entry_line_of_a_deeply_nested_entry_says_so():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    assert "too deeply" in formatting.entry_line({"type": "x", "deep": deep}, NOW, None)
