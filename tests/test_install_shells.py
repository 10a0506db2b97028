"""install.sh in every shell that this machine has, with the tools of other systems."""

from __future__ import annotations

import os
import shutil

import pytest

# macOS has bash 3.2, whose rules BASH_COMPAT follows as far as a newer one can; other
# systems have one of these as sh. Options by shell, and variables.
SHELLS = {
    "bash": ((), {}),
    "bash-posix": (("--posix",), {}),
    "bash-3.2": ((), {"BASH_COMPAT": "3.2"}),
    "bash-3.2-posix": (("--posix",), {"BASH_COMPAT": "3.2"}),
    "dash": ((), {}),
    "busybox": (("sh",), {}),
    "ksh": ((), {}),
    "zsh": (("--emulate", "sh"), {}),
}
READLINK = """#!/bin/sh
case $1 in -*) echo "readlink: illegal option" >&2; exit 1 ;; esac
exec {readlink} "$1"
"""
OLD_PYTHON = """#!/bin/sh
[ "$1" != --version ] || echo "Python 3.9.6"
exit 1
"""


@pytest.fixture(params=SHELLS)
def sh(request):
    """Return the words that start the shell, and its variables."""
    program = shutil.which(request.param.split("-")[0])
    if program is None:
        pytest.skip(f"{request.param.split('-')[0]} is not installed")
    options, variables = SHELLS[request.param]
    return [program, *options], variables


@pytest.fixture
def mac(tools):
    """Give the tools what a Mac has: readlink without -f, and an old python3."""
    python, readlink = (os.path.realpath(tools / n) for n in ("python3", "readlink"))
    for name, text in (
        ("readlink", READLINK.format(readlink=readlink)),
        ("python3", OLD_PYTHON),
    ):
        (tools / name).unlink()
        (tools / name).write_text(text)
        (tools / name).chmod(0o755)
    (tools / "python3.11").symlink_to(python)
    return tools


def test_install_and_uninstall_work_in_every_shell(sh, mac, run, home, checkout):
    words, variables = sh
    settings = home / ".claude/settings.json"
    linked = home / "a link.sh"
    linked.symlink_to(os.path.relpath(checkout / "install.sh", home))

    def install(*options):
        done = run(*words, linked, *options, **variables)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        return done.stdout

    assert f"+++ {settings}" in install("--dry-run")
    assert not settings.exists()
    install()
    assert str(checkout / "hooks/stop.py") in settings.read_text()
    assert "up to date" in install()
    assert '"SessionStart"' in install("--print")
    command = run(*words, home / ".local/bin/headcount", "list", **variables)
    assert (command.returncode, command.stdout) == (0, "")
    install("--uninstall")
    assert not settings.exists()


def test_misuse_is_refused_in_every_shell(sh, mac, run, home, checkout):
    words, variables = sh
    for options in (["--nonsense"], ["--scope"], ["--scope", "x"], ["--purge"]):
        done = run(*words, checkout / "install.sh", *options, **variables)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
    assert not (home / ".claude").exists()
