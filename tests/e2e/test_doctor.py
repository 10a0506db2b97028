"""`headcount doctor` and real clients: who leaves no record is named, and why."""

from __future__ import annotations

import json
import re

import pytest

from .client import Box, wait_until
from .records import Records

NEW_MODE = {"defaultMode": "new"}


@pytest.fixture
def bare_box(program):
    """Return a box in which nothing is installed yet."""
    with Box(program) as box:
        yield box


def install(box, checkout, *options):
    done = box.run(checkout / "install.sh", *options)
    assert done.returncode == 0, done.stdout + done.stderr


def warnings(box, *options):
    """Return what is said of each client without a record, by its pid."""
    done = box.run("headcount", "doctor", "--json", "--quick", *options)
    findings = json.loads(done.stdout)["findings"]
    found = [f for f in findings if f["check"] == "clients"]
    said = [f["message"] for f in found if f["level"] == "warn"]
    return {int(words.split("pid ")[1].split()[0]): words for words in said}


def test_doctor_names_a_client_older_than_the_hooks_until_its_next_prompt(
    bare_box, checkout
):
    terminal = bare_box.terminal()
    install(bare_box, checkout)

    said = warnings(bare_box)
    assert [*said] == [terminal.pid]
    assert "before the hooks were installed" in said[terminal.pid]

    def recorded():
        terminal.ask("hello")  # the client needs a moment to see the new settings
        return Records(bare_box).ids()

    wait_until(recorded, "a record after a prompt")
    assert warnings(bare_box) == {}


def test_doctor_names_a_client_until_its_folder_is_trusted(box, records):
    folder = box.home / "unknown"
    folder.mkdir()
    trusted = box.terminal()
    records.new_id()
    asking = box.terminal(cwd=folder)
    asking.wait_for("Yes, I trust this folder")

    said = wait_until(lambda: warnings(box), "the client is seen")
    assert [*said] == [asking.pid]
    assert f" in {folder} leaves no record: it asks whether" in said[asking.pid]
    assert trusted.is_running()
    listed = box.run("headcount", "list", "--table").stdout
    assert re.search(r"waiting  +trust .* ~/unknown ", listed)

    asking.press_until("Down", "\u276f Yes, I trust")
    asking.press("Enter")
    wait_until(lambda: len(records.ids()) == 2, "its record")
    assert warnings(box) == {}
    assert " trust " not in box.run("headcount", "list", "--table").stdout


def test_doctor_names_a_client_started_below_the_project_with_the_hooks(
    bare_box, checkout
):
    box = bare_box
    install(box, checkout, "--scope", "project", "--project", str(box.project))
    (box.project / "src").mkdir()
    inside = box.terminal()
    Records(box).new_id()
    below = box.terminal(cwd=box.project / "src")

    said = warnings(box)
    assert [*said] == [below.pid]
    assert f"apply only to clients started in {box.project}" in said[below.pid]
    assert inside.is_running()


@pytest.mark.parametrize("version", ["2.1.332", "2.1.200"])
def test_doctor_knows_in_which_folders_the_real_client_reads_local_hooks(
    bare_box, checkout, program
):
    box = bare_box
    (box.home / ".local/bin").mkdir(parents=True)
    (box.home / ".local/bin/claude").symlink_to(program)
    install(box, checkout, "--scope", "local", "--project", str(box.project))
    author = "-c user.name=a -c user.email=a@example.com"
    script = f"""
        git {author} commit --quiet --allow-empty --message=one
        git worktree add --quiet ../linked
        mkdir -p src ../linked/src ../plain; git init --quiet nested
    """
    assert box.run("sh", "-ec", script).returncode == 0
    records, measured, doctor = Records(box), {}, {}
    for folder in (".", "src", "nested", "../linked", "../linked/src", "../plain"):
        before = records.ids()
        box.run("sh", "-c", 'cd "$0" && claude -p hello', folder)
        measured[folder] = records.ids() != before
        done = box.run("sh", "-c", 'cd "$0" && headcount doctor --quick --json', folder)
        findings = json.loads(done.stdout)["findings"]
        levels = {each["level"] for each in findings if each["check"] == "hooks"}
        doctor[folder] = levels == {"ok"}
    assert doctor == measured
    assert len(set(measured.values())) == 2  # both were seen


