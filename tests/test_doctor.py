"""`headcount doctor`: each fault, planted for real, is found and told how to mend."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time

import pytest
from support import ID, ROOT

from lib import clock, doctor, errorlog, sessions, settings


@pytest.fixture
def home(store):
    home = store.parent / "home"
    (home / ".claude").mkdir(parents=True)
    return home


@pytest.fixture
def checkout(tmp_path):
    return make_checkout(tmp_path / "check out")


@pytest.fixture
def wired(home, checkout):
    """The user's settings with every hook of *checkout* wired: nothing is wrong."""
    return wire(home / ".claude/settings.json", checkout)


@pytest.fixture
def examine(store, home, tmp_path):
    """Run `headcount doctor --json`; return its findings and its exit code."""

    def run(cwd=tmp_path, **more):
        done = headcount("doctor", "--json", store=store, home=home, cwd=cwd, **more)
        assert "Traceback" not in done.stderr
        return Findings(json.loads(done.stdout)), done.returncode

    return run


class Findings(list):
    def of(self, level):
        return [finding for finding in self if finding["level"] == level]

    @property
    def problem(self):
        """The only problem there is."""
        (problem,) = self.of("problem")
        return problem["check"], problem["message"], problem["mend"]


def headcount(*words, store, home, cwd, **more):
    return subprocess.run(
        [sys.executable, "-m", "lib", *words],
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(home),
            "HEADCOUNT_DIR": str(store),
            "PYTHONPATH": str(ROOT),
            **more,
        },
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def make_checkout(folder):
    (folder / ".venv/bin").mkdir(parents=True)
    (folder / ".venv/bin/python").symlink_to(sys.executable)
    shutil.copytree(ROOT / "hooks", folder / "hooks")
    shutil.copy(ROOT / "settings.example.json", folder)
    return folder


def wire(path, checkout, text=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(settings.merge(text, settings.wanted(str(checkout))))
    return path


def test_nothing_wrong_is_exit_0_and_only_ok(examine, wired, store):
    sessions.create_session(session_id=ID)
    findings, code = examine()
    assert (findings.of("problem"), findings.of("warn"), code) == ([], [], 0)
    found = {finding["check"] for finding in findings}
    assert found == {"python", "packages", "store", "files", "lock", "errors", "hooks"}


def test_it_leaves_the_store_as_it_was(examine, wired, store):
    sessions.create_session(session_id=ID)
    before = sorted(os.listdir(store))
    examine()
    assert sorted(os.listdir(store)) == before


def test_a_store_that_is_yet_to_be_made_is_no_problem_and_is_not_made(
    examine, wired, store
):
    findings, code = examine()
    assert code == 0
    (told,) = [finding for finding in findings if finding["check"] == "store"]
    assert told["message"] == f"{store} is made when the first session begins"
    assert not store.exists()


def test_people_get_a_line_for_each_finding_and_the_command_below_it(store, home):
    store.mkdir(0o755)
    os.chmod(store, 0o755)
    done = headcount("doctor", store=store, home=home, cwd=home)
    shown = done.stdout.splitlines()
    assert done.returncode == 1
    at = shown.index(f"problem  store     {store} is open to others (mode 0755)")
    assert shown[at + 1].strip() == f"mend: chmod 700 {store}"
    assert done.stderr == "headcount: 2 problems found\n"


def test_nothing_that_a_path_holds_reaches_the_terminal_as_control(tmp_path, home):
    store = tmp_path / "st\x1b[31more\u202e"
    store.mkdir(0o755)
    (store / "new\nline.jsonl").touch(0o644)
    done = headcount("doctor", store=store, home=home, cwd=home)
    assert [line for line in done.stdout.splitlines() if not line.isprintable()] == []
    assert "st�[31more" in done.stdout


# ---- The store ------------------------------------------------------------------


def test_python_and_package_versions_are_told(examine, wired):
    findings, _ = examine()
    told = {finding["check"]: finding["message"] for finding in findings}
    assert told["python"].startswith(".".join(map(str, sys.version_info[:3])))
    for name in ("filelock", "psutil", "python-dateutil"):
        assert name in told["packages"]


def test_packages_that_are_missing_are_named_with_what_installs_them(
    store, home, tmp_path, wired
):
    bare = tmp_path / "bare"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", str(bare)], check=True
    )
    done = subprocess.run(
        [bare / "bin/python", "-m", "lib", "doctor", "--json"],
        env={"HOME": str(home), "HEADCOUNT_DIR": str(store), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    check, message, mend = Findings(json.loads(done.stdout)).problem
    assert check == "packages"
    assert message.endswith("lacks filelock, psutil, python-dateutil")
    assert mend.startswith(f"{bare}/bin/python -m pip install filelock")


def test_a_python_that_is_too_old_is_a_problem(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 18, "final", 0))
    (finding,) = doctor._python(0)
    assert finding.level == "problem"
    assert "3.9.18" in finding.message
    assert "3.10" in finding.message


@pytest.mark.parametrize("mode", [0o755, 0o701, 0o500])
def test_a_store_of_the_wrong_mode_is_mended_by_chmod(examine, wired, store, mode):
    store.mkdir()
    store.chmod(mode)
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, mend) == ("store", f"chmod 700 {store}")
    assert f"mode {mode:04o}" in message
    subprocess.run(shlex.split(mend), check=True)
    assert examine()[1] == 0


