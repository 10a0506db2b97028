"""`install.sh` in other places: linked, shared, mounted read-only or noexec."""

from __future__ import annotations

import os
import re
import shutil

import pytest
from installing import copy_of_checkout
from support import SCRIPTS

needs_mounts = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("unshare"),
    reason="mounting needs root and unshare",
)
MOUNT = 'mount --bind "$1" "$1" && mount -o "remount,bind,$2" "$1" && shift 2 && '


@pytest.fixture
def run_mounted(run):
    """Return a function that runs a command with *folder* mounted with *options*."""

    def run_mounted(folder, options, *words, **variables):
        path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
        mount = shutil.which("mount", path=path)
        script = MOUNT.replace("mount -", f"{mount} -") + 'exec "$@"'
        unshare = [shutil.which("unshare"), "-m", "sh", "-c", script, "sh"]
        return run(*unshare, folder, options, *words, **variables)

    return run_mounted


@pytest.mark.parametrize("name", ["install.sh", "again"])
def test_install_works_through_symbolic_links(run, checkout, home, name):
    (home / "bin").mkdir()
    (home / "bin/first").symlink_to(checkout / "install.sh")
    (home / name).symlink_to("bin/first")
    done = run("sh", name, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    link = home / ".local/bin/headcount"
    assert os.readlink(link) == f"{checkout}/.venv/bin/headcount"
    undone = run(home / name, "--uninstall")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert not link.is_symlink()


@needs_mounts
def test_install_works_in_a_shared_checkout_that_is_read_only(
    run, run_mounted, checkout, home
):
    owner = home / "owner"
    owner.mkdir()
    assert run(checkout / "install.sh", HOME=str(owner)).returncode == 0
    done = run_mounted(checkout, "ro", checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert (home / ".claude/settings.json").exists()
    uninstall = [checkout / "install.sh", "--uninstall", "--purge"]
    undone = run_mounted(checkout, "ro", *uninstall)
    assert (undone.returncode, undone.stderr) == (0, "")
    assert f"\nkept:     {checkout}/.venv\n" in undone.stdout


@needs_mounts
def test_install_asks_for_the_owner_of_a_read_only_checkout_with_an_old_command(
    run_mounted, checkout, home
):
    command = checkout / ".venv/bin/headcount"
    command.write_text("old\n")
    done = run_mounted(checkout, "ro", checkout / "install.sh")
    assert done.returncode == 1
    assert f"install.sh: cannot write to {checkout}/.venv/" in done.stderr
    assert "its owner must run install.sh first\n" in done.stderr
    assert not (home / ".claude").exists()


@needs_mounts
def test_install_asks_for_the_owner_of_a_read_only_checkout_without_packages(
    run_mounted, tmp_path, home
):
    checkout = copy_of_checkout(tmp_path / "checkout")
    done = run_mounted(checkout, "ro", checkout / "install.sh")
    assert done.returncode == 1
    assert done.stderr == (
        f"install.sh: {checkout} has no .venv that is up to date, and you may not "
        "write there. Its owner must run install.sh first; after that everyone can\n"
    )
    assert not (home / ".claude").exists()


@needs_mounts
def test_install_on_a_noexec_mount_says_that_only_the_command_cannot_run(
    run_mounted, checkout, home
):
    (psutil,) = checkout.glob(".venv/lib/python*/site-packages/psutil")
    library = psutil.resolve()
    psutil.unlink()
    shutil.copytree(library, psutil)  # its shared library cannot be loaded from there
    done = run_mounted(checkout, "noexec", "sh", checkout / "install.sh")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{checkout} is mounted noexec; the hooks can" in done.stdout
    assert done.stdout.count(" ms") == len(SCRIPTS)
    (line,) = re.findall(r"Instead of it, use: (.*)", done.stdout)
    listed = run_mounted(checkout, "noexec", "sh", "-c", f"{line} list --json")
    assert (listed.returncode, listed.stdout) == (0, '{"v": 1, "sessions": []}\n')


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--statusline"], "--statusline"),
        (["--uninstall", "--purge"], "--uninstall --purge"),
        (["--scope=local", "--project={}"], "--scope local --project {}"),
    ],
    ids=["install", "purge", "local"],
)
def test_install_with_sudo_in_the_home_of_another_user_is_refused(
    run, tmp_path, home, options, advice
):
    checkout = copy_of_checkout(tmp_path / "checkout")
    project = tmp_path / "project"
    project.mkdir()
    options, advice = [o.format(project) for o in options], advice.format(project)
    if os.geteuid() == 0:
        os.chown(home, 1234, 1234)
    theirs = home if os.geteuid() == 0 else "/"
    done = run(checkout / "install.sh", *options, HOME=str(theirs), SUDO_USER="ada")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"install.sh: sudo runs this as another user, in {theirs}; nothing was "
        f"changed. Run it without sudo, as ada: {checkout}/install.sh {advice}\n"
    )
    assert not list(checkout.glob(".venv*"))
    assert list(home.iterdir()) == list(project.iterdir()) == []


