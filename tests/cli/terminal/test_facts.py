"""The facts about a session, a line for each."""

from __future__ import annotations

from sample_session import NOW, session

from lib.cli.terminal import facts
from lib.text import local_time


def test_facts_name_verdict_and_each_reason_on_a_line_of_its_own():
    lines = facts.lines(session(label="nightly"), NOW)
    at = lines.index("verdict       alive")
    assert lines[at + 1].strip() == "pid 1 is running"
    assert lines[at + 2].strip() == "last heartbeat 3 s ago"
    assert "label         nightly" in lines
    heartbeat = local_time(NOW - 3, "%Y-%m-%d %H:%M:%S")
    assert f"heartbeat     {heartbeat} (3 s ago)" in lines


def test_facts_omit_unknown_values():
    lines = facts.lines(session(pid=None, cwd=None, start_time=None), NOW)
    names = [line.split()[0] for line in lines]
    assert not {"folder", "process", "started", "label"} & set(names)