def test_a_store_that_is_a_file_is_told(examine, wired, store):
    store.write_text("in the way")
    findings, code = examine()
    assert code == 1
    assert findings.problem == (
        "store",
        f"{store} is no folder",
        f"mv {store} {store}.aside",
    )


def test_a_store_that_is_a_link_to_nothing_is_told(examine, wired, store):
    store.symlink_to("/nowhere/at/all")
    findings, code = examine()
    assert code == 1
    assert "symbolic link to nothing" in findings.problem[1]


def test_a_store_that_cannot_be_made_is_told(examine, wired, store):
    store.write_text("in the way")
    findings, code = examine(HEADCOUNT_DIR=f"{store}/below")
    assert code == 1
    assert findings.problem[1].startswith(
        f"{store}/below cannot be made: {store} is no"
    )


def test_a_store_that_is_refused_is_told_once_and_the_rest_is_examined(
    examine, wired, tmp_path
):
    (tmp_path / "out").symlink_to("/etc")
    findings, code = examine(HEADCOUNT_DIR="out/x")
    assert code == 1
    assert findings.problem[0] == "store"
    assert findings.problem[1].startswith("HEADCOUNT_DIR=out/x leads out of")
    assert {"python", "packages"} <= {finding["check"] for finding in findings}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_is_mended_by_chown(examine, wired, store):
    sessions.create_session(session_id=ID)
    path = store / f"{ID}.jsonl"
    os.chown(path, 65_534, -1)
    findings, code = examine()
    assert code == 1
    assert findings.problem == ("files", f"1 not yours: {path}", f"sudo chown 0 {path}")
    os.chown(path, 0, -1)
    os.chown(store, 65_534, -1)
    assert examine()[0].problem[1:] == (
        f"{store} belongs to user 65534, not to you",
        f"sudo chown 0 {store}",
    )


def test_files_that_others_may_read_are_mended_by_chmod(examine, wired, store):
    for number in range(7):
        sessions.create_session(session_id=f"session-{number}")
        os.chmod(store / f"session-{number}.jsonl", 0o644)
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert check == "files"
    assert message.startswith(f"7 not of mode 0600: {store}/session-0.jsonl")
    assert "2 more" in message
    subprocess.run(shlex.split(mend), check=True)
    assert examine()[0].problem[1].startswith("2 not of mode 0600")


def test_archived_files_and_the_log_are_looked_at_too(examine, wired, store):
    sessions.create_session(session_id=ID)
    path = sessions.archive_session(store / f"{ID}.jsonl")
    errorlog.note("here", "nothing")
    os.chmod(path, 0o640)
    os.chmod(store / "errors.log", 0o640)
    message = examine()[0].problem[1]
    assert str(path) in message
    assert "errors.log" in message


@pytest.mark.parametrize("kind", ["garbage", "link", "fifo", "folder"])
def test_what_holds_no_session_is_mended_by_moving_it_aside(
    examine, wired, store, kind
):
    store.mkdir(0o700)
    path = store / "it's odd.jsonl"
    if kind == "garbage":
        path.write_bytes(b"\xff\x00")
        path.chmod(0o600)
    elif kind == "link":
        path.symlink_to("/etc/passwd")
    elif kind == "fifo":
        os.mkfifo(path, 0o600)
    else:
        path.mkdir()
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, message) == ("files", f"1 without valid metadata: {path}")
    subprocess.run(shlex.split(mend), check=True)
    assert examine()[1] == 0


def test_an_archive_that_is_a_link_or_a_file_is_told(examine, wired, store, tmp_path):
    store.mkdir(0o700)
    (tmp_path / "elsewhere").mkdir()
    (store / "archive").symlink_to(tmp_path / "elsewhere")
    assert examine()[0].problem[::2] == ("archive", f"rm {store}/archive")
    (store / "archive").unlink()
    (store / "archive").write_text("in the way")
    assert examine()[0].problem[:2] == ("archive", f"{store}/archive is no folder")


def test_a_store_without_locks_is_told(store, monkeypatch):
    store.mkdir(0o700)

    def unsupported(*_):
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("fcntl.flock", unsupported)
    (finding,) = doctor._lock(0)
    assert finding.level == "problem"
    assert "does its file system have locks" in finding.message
    assert "HEADCOUNT_DIR" in finding.mend
    assert os.listdir(store) == []


