"""`headcount doctor --fix`: what it fixes by itself, and what it leaves alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from command_line import write
from examination import install_hooks, make_asynchronous, strip
from installing import copy_of_checkout
from support import ID

from lib import sessions


def test_fixable_findings_are_marked_and_not_fixed_without_fix(
    examine, installed, store
):
    store.mkdir()
    store.chmod(0o755)
    findings, code = examine()
    assert code == 1
    assert [f["fixable"] for f in findings.of("problem")] == [True]
    assert findings.fixed == []
    assert store.stat().st_mode & 0o777 == 0o755
    keys = {"level", "check", "message", "fix", "fixable", "fixed"}
    assert all(set(finding) == keys for finding in findings)


def test_fix_makes_folders_and_files_private(examine, doctor, installed, store):
    for number in range(7):
        sessions.create_session(session_id=f"session-{number}")
        os.chmod(store / f"session-{number}.jsonl", 0o644)
    sessions.archive_session(store / "session-0.jsonl")
    os.chmod(store / "archive", 0o755)
    store.chmod(0o777)
    done = doctor("--quick", "--fix")
    assert done.returncode == 0, done.stdout
    assert f"fixed    store     {store} is open to others (mode 0777)" in done.stdout
    assert f"done: chmod 700 {store}/archive" in done.stdout
    assert done.stderr == ""
    assert store.stat().st_mode & 0o777 == 0o700
    assert {f.stat().st_mode & 0o777 for f in store.rglob("*.jsonl")} == {0o600}
    assert examine()[0].of("problem") == []


def test_fix_leaves_foreign_files_alone(examine, installed, tmp_path):
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o755)
    (shared / "letter.txt").touch()
    for name in ("numbers.jsonl", f"{ID}.jsonl"):
        (shared / name).write_text('{"type":"user"}\n')
        (shared / name).chmod(0o644)
    (shared / "link.jsonl").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").touch(0o644)
    findings, code = examine("--fix", HEADCOUNT_DIR=str(shared))
    assert code == 1
    assert findings.fixed == []
    assert shared.stat().st_mode & 0o777 == 0o755
    modes = [path.stat().st_mode & 0o777 for path in shared.glob("[!l]*.jsonl")]
    assert modes == [0o644, 0o644]


def test_fix_claims_only_the_files_that_it_made_private(examine, installed, store):
    ours, theirs = write(store, ID), store / "theirs.jsonl"
    store.chmod(0o700)
    theirs.write_text('{"type":"user"}\n')
    for path in (ours, theirs):
        path.chmod(0o644)
    findings, code = examine("--fix")
    assert code == 1
    (fixed,) = findings.fixed
    assert fixed["message"] == f"1 not of mode 0600: {ours}"
    remaining = findings.of("problem", "files")
    assert str(theirs) in str([f["message"] for f in remaining if not f["fixed"]])
    assert [p.stat().st_mode & 0o777 for p in (ours, theirs)] == [0o600, 0o644]


def test_fix_does_not_change_a_file_through_a_hard_link(
    examine, installed, store, tmp_path
):
    path = write(store, ID)
    store.chmod(0o700)
    path.chmod(0o644)
    os.link(path, tmp_path / "mine too")
    findings, code = examine("--fix")
    assert code == 1
    assert findings.fixed == []
    assert path.stat().st_mode & 0o777 == 0o644


def test_fix_reinstalls_removed_hooks_in_their_scope(examine, installed):
    make_asynchronous(installed)
    before = installed.read_text()
    strip(installed, "Stop", "PostToolUse")
    findings, code = examine("--fix")
    assert code == 0
    (fixed,) = findings.fixed
    assert fixed["message"].startswith("hooks missing: PostToolUse, Stop")
    assert json.loads(installed.read_text()) == json.loads(before)


def test_fix_reinstalls_the_hooks_of_a_moved_checkout(examine, installed, checkout):
    make_asynchronous(installed)
    before = installed.read_text()
    installed.write_text(before.replace(str(checkout), "/nowhere/head count"))
    findings, code = examine("--fix")
    assert code == 0
    assert findings.fixed != []
    assert installed.read_text() == before


def test_fix_neither_chooses_between_checkouts_nor_installs_from_scratch(
    examine, installed, tmp_path, checkout
):
    other = copy_of_checkout(tmp_path / "other")
    path = install_hooks(installed, other)
    strip(path, "Stop")
    stripped = path.read_text()
    assert examine("--fix")[0].fixed == []
    assert path.read_text() == stripped
    strip(path)
    bare = path.read_text()
    assert examine("--fix")[1] == 1
    assert path.read_text() == bare


def test_fix_edits_no_shared_project_settings(examine, checkout, tmp_path):
    path = install_hooks(tmp_path / ".claude/settings.json", checkout)
    strip(path, "Stop")
    stripped = path.read_text()
    findings, code = examine("--fix")
    assert (code, findings.fixed) == (1, [])
    assert path.read_text() == stripped


def test_fix_removes_hooks_installed_twice(examine, installed, checkout, tmp_path):
    local = tmp_path / ".claude/settings.local.json"
    install_hooks(local, checkout)
    local.write_text(local.read_text().replace("-I -S", "-S -I"))
    assert examine()[0].problem[1].startswith("two commands for ")
    findings, code = examine("--fix")
    assert code == 0
    assert [f["message"][:16] for f in findings.fixed] == ["two commands for"]
    assert not local.exists()


def test_fix_removes_only_a_broken_link_of_headcount(examine, installed, home):
    link = home / ".local/bin/headcount"
    link.parent.mkdir(parents=True)
    link.symlink_to("/nowhere/.venv/bin/headcount")
    assert examine("--fix")[1] == 0
    assert not os.path.lexists(link)
    link.symlink_to("/nowhere/headcount")
    assert examine("--fix")[1] == 1
    assert os.path.lexists(link)


def test_failed_fix_is_reported_and_stays_a_problem(doctor, installed, home, checkout):
    strip(installed, "Stop")
    holder = f"import sys,time;sys.path.insert(0,{str(checkout)!r})\n"
    holder += "import os\nfrom lib import file_lock\n"
    holder += "from lib.store import paths\n"
    holder += "paths.ensure_folder(paths.SESSIONS_DIR)\n"
    holder += "p=os.path.join(paths.SESSIONS_DIR,paths.INSTALL_LOCK)\n"
    holder += (
        "file_lock.with_lock(p,lambda:(print('held',flush=True),sys.stdin.read()))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder],
        env=dict(os.environ),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process_:
        assert process_.stdout.readline() == "held\n"
        done = doctor("--quick", "--fix")
        process_.communicate("")
    assert done.returncode == 1
    assert "headcount: could not install the hooks of " in done.stderr
    assert "hook missing: Stop" in done.stdout


def test_duplicate_commands_in_one_file_are_reported_and_fixed(
    examine, installed, run_fix
):
    make_asynchronous(installed)
    before = installed.read_text()
    content = json.loads(before)
    (group,) = content["hooks"]["Stop"]
    old = group["hooks"][0]["command"].replace("-I -S", "-I")
    content["hooks"]["Stop"] = [
        {"hooks": [{"type": "command", "command": old, "timeout": 5}]},
        group,
    ]
    for fix in (run_fix, lambda _: examine("--fix")):
        installed.write_text(json.dumps(content))
        _, message, command = examine()[0].problem
        assert message.startswith("two commands for Stop in the settings of user:")
        fix(command)
        assert examine()[1] == 0
        assert json.loads(installed.read_text()) == json.loads(before)
