"""`install.sh` from outside: real shells and processes, a home that is thrown away."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from installing import FOLDERS, PACKAGES, SHELLS, copy_of_checkout
from support import ASYNCHRONOUS, ROOT, SCRIPTS

from lib import installer
from lib.claude import settings
from lib.claude.settings_text import hook_merge


def script(path, text):
    path.unlink(missing_ok=True)  # never write through a link to a real interpreter
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def settings_of(folder):
    return json.loads((folder / ".claude" / "settings.json").read_text())


def commands(folder):
    return {
        event: group["hooks"][0]["command"]
        for event, (group,) in settings_of(folder)["hooks"].items()
    }


def snapshot(folder):
    """Return every name below *folder*, with mode and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            found[path] = os.readlink(path)
        elif path.is_file():
            found[path] = (
                path.stat().st_mode,
                hashlib.sha256(path.read_bytes()).digest(),
            )
        else:
            found[path] = path.stat().st_mode
    return found


# Install and uninstall


def test_uninstall_removes_everything_that_install_created(run, checkout, home):
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text('{\n\t"model": "opus"\n}')
    before = snapshot(home)
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(commands(home)) == list(SCRIPTS)
    for event, name in SCRIPTS.items():
        assert f"    {event}" in done.stdout
        assert f"/hooks/{name}.py" in commands(home)[event]
    link = home / ".local" / "bin" / "headcount"
    assert os.readlink(link) == str(checkout / ".venv" / "bin" / "headcount")
    for said in (
        "settings.json: 11 hooks installed",
        "settings.json.headcount-backup",
        f"command:  {link}",
        f"{link.parent} is not on your PATH",
        f"records:  {home}/.local/state/headcount",
        f"undo:     '{checkout}/install.sh' --uninstall",
    ):
        assert said in done.stdout
    assert done.stdout.count(" ms") == len(SCRIPTS)

    undone = run(checkout / "install.sh", "--uninstall")
    assert (undone.returncode, undone.stderr) == (0, "")
    after = snapshot(home)
    assert {path: after[path] for path in before} == before
    assert [path.name for path in after if path not in before] == [
        ".local",
        "bin",
        "share",
        "man",
        "man1",
        "state",
        "headcount",
        ".install.lock",
    ]


def test_second_install_changes_nothing(run, checkout, home):
    run(checkout / "install.sh")
    before = snapshot(home)
    done = run(checkout / "install.sh")
    assert done.returncode == 0
    assert "settings.json is up to date; not changed" in done.stdout
    assert snapshot(home) == before