def test_the_log_of_the_last_days_is_counted_and_its_newest_lines_shown(
    examine, wired, store
):
    for number in range(5):
        errorlog.note("heartbeat", f"fault {number} \x1b[31m")
    old = clock.stamp(time.time() - 8 * 86_400)
    log = store / "errors.log"
    log.write_text(f"{old} 0.1.0 long ago\n" + log.read_text())
    findings, code = examine()
    assert code == 0
    first, *newest = [finding["message"] for finding in findings.of("warn")]
    assert first == "5 lines in errors.log of the last 7 days; the newest:"
    assert [line.split("fault ")[1][0] for line in newest] == ["2", "3", "4"]
    done = headcount("doctor", store=store, home=store.parent / "home", cwd="/")
    assert all(line.isprintable() for line in done.stdout.splitlines())


# ---- The hooks ------------------------------------------------------------------


def test_no_hook_wired_is_mended_by_the_installer(examine, store):
    findings, code = examine()
    assert code == 1
    check, message, mend = findings.problem
    assert (check, message) == ("hooks", "no hook is wired, so no session is recorded")
    assert mend == shlex.quote(str(ROOT / "install.sh"))


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_hooks_of_a_project_count_where_claude_code_reads_them(
    examine, checkout, tmp_path, name
):
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "src/deep").mkdir(parents=True)
    wire(project / ".claude" / name, checkout)
    assert examine(cwd=project)[1] == 0
    assert examine(cwd=tmp_path)[1] == 1
    findings, code = examine(cwd=project / "src/deep")
    assert code == 1
    assert f"{name} counts only for sessions started in {project}" in str(findings)
    assert examine(cwd=tmp_path, CLAUDE_PROJECT_DIR=str(project))[1] == 0


def test_in_the_home_folder_the_same_file_is_not_two_scopes(examine, wired, home):
    link = home.parent / "link"
    link.symlink_to(home)
    findings, code = examine(cwd=home, HOME=str(link))
    assert code == 0
    assert sum(finding["check"] == "hooks" for finding in findings) == 1


def test_events_that_are_missing_are_named(examine, wired):
    content = json.loads(wired.read_text())
    del content["hooks"]["Stop"], content["hooks"]["PostToolUse"]
    wired.write_text(json.dumps(content))
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == "not wired: PostToolUse, Stop"


def test_a_wired_script_that_is_gone_is_named(examine, wired, checkout):
    (checkout / "hooks/stop.py").unlink()
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(
        f"the wired script {checkout}/hooks/stop.py is"
    )


def test_a_wired_python_that_is_a_broken_link_is_named(examine, wired, checkout):
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"the wired python {python} is missing")


def test_a_checkout_that_has_moved_is_told_file_by_file(examine, wired, checkout):
    checkout.rename(checkout.parent / "moved")
    findings, code = examine()
    assert code == 1
    assert len(findings.of("problem")) == 5
    assert all("is missing" in finding["message"] for finding in findings.of("problem"))


def test_two_commands_for_one_event_are_told_with_the_scopes(
    examine, wired, tmp_path, store
):
    other = make_checkout(tmp_path / "other")
    wire(tmp_path / ".claude/settings.json", other)
    findings, code = examine()
    assert code == 1
    _, message, mend = findings.problem
    assert message.startswith("two commands for Notification, PostToolUse, Session")
    assert "user and project" in message
    assert mend.endswith(f"--uninstall --scope project --project {tmp_path}")


def test_the_same_command_in_two_scopes_is_no_problem(
    examine, wired, checkout, tmp_path
):
    wire(tmp_path / ".claude/settings.local.json", checkout)
    assert examine()[1] == 0


def test_hooks_that_are_turned_off_are_told_with_the_file(examine, home, checkout):
    path = home / ".claude/settings.json"
    wire(path, checkout, '{"disableAllHooks": true}')
    findings, code = examine()
    assert code == 1
    assert findings.problem[1] == f"user: {path} turns off all hooks"
    assert "disableAllHooks" in findings.problem[2]


def test_settings_that_are_broken_are_told_and_the_other_scopes_examined(
    examine, wired, tmp_path
):
    broken = tmp_path / ".claude/settings.json"
    broken.parent.mkdir()
    broken.write_text("{ // no comments\n}")
    findings, code = examine()
    assert code == 1
    assert findings.problem[1].startswith(f"project: {broken} is not valid JSON")
    assert any(f["check"] == "hooks" and f["level"] == "ok" for f in findings)


def test_a_command_that_links_to_nothing_is_told(examine, wired, home):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/headcount")
    findings, code = examine()
    assert code == 1
    assert findings.problem[0] == "command"
    assert "/nowhere/headcount" in findings.problem[1]
    link.unlink()
    link.symlink_to(sys.executable)
    assert examine()[1] == 0