def test_doctor_names_a_bare_client_but_not_a_recorded_client(box, records):
    bare = box.terminal("--bare")
    running = box.start_prompt("RUN: sleep 20")
    records.new_id()

    said = warnings(box)
    assert [*said] == [bare.pid]
    assert "--bare, which runs no hooks" in said[bare.pid]
    box.run("kill", f"{running.pid}")


def test_doctor_runs_the_installed_hooks_without_findings(box, records):
    done = box.run("headcount", "doctor")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" ms, p95 ") == 6
    assert records.ids() == set()


@pytest.fixture
def live(box, program, checkout):
    """Run `headcount doctor --live`; return its finding, and its exit code."""
    (box.home / ".local/bin/claude").symlink_to(program)
    install(box, checkout)  # again: now it knows the client's version
    settings = box.home / ".claude/settings.json"

    def run(text=None):
        if text is not None:
            settings.write_text(text)
        done = box.run("headcount", "doctor", "--live", "--quick", "--json")
        assert "other hooks of yours run, too" in done.stderr
        findings = json.loads(done.stdout)["findings"]
        (finding,) = [each for each in findings if each["check"] == "live"]
        return finding["level"], finding["message"], finding["fix"], done.returncode

    run.settings = settings
    return run


def test_live_sees_the_real_client_record_a_session_elsewhere(live, records):
    level, message, _, code = live()
    assert (level, code) == ("ok", 0)
    assert message.endswith("SessionStart and SessionEnd, and both are on record")
    assert records.ids() == set()


@pytest.mark.parametrize(
    ("change", "why", "fix"),
    [
        pytest.param(
            lambda text: json.dumps({**json.loads(text), "disableAllHooks": True}),
            "{path} turns off all hooks",
            "remove disableAllHooks from {path}",
            id="turned-off",
        ),
        pytest.param(
            lambda text: "{ " + text,
            "{path} is not valid JSON: ",
            "edit {path}",
            id="not-json",
        ),
        pytest.param(
            lambda text: json.dumps({**json.loads(text), "env": "x"}),
            "{path} is not valid as settings of Claude Code: `env` must be an object",
            "edit {path}",
            id="wrong-type",
        ),
        pytest.param(
            lambda text: text.replace("/hooks/session_start.py", "/gone/hooks/stop.py"),
            "it did not run the hooks in {path} (exit code 0)",
            "",
            id="script-gone",
        ),
        pytest.param(
            lambda text: json.dumps({**json.loads(text), "permissions": NEW_MODE}),
            "in {path}, `permissions.defaultMode` is not a mode that Claude Code 2.1.",
            "correct it in {path}",
            id="unknown-mode",
        ),
        pytest.param(
            lambda _: "{}", "{path} has none of Headcount's hooks", "", id="no-hooks"
        ),
    ],
)
def test_live_says_why_the_real_client_leaves_no_record(live, change, why, fix):
    text, path = live.settings.read_text(), live.settings
    level, message, said, code = live(change(text))
    assert (level, code) == ("problem", 1)
    assert re.match(r"`claude --init-only` left no record of SessionStart\b", message)
    assert why.format(path=path) in message
    assert fix.format(path=path) in said


def test_live_records_elsewhere_although_settings_name_a_store(live, box, records):
    value = json.loads(live.settings.read_text())
    value["env"] = {"HEADCOUNT_DIR": str(box.home / "named")}
    assert live(json.dumps(value))[0] == "ok"
    assert not (box.home / "named").exists()
    assert records.ids() == set()


@pytest.mark.parametrize("version", ["2.0.45"])
def test_live_says_that_an_old_client_cannot_be_tried(live):
    level, message, _, code = live()
    assert (level, code) == ("problem", 1)
    assert "unknown option '--init-only'" in message