def test_install_from_a_moved_checkout_replaces_the_old_paths(
    run, checkout, home, tmp_path
):
    run(checkout / "install.sh")
    moved = checkout.rename(tmp_path / "it's $moved ü")
    done = run(moved / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert list(commands(home)) == list(SCRIPTS)
    assert all("moved" in command for command in commands(home).values())
    assert os.readlink(home / ".local/bin/headcount").startswith(str(moved))
    run(moved / "install.sh", "--uninstall")
    assert not (home / ".claude" / "settings.json").exists()


@pytest.mark.parametrize("shell", SHELLS)
def test_install_works_in_any_shell_and_checkout_name(
    run, environment, home, tmp_path, shell
):
    name = """it's $HOME\n`id` "ü" \\ *\n"""
    checkout = copy_of_checkout(tmp_path / name, environment)
    done = run(shutil.which(shell), checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    link = home / ".local" / "bin" / "headcount"
    assert os.readlink(link) == f"{checkout}/.venv/bin/headcount"
    undone = run(shutil.which(shell), "install.sh", "--uninstall", cwd=checkout)
    assert (undone.returncode, undone.stderr) == (0, "")


def test_installed_link_runs_the_command_of_its_checkout(run, checkout, home):
    run(checkout / "install.sh")
    (checkout / "lib" / "__main__.py").write_text(
        "import lib, sys; print(lib.__file__, sys.argv[1:])"
    )
    link = home / ".local" / "bin" / "headcount"
    relative = home / "again"
    relative.symlink_to(".local/bin/headcount")
    for name in (link, relative):
        done = run(name, "list", "a b")
        assert done.stdout == f"{checkout}/lib/__init__.py ['list', 'a b']\n"


def test_the_linked_command_finds_its_packages_and_data_files(run, checkout, home):
    run(checkout / "install.sh")
    link = home / ".local" / "bin" / "headcount"
    done = run(link, "report", "--html", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<!doctype html>\n")
    assert "color-scheme: light dark" in done.stdout
    assert run(link, "completion", "fish").stdout.startswith(
        "# Completion of headcount"
    )


@pytest.mark.parametrize("kind", ["file", "link"])
def test_install_keeps_a_foreign_headcount_command(run, checkout, home, kind):
    theirs = home / ".local" / "bin" / "headcount"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs") if kind == "file" else theirs.symlink_to("/bin/true")
    before = snapshot(theirs.parent)
    done = run(checkout / "install.sh")
    assert done.returncode == 0
    assert f"{theirs} is not ours" in done.stdout
    run(checkout / "install.sh", "--uninstall", "--purge")
    assert snapshot(theirs.parent) == before


# Scopes


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (["--scope", "project"], "settings.json"),
        (["--scope=local"], "settings.local.json"),
        (["--project", "."], "settings.json"),
        (["--scope=local", "--project=../a project"], "settings.local.json"),
    ],
    ids=["project-here", "local-here", "project-implied", "local-elsewhere"],
)
def test_scope_option_selects_the_settings_file(
    run, checkout, home, tmp_path, options, name
):
    project = tmp_path / "a project"
    project.mkdir()
    done = run(checkout / "install.sh", *options, cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in (project / ".claude").iterdir()] == [name]
    assert not (home / ".claude").exists()
    (undo,) = [line for line in done.stdout.splitlines() if line.startswith("undo:")]
    assert run("sh", "-c", undo.removeprefix("undo:")).stderr == ""
    assert list((project / ".claude").iterdir()) == []


def test_install_follows_claude_config_dir(run, checkout, home, tmp_path):
    run(checkout / "install.sh", CLAUDE_CONFIG_DIR=str(tmp_path / "config"))
    assert (tmp_path / "config" / "settings.json").exists()
    assert not (home / ".claude").exists()


def test_purge_refuses_while_hooks_are_installed(run, checkout, home, tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    run(checkout / "install.sh")
    run(checkout / "install.sh", "--project", project)
    done = run(checkout / "install.sh", "--uninstall", "--purge", "--project", project)
    assert done.returncode == 1
    assert f"our hooks are still in {home}/.claude/settings.json" in done.stdout
    assert (checkout / ".venv").exists()


def test_purge_removes_session_files_and_nothing_else(run, checkout, home):
    run(checkout / "install.sh")
    folder = home / ".local" / "state" / "headcount"
    day = folder / "archive" / "2026-01-31"
    day.mkdir(parents=True)
    record = '{"type":"session_metadata","session_id":"s"}\n'
    for path in (folder / "s.jsonl", day / "s.1.jsonl"):
        path.write_text(record)
    (folder / "errors.log").write_text("2026-01-31T09:00:00.000Z 0.1.0 x\n")
    (folder / "errors.log.1").write_text("another program's\n")
    (folder / "transcript.jsonl").write_text('{"type":"user"}\n')
    (folder / "copy.jsonl").write_text(record)
    (folder / "link.jsonl").symlink_to(day / "s.1.jsonl")
    done = run(checkout / "install.sh", "--uninstall", "--purge")
    assert done.returncode == 0
    assert f"removed:  2 records in {folder}; files that are not ours" in done.stdout
    assert sorted(path.name for path in folder.iterdir()) == [
        "copy.jsonl",
        "errors.log.1",
        "link.jsonl",
        "transcript.jsonl",
    ]
    assert not (checkout / ".venv").exists()


def test_manual_page_is_linked_where_man_looks_and_removed(run, checkout, home):
    link = home / ".local/share/man/man1/headcount.1"
    done = run(checkout / "install.sh")
    assert f"manual:   {link}\n" in done.stdout
    assert link.resolve() == checkout / "lib/cli/headcount.1"
    assert link.read_text().startswith(".TH HEADCOUNT 1")
    run(checkout / "install.sh", "--uninstall")
    assert not link.is_symlink()
    link.write_text("of somebody else")
    run(checkout / "install.sh")
    run(checkout / "install.sh", "--uninstall")
    assert link.read_text() == "of somebody else"


def test_uninstall_works_without_the_virtual_environment(run, checkout, home):
    run(checkout / "install.sh")
    shutil.rmtree(checkout / ".venv")
    done = run(checkout / "install.sh", "--uninstall")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (home / ".claude" / "settings.json").exists()
    assert not (home / ".local/bin/headcount").is_symlink()


# Looking only


@pytest.mark.parametrize(
    "options", [["--dry-run"], ["--print"], ["--uninstall", "--dry-run"]], ids=" ".join
)
def test_dry_run_and_print_write_nothing(run, home, tmp_path, options):
    checkout = copy_of_checkout(tmp_path / "checkout")
    for cache in checkout.rglob("__pycache__"):
        shutil.rmtree(cache)
    (home / ".claude").mkdir()
    (home / ".claude" / "settings.json").write_text("{}\n")
    before = snapshot(tmp_path)
    done = run(checkout / "install.sh", *options)
    assert done.returncode == 0
    assert ("there is no .venv yet" in done.stderr) is (options == ["--print"])
    assert snapshot(tmp_path) == before


def test_dry_run_prints_a_patch_equal_to_the_install(run, checkout, home):
    (home / ".claude").mkdir()
    target = home / ".claude" / "settings.json"
    target.write_text('{\n  "model": "opus"\n}')
    diff = run(checkout / "install.sh", "--dry-run").stdout
    patched = home / "patched.json"
    patched.write_text(target.read_text())
    if shutil.which("patch"):
        subprocess.run(["patch", "-s", str(patched)], input=diff, text=True, check=True)
        run(checkout / "install.sh")
        assert patched.read_text() == target.read_text()
    assert f"--- {target}" in diff
    assert "\\ No newline at end of file" in diff


def test_print_shows_the_example_with_the_paths_filled_in(run, checkout):
    printed = run(checkout / "install.sh", "--print", "--statusline").stdout
    example = (ROOT / "settings.example.json").read_text()
    filled = {
        event: hook_merge.synchronous(group["hooks"][0]["command"])
        for event, (group,) in json.loads(printed)["hooks"].items()
    }
    quoted = f"'{checkout}/.venv/bin/python'"
    assert all(command.startswith(quoted) for command in filled.values())
    keys = [line.partition(":")[0].strip() for line in printed.splitlines()]
    # the client on PATH need not wait for all of them
    assert keys.count('"async"') == len({*ASYNCHRONOUS} - {"Stop"})
    keys = [key for key in keys if key != '"async"']
    assert keys == [line.partition(":")[0].strip() for line in example.splitlines()]


def test_status_line_option_installs_it_and_uninstall_removes_it(run, checkout, home):
    target = home / ".claude" / "settings.json"
    run(checkout / "install.sh")
    before = target.read_bytes()
    done = run(checkout / "install.sh", "--statusline")
    assert (done.returncode, done.stderr) == (0, "")
    assert "11 hooks and the status line installed" in done.stdout
    line = json.loads(target.read_text())["statusLine"]
    assert line["type"] == "command"
    shown = run("/bin/sh", "-c", line["command"])
    assert (shown.returncode, shown.stdout, shown.stderr) == (0, "0 sessions\n", "")
    with_line = target.read_bytes()
    run(checkout / "install.sh")
    assert target.read_bytes() == with_line != before
    run(checkout / "install.sh", "--uninstall")
    assert not target.exists()


def test_install_keeps_a_foreign_status_line_and_says_so(run, checkout, home):
    (home / ".claude").mkdir()
    target = home / ".claude" / "settings.json"
    target.write_text('{"statusLine": {"type": "command", "command": "mine"}}')
    done = run(checkout / "install.sh", "--statusline")
    assert done.returncode == 0
    assert list(commands(home)) == list(SCRIPTS)
    assert json.loads(target.read_text())["statusLine"]["command"] == "mine"
    assert done.stderr == ""
    assert (
        done.stdout.count(f"`statusLine` in {target} is not ours and was not changed")
        == 1
    )
    (told,) = [x for x in done.stdout.splitlines() if x.startswith('    "statusLine":')]
    printed = run(checkout / "install.sh", "--print", "--statusline").stdout
    assert json.loads(printed)["statusLine"] == json.loads(f"{{{told}}}")["statusLine"]
    assert told in run(checkout / "install.sh", "--statusline", "--dry-run").stdout


def test_dry_run_shows_the_status_line(run, checkout, home):
    diff = run(checkout / "install.sh", "--dry-run", "--statusline").stdout
    assert '+  "statusLine": {' in diff
    assert not (home / ".claude").exists()


def test_uninstall_keeps_the_command_while_a_status_line_needs_it(
    run, checkout, home, tmp_path
):
    run(checkout / "install.sh")
    printed = run(checkout / "install.sh", "--print", "--statusline").stdout
    line = json.loads(printed)["statusLine"]
    (tmp_path / "p/.claude").mkdir(parents=True)
    (tmp_path / "p/.claude/settings.json").write_text(json.dumps({"statusLine": line}))
    done = run(checkout / "install.sh", "--uninstall", cwd=tmp_path / "p")
    assert f"our hooks are still in {tmp_path}/p/.claude/settings.json" in done.stdout
    assert (home / ".local/bin/headcount").is_symlink()


def test_help_needs_no_python_and_no_tool_but_cat(run, checkout, tools):
    for tool in tools.iterdir():
        if tool.name not in {"sh", "cat"}:
            tool.unlink()
    done = run(checkout / "install.sh", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--uninstall" in done.stdout


@pytest.mark.parametrize(
    "options",
    [["--bogus"], ["x"], ["--scope"], ["--scope", "x"], ["--purge"], ["--project"]],
    ids=" ".join,
)
def test_invalid_option_exits_2_and_writes_nothing(run, checkout, home, options):
    before = snapshot(home)
    done = run(checkout / "install.sh", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Usage: " in done.stderr
    assert snapshot(home) == before


def test_install_help_names_every_option(run, checkout):
    source = (ROOT / "install.sh").read_text()
    options = {word.rstrip(")") for word in source.split() if word.startswith("--")}
    said = run(checkout / "install.sh", "-h").stdout
    for option in (
        "--scope",
        "--project",
        "--dry-run",
        "--print",
        "--uninstall",
        "--purge",
        "--statusline",
    ):
        assert option in options
        assert option in said


# What goes wrong


def test_install_refuses_malformed_settings_before_creating_anything(
    run, home, tmp_path
):
    checkout = copy_of_checkout(tmp_path / "checkout")
    (home / ".claude").mkdir()
    target = home / ".claude" / "settings.json"
    target.write_text('{\n  "a": 1,\n}\n')
    before = snapshot(tmp_path)
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{target} is not valid JSON" in done.stderr
    assert "(line 2, column 9); nothing was changed" in done.stderr
    assert "./install.sh --print" in done.stderr
    assert snapshot(tmp_path) == before


def test_install_refuses_settings_that_the_client_would_ignore(run, home, tmp_path):
    checkout = copy_of_checkout(tmp_path / "checkout")
    (home / ".claude").mkdir()
    target = home / ".claude" / "settings.json"
    target.write_text('{"hooks": {"PreToolUse": [\n{"type": "command"}]}}')
    before = snapshot(tmp_path)
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"{target} is not valid" in done.stderr
    reason = "`hooks.PreToolUse[0].hooks` must be an array (line 2, column 1)"
    assert f"{reason}, or Claude Code ignores the whole file" in done.stderr
    assert snapshot(tmp_path) == before


def test_install_says_which_settings_turn_hooks_off(run, checkout, home):
    (home / ".claude").mkdir()
    (home / ".claude/settings.json").write_text('{"disableAllHooks": true}')
    done = run(checkout / "install.sh", cwd=checkout)
    assert done.returncode == 0
    note = f"note:     `disableAllHooks` is true in {home}/.claude/settings.json"
    assert f"{note}: no hook of Headcount's will run\n" in done.stdout


def test_install_says_which_managed_settings_turn_hooks_off(
    home, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "managed"
    folder.mkdir()
    (folder / "managed-settings.json").write_text('{"allowManagedHooksOnly": true}')
    monkeypatch.setattr(settings, "MANAGED_FOLDERS", (str(folder),))
    monkeypatch.setattr("sys.argv", ["install.sh", "install", "--dry-run"])
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    monkeypatch.chdir(home)
    assert installer.main() == 0
    file = folder / "managed-settings.json"
    assert f"`allowManagedHooksOnly` is true in {file}: no" in capsys.readouterr().out


def test_install_keeps_the_settings_if_a_hook_does_not_record(run, checkout, home):
    (checkout / "hooks" / "stop.py").write_text("raise RuntimeError('out of order')")
    done = run(checkout / "install.sh")
    assert done.returncode == 1
    assert "no `turn_close` on record: " in done.stdout
    assert "out of order" in done.stdout
    assert "2 of 11 hooks do not record; the settings were not changed" in done.stderr
    assert f"`'{checkout}/.venv/bin/headcount' doctor`" in done.stderr
    assert (checkout / ".venv" / "bin" / "headcount").exists()
    assert not (home / ".claude").exists()


def test_install_with_a_python_without_venv_names_the_fix(run, home, tmp_path, tools):
    checkout = copy_of_checkout(tmp_path / "checkout")
    real = os.readlink(tools / "python3")
    (tools / "python3").unlink()
    script(
        tools / "python3",
        f'case " $* " in *" ensurepip "*) exit 1 ;; esac\nexec "{real}" "$@"\n',
    )
    done = run(checkout / "install.sh")
    assert done.returncode == 1
    assert "sudo apt install python3-venv" in done.stderr
    assert not list(checkout.glob(".venv*"))
    assert not (home / ".claude").exists()


def test_install_without_any_python_says_so(run, checkout, tools):
    (tools / "python3").unlink()
    done = run(checkout / "install.sh")
    assert done.returncode == 1
    assert "no Python 3.10 or newer found" in done.stderr


def test_install_skips_old_pythons_and_broken_shims(run, checkout, home, tools):
    script(tools / "python3.13", "echo shim: not installed >&2; exit 127\n")
    script(tools / "python3.12", "exit 1\n")
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")


def test_install_never_uses_a_shim_or_active_virtualenv_as_base(
    run, home, tmp_path, tools
):
    checkout = copy_of_checkout(tmp_path / "checkout")
    real = Path(os.readlink(tools / "python3"))
    active = tmp_path / "active"
    venv.create(active, symlinks=True)
    (tools / "python3").unlink()
    script(
        tools / "python3",
        'case " $* " in *" ensurepip "*) exit 1 ;; esac\n'
        f'exec "{active}/bin/python" "$@"\n',
    )
    arguments = tmp_path / "arguments"
    script(tools / "uv", f'printf "%s\\n" "$@" >>"{arguments}"; exit 1\n')
    script(tools / "python3.13", "exit 1\n")
    done = run(checkout / "install.sh", VIRTUAL_ENV=str(active))
    assert done.returncode == 1
    words = arguments.read_text().splitlines()
    base = words[words.index("--python") + 1]
    assert os.path.realpath(base) == os.path.realpath(real)
    assert str(active) not in base
    assert "uv could not make the environment; trying venv and pip" in done.stderr
    assert not list(checkout.glob(".venv*"))


# The environment


def fake_uv(tools, environment):
    """Put a uv on PATH that copies a finished environment instead of fetching one."""
    return script(
        tools / "uv",
        f"""
case $1 in
  venv)
    for new; do :; done
    exec cp -a '{environment}' "$new"
    ;;
  pip)
    case " $* " in *" --require-hashes "*) ;; *) exit 3 ;; esac
    ;;
  *) exit 1 ;;
esac
""",
    )


def test_install_uses_uv_if_available(run, home, tmp_path, tools, environment):
    checkout = copy_of_checkout(tmp_path / "checkout")
    fake_uv(tools, environment)
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in checkout.glob(".venv*")] == [".venv"]
    assert len(commands(home)) == len(SCRIPTS)


def test_environment_with_other_requirements_is_replaced(
    run, checkout, home, tools, environment
):
    fake_uv(tools, environment)
    (checkout / ".venv" / "requirements.txt").write_text("old\n")
    (checkout / ".venv" / "leftover").touch()
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert not (checkout / ".venv" / "leftover").exists()
    assert [path.name for path in checkout.glob(".venv*")] == [".venv"]


def test_environment_without_its_interpreter_is_created_again(
    run, checkout, home, tools, environment
):
    fake_uv(tools, environment)
    run(checkout / "install.sh")
    (checkout / ".venv" / "bin" / "python").unlink()
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert [path.name for path in checkout.glob(".venv*")] == [".venv"]


def test_interrupted_environment_is_removed(run, home, tmp_path, tools):
    checkout = copy_of_checkout(tmp_path / "checkout")
    script(
        tools / "uv",
        'for new; do :; done\n[ "$1" = venv ] && mkdir "$new" && kill -TERM $PPID\n',
    )
    assert run(checkout / "install.sh").returncode == 1
    assert not list(checkout.glob(".venv*"))
    assert not (home / ".claude").exists()


def test_foreign_environment_is_moved_aside(run, checkout, tools, environment):
    fake_uv(tools, environment)
    (checkout / ".venv" / "requirements.txt").unlink()
    (checkout / ".venv" / "theirs").touch()
    assert run(checkout / "install.sh").returncode == 0
    (before,) = checkout.glob(".venv.before.*")
    assert (before / "theirs").exists()


@pytest.mark.skipif(
    os.environ.get("CI") != "true",
    reason="fetches from the package index; set CI=true",
)
@pytest.mark.timeout(600)  # a package index may be slow
@pytest.mark.parametrize("with_uv", [False, True], ids=["pip", "uv"])
def test_install_on_a_fresh_machine_gets_the_locked_packages(
    run, home, tmp_path, tools, with_uv
):
    if with_uv:
        found = shutil.which("uv")
        if not found:
            pytest.skip("no uv on PATH")
        (tools / "uv").symlink_to(found)
    checkout = copy_of_checkout(tmp_path / "check out")
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    python = checkout / ".venv" / "bin" / "python"
    said = run(
        python, "-I", "-c", "import filelock; print(filelock.__version__)"
    ).stdout
    assert f"filelock=={said.strip()} " in (ROOT / "requirements.txt").read_text()


# No state of the disk may block a prompt


def remove(path):
    shutil.rmtree(path) if path.is_dir() else path.unlink()


def rewrite(root, text):
    for hook in (root / "hooks").glob("*.py"):
        hook.write_text(text)


def make_unreadable(root):
    # A folder, since root may read a file of any mode.
    for hook in (root / "hooks").glob("*.py"):
        hook.unlink()
        hook.mkdir()


STATES = {
    "script-gone": lambda root: remove(root / "hooks"),
    "script-unreadable": make_unreadable,
    "script-broken": lambda root: rewrite(root, "def ("),
    "environment-gone": lambda root: remove(root / ".venv"),
    "checkout-gone": remove,
}
MORE_STATES = {
    "script-exits-2": lambda root: rewrite(root, "raise SystemExit(2)"),
    "script-killed": lambda root: rewrite(root, "import os; os.kill(os.getpid(), 9)"),
    "interpreter-gone": lambda root: remove(root / ".venv" / "bin" / "python"),
    "interpreter-unknown": lambda root: script(root / ".venv/bin/python", "exit 2"),
}


@pytest.fixture
def stand_in(tmp_path):
    """Return a function that makes a checkout with hooks that only say they ran."""

    def make(name):
        folder = tmp_path / name
        for part in ("hooks", ".venv/bin"):
            (folder / part).mkdir(parents=True)
        (folder / ".venv" / "bin" / "python").symlink_to(sys.executable)
        shutil.copy(ROOT / "settings.example.json", folder)
        for hook in set(SCRIPTS.values()):
            (folder / "hooks" / f"{hook}.py").write_text(
                f"open({str(tmp_path / 'ran')!r}, 'a').write({hook!r} + '\\n')"
            )
        return folder

    return make


@pytest.mark.parametrize("folder", FOLDERS)
def test_installed_hooks_run_from_a_checkout_of_any_name(
    run, stand_in, tmp_path, folder
):
    hooks = settings.desired_hooks(str(stand_in(folder)))
    for event in SCRIPTS:
        assert silent_success(run, "sh", hooks[event])
    for shell in SHELLS:
        assert silent_success(run, shell, hooks["Stop"])
    expected = [*SCRIPTS.values(), *["stop"] * len(SHELLS)]
    assert (tmp_path / "ran").read_text().split() == expected


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("folder", FOLDERS)
def test_installed_hooks_never_block_a_prompt_in_any_state_of_the_disk(
    run, stand_in, folder, state
):
    checkout = stand_in(folder)
    hooks = settings.desired_hooks(str(checkout))
    STATES[state](checkout)
    for shell in SHELLS:
        assert silent_success(run, shell, hooks["UserPromptSubmit"])


@pytest.mark.parametrize("state", MORE_STATES)
@pytest.mark.parametrize("shell", SHELLS)
def test_hook_that_ends_in_any_way_never_blocks_a_prompt(run, stand_in, shell, state):
    checkout = stand_in("a b")
    hooks = settings.desired_hooks(str(checkout))
    MORE_STATES[state](checkout)
    assert silent_success(run, shell, hooks["UserPromptSubmit"])


def silent_success(run, shell, group):
    done = run(shutil.which(shell), "-c", group["hooks"][0]["command"])
    return (done.returncode, done.stdout) == (0, "")


# The files as they are delivered


def test_install_script_passes_shellcheck_and_is_executable():
    assert stat.S_IMODE((ROOT / "install.sh").stat().st_mode) & 0o111 == 0o111
    assert (
        (ROOT / "install.sh").read_text().rstrip().splitlines()[-1].startswith("main ")
    )
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", str(ROOT / "install.sh")], check=True)


def test_requirements_are_all_locked_by_hash():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    entries = [line for line in lines if line and line[0] not in "# "]
    others = {"dateutil": "python-dateutil", "markdown_it": "markdown-it-py"}
    names = {others.get(name, name.replace("_", "-")) for name in PACKAGES}
    assert {entry.partition("==")[0] for entry in entries} >= names
    for number, line in enumerate(lines):
        if line in entries:
            assert "==" in line
            assert lines[number + 1].startswith("    --hash=sha256:")
