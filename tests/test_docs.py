"""The README is true: its commands exist, all of them are in it, its code runs."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
from support import DEAD_PID, ROOT, lines

from lib import sessions
from lib.cli import parser

README = (ROOT / "README.md").read_text()


def commands():
    said = subprocess.run(
        [sys.executable, "-m", "lib", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return set(re.findall(r"^    ([a-z]+)(?: |$)", said, re.MULTILINE))


def test_every_command_is_in_the_readme_and_every_one_in_it_exists(store):
    named = set(re.findall(r"headcount ([a-z]+)\b(?! of| for)", README))
    table = set(re.findall(r"^\| .*?`headcount ([a-z]+)", README, re.MULTILINE))
    assert table == commands()
    assert table <= named
    for command in table:
        assert parser.parse([command, "--help"][:1] + ["a", "b"][: needs(command)])


def needs(command):
    return {"show": 1, "append": 2, "label": 2, "restore": 1, "rm": 1}.get(command, 0)


def test_the_options_of_the_installer_in_the_readme_exist():
    said = subprocess.run(
        [ROOT / "install.sh", "--help"], capture_output=True, text=True, check=True
    ).stdout
    for line in re.findall(r"\./install\.sh( --[^`]*)", README):
        for option in re.findall(r"--[a-z-]+", line):
            assert option in said, option


def test_the_python_in_the_readme_does_what_it_says(store):
    living = sessions.create_session(session_id="living")
    sessions.create_session(session_id="dead", pid=DEAD_PID)
    code = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    code = code.replace("from headcount import", "from lib import")
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert lines(store / f"{living}.jsonl")[-1]["type"] == "bot.ping"
    assert len(lines(store / "dead.jsonl")) == 1


@pytest.mark.parametrize("kind", ["session_metadata", "heartbeat"])
def test_the_lines_in_the_readme_are_of_the_form_that_is_written(store, kind):
    session_id = sessions.create_session()
    sessions.update_heartbeat(session_id, state="waiting", event="Notification")
    shown = [json.loads(x) for x in re.findall(r"^\{.*\}$", README, re.MULTILINE)]
    written = lines(store / f"{session_id}.jsonl")
    (there,) = [entry for entry in shown if entry["type"] == kind]
    (here,) = [entry for entry in written if entry["type"] == kind]
    assert set(here) <= set(there)
    assert there["process"].count(":") == here["process"].count(":")