def test_install_as_root_in_the_home_of_another_user_is_refused_without_sudo(
    run, tmp_path, home
):
    if os.geteuid() != 0:
        pytest.skip("needs root to make a home of another user")
    checkout = copy_of_checkout(tmp_path / "checkout")
    os.chown(home, 1234, 1234)
    done = run(checkout / "install.sh")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"this runs as another user, in {home}; nothing was changed" in done.stderr
    assert f"Run it as user 1234: {checkout}/install.sh\n" in done.stderr
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("scope", ["project", "local"])
def test_install_as_root_in_the_project_of_another_user_is_refused(
    run, tmp_path, home, scope
):
    if os.geteuid() != 0:
        pytest.skip("needs root to make a project of another user")
    checkout = copy_of_checkout(tmp_path / "checkout")
    project = tmp_path / "project"
    project.mkdir()
    os.chown(project, 1234, 1234)
    done = run(checkout / "install.sh", f"--scope={scope}", f"--project={project}")
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        f"{project} belongs to user 1234, not you; nothing was changed" in done.stderr
    )
    assert list(project.iterdir()) == []
    assert not list(checkout.glob(".venv*"))


def test_install_with_sudo_in_the_home_of_its_own_user_works(run, checkout):
    done = run(checkout / "install.sh", "--dry-run", SUDO_USER="ada")
    assert (done.returncode, done.stderr) == (0, "")


def test_install_says_that_it_replaces_hooks_of_a_checkout_that_works(
    run, checkout, environment, tmp_path, home
):
    other = copy_of_checkout(tmp_path / "other", environment)
    path = home / ".claude/settings.json"
    assert "note:" not in run(other / "install.sh").stdout
    note = f"note:     {path} has hooks of {other}, which work. Those of\n"
    assert run(checkout / "install.sh", "--dry-run").stdout.count(note) == 1
    assert run(checkout / "install.sh").stdout.count(note) == 1
    assert "note:" not in run(checkout / "install.sh").stdout
    shutil.rmtree(checkout / "hooks")
    assert "note:" not in run(other / "install.sh", "--dry-run").stdout


def test_install_says_what_comes_next(run, checkout):
    done = run(checkout / "install.sh")
    assert "next:     run `headcount list` while a session is open." in done.stdout
    assert "recorded from their next prompt\n" in done.stdout


def test_install_with_only_an_old_python_names_its_version(run, checkout, tools):
    python = tools / "python3"
    python.unlink()
    python.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.6\n')
    python.chmod(0o755)
    done = run(checkout / "install.sh")
    assert done.returncode == 1
    assert "no Python 3.10 or newer found" in done.stderr
    assert "; python3 is 3.9.6. Install a newer one" in done.stderr


def test_command_without_its_interpreter_says_how_to_repair_it(run, checkout, home):
    run(checkout / "install.sh")
    python = checkout / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nowhere/python3")
    done = run(home / ".local/bin/headcount", "list")
    assert (done.returncode, done.stdout) == (1, "")
    assert f"headcount: {python} cannot be run.\n" in done.stderr
    assert f"To repair it: sh '{checkout}/install.sh'\n" in done.stderr


def test_install_prints_no_escape_sequence_of_a_path(run, home, tmp_path, environment):
    checkout = copy_of_checkout(tmp_path / "esc\x1b[31m\x9b2J\r", environment)
    project = tmp_path / "project\x1b]0;title\x07"
    project.mkdir()
    for words in (
        ["--scope", "local", "--project", project, "--dry-run"],
        ["--scope", "local", "--project", project],
        ["--print"],
        ["--scope", "local", "--project", project, "--uninstall", "--purge"],
        ["--unknown\x1b[31m"],
        ["--project", tmp_path / "gone\x1b[31m"],
    ):
        done = run(checkout / "install.sh", *words)
        said = done.stdout + done.stderr
        assert said
        assert not {"\x1b", "\x9b", "\x07", "\r"} & set(said), words


def test_command_in_a_hostile_folder_prints_no_escape_sequence(
    run, tmp_path, environment
):
    checkout = copy_of_checkout(tmp_path / "it's esc\x1b[31m\x9b2J", environment)
    run(checkout / "install.sh")
    (checkout / ".venv/bin/python").unlink()
    done = run(checkout / ".venv/bin/headcount")
    assert (done.returncode, done.stdout) == (1, "")
    assert "To repair it: run install.sh there again" in done.stderr
    assert not {"\x1b", "\x9b"} & set(done.stderr)
