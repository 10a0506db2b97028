"""Each way of docs/install.md: from nothing to a recorded session, and back.

The commands are those that the page shows. The plugin is in test_plugin.py.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig

import pytest

from .conftest import PROJECT

# As no program would format it, so that only the same bytes are equal.
SETTINGS = '{"cleanupPeriodDays":   90}'
# What Claude Code and uv keep for themselves in HOME, and the records.
THEIRS = (".cache/", ".claude.json", ".claude/", ".config/git/ignore")
THEIRS += (".local/share/uv/", ".local/state/")
TURN = ["session_metadata", "heartbeat", "turn_close", "session_close"]
# As with a real model, the turn takes longer than the hook of the prompt.
PROMPT = "claude --allowedTools=Bash -p 'RUN: sleep 0.5'"


@pytest.fixture
def box(empty_box, program):
    """Return a machine with Claude Code and its settings, without Headcount."""
    programs = empty_box.home / ".local/bin"
    programs.mkdir(parents=True)
    (programs / "claude").symlink_to(program)
    (empty_box.home / ".claude/settings.json").write_text(SETTINGS)
    return empty_box


def shown(way, kind="sh"):
    """Return the lines that docs/install.md shows for *way*."""
    text = (PROJECT / "docs/install.md").read_text(encoding="utf-8")
    (_, section) = text.split(f"\n## {way}\n")
    return section.split(f"```{kind}\n")[1].split("```")[0].splitlines()


def must(box, line):
    """Run *line* in a shell of the box, as a user types it; return what it prints."""
    done = box.run("sh", "-c", line)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(box):
    """Return what every file and link in HOME contains, without THEIRS."""
    found = {}
    for path in box.home.rglob("*"):
        name = str(path.relative_to(box.home))
        if name.startswith(THEIRS) and not name.startswith(".claude/settings"):
            continue
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def has_turn(records, session_id):
    """Whether one turn is on record from start to end.

    Claude Code does not wait for the hook of a prompt, so that of Stop may overtake it.
    """
    types = records.types(session_id)
    return (types[0], types[-1], {*types}) == (TURN[0], TURN[-1], {*TURN})


def assert_recorded(box, records):
    """One turn of Claude Code is on record from start to end, and listed."""
    assert must(box, PROMPT) == "done.\n"
    session_id = records.only_id()
    assert has_turn(records, session_id)
    assert [row["session_id"] for row in records.rows()] == [session_id]


def test_clone_records_a_session_and_uninstalls_to_the_same_bytes(
    box, records, checkout
):
    before = files(box)
    install, uninstall = shown("Clone")

    must(box, f"cd '{checkout}' && {install}")
    assert_recorded(box, records)
    must(box, f"cd '{checkout}' && {uninstall}")

    assert files(box) == before


def test_package_records_a_session_and_uninstalls_to_the_same_bytes(
    box, records, wheel, packages
):
    if not (uv := shutil.which("uv")):
        pytest.skip("uv is not installed")
    (box.home / ".local/bin/uv").symlink_to(uv)
    box.environment |= {"UV_FIND_LINKS": str(packages), "UV_OFFLINE": "1"}
    box.environment["UV_PYTHON"] = sys.executable
    before = files(box)
    install, install_hooks = shown("Package")

    must(box, install.replace("/path/to/headcount", str(wheel)))
    environment = box.home / ".local/share/uv/tools/headcount"
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "shared.pth").write_text(sysconfig.get_path("purelib"))
    must(box, install_hooks)
    assert_recorded(box, records)
    must(box, "headcount uninstall && uv tool uninstall headcount")

    assert files(box) == before
    assert not environment.exists()


@pytest.mark.parametrize(
    ("line", "name", "recorded"),
    [
        pytest.param(0, "settings.json", ["shop"], id="project"),
        # This one Claude Code also reads in folders below, in the same repository.
        pytest.param(1, "settings.local.json", ["shop", "shop/src"], id="local"),
    ],
)
def test_project_records_its_sessions_and_uninstalls_to_the_same_bytes(
    box, records, checkout, line, name, recorded
):
    shop = box.add_project("shop")
    (shop / "src").mkdir()
    (shop / ".claude").mkdir()
    (shop / ".claude" / name).write_text(SETTINGS)
    before = files(box)
    command = shown("A team's project")[line].partition("#")[0]

    must(box, f"cd '{checkout}' && {command}")
    installed = files(box)
    for folder in ("project", "shop", "shop/src"):
        assert must(box, f"cd ~/{folder} && {PROMPT}") == "done.\n"
    folders = sorted(row["cwd"] for row in records.rows())
    must(box, f"cd '{checkout}' && {command} --uninstall")

    assert folders == [str(box.home / folder) for folder in recorded]
    assert all(has_turn(records, session_id) for session_id in records.ids())
    assert installed[f"shop/.claude/{name}"] != SETTINGS.encode()
    assert installed[".claude/settings.json"] == SETTINGS.encode()
    assert files(box) == before


def verdict_from_outside(checkout, records):
    """Return the verdict of a Headcount that sees no process of the box."""
    done = subprocess.run(
        [checkout / "bin/headcount", "list", "--all", "--json"],
        env={"PATH": os.environ["PATH"], "HEADCOUNT_DIR": str(records.folder)},
        capture_output=True,
        check=True,
    )
    (session,) = json.loads(done.stdout)["sessions"]
    return session["verdict"]


def test_container_keeps_its_records_on_a_volume_and_they_are_read_from_outside(
    box, records, checkout
):
    copy, run, variable = shown("Container", "dockerfile")
    assert copy == "COPY headcount /opt/headcount"
    name, _, folder = variable.removeprefix("ENV ").partition("=")
    records.folder = box.root / folder.strip("/")
    must(box, run.removeprefix("RUN ").replace("/opt/headcount", f"'{checkout}'"))
    box.environment[name] = str(records.folder)

    running = box.start_prompt("RUN: until [ -e go-on ]; do sleep 0.1; done")
    session_id = records.new_id()
    records.wait_for(session_id, type="heartbeat", state="busy")
    inside = records.verdict(session_id)
    outside = verdict_from_outside(checkout, records)
    (box.project / "go-on").touch()
    assert running.finish().output == "done.\n"

    assert (inside, outside) == ("alive", "unknown")
    assert verdict_from_outside(checkout, records) == "dead"
    assert not [*(box.home / ".local/state").rglob("*.jsonl")]


def test_ci_runner_lists_its_session_and_purges_what_it_installed(
    box, records, checkout
):
    copy = box.root / "opt/headcount"  # of its own, since --purge deletes .venv
    shutil.copytree(checkout, copy, symlinks=True)
    records.folder = box.root / "artifact"
    box.environment["HEADCOUNT_DIR"] = str(records.folder)
    before = files(box)
    install, prompt, show = [
        line.replace("/opt/headcount", str(copy)) for line in shown("CI runner")
    ]

    must(box, install)
    assert must(box, prompt) == "done.\n"
    (session,) = json.loads(must(box, show))["sessions"]
    assert session["session_id"] == records.only_id()
    assert has_turn(records, session["session_id"])
    must(box, f"{copy}/install.sh --uninstall --purge")

    assert files(box) == before
    assert not records.folder.exists()
    assert not (copy / ".venv").exists()
