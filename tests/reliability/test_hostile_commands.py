"""Commands to paste: every shell reads them alike, whatever folders are called."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess

import pytest
from command_line import write
from support import ROOT

from lib.system import shell

NAMES = 500
# What shells, or their line editors, take for more than text; `pwned` leaves a trace.
PARTS = [
    *"""'"\\$`!;&|<>(){}[]*?~#^%=,:@-+. aé日""",
    *("$(pwned)", "`pwned`", ";pwned;", "&&pwned&&", "|pwned|", "&pwned&", "(pwned)"),
    *("\\';pwned;\\'", "'\\'';pwned;'", '";pwned;"', "\\\\", "\\'", "\\x3bpwned", "'$"),
    *(
        "!!",
        "!$",
        "!pwned",
        "$HOME",
        "~root",
        "%self",
        "=pwned",
        "{a,b}",
        "*(e:pwned:)",
    ),
    *("-P", "--", "\\n", "\\", "''", "<(pwned)", "$'\\x41'", "^a^b", "*(e:pwned:)"),
]
ENVIRONMENT = {"LC_ALL": "C.UTF-8"}
# Instead of the client, a function that says where it is and what it was asked.
POSIX = """PS1= PS2=
claude() { printf '%s\\0' "$PWD" "$@" >&3; }
"""
FISH = """function claude
    printf '%s\\0' $PWD $argv >&3
end
"""
SHELLS = {
    "bash": ("bash", "--norc"),
    "zsh": ("zsh", "-f"),
    "dash": ("dash",),
    "fish": ("fish", "--no-config"),
}
# An interactive shell, which is what people paste into, expands more: `!`, for one.
MODES = {"script": (), "interactive": ("-i",)}


def hostile_names(chance):
    """Return names that folders can have, each another one."""
    names = set()
    while len(names) < NAMES:
        names.add("".join(chance.choices(PARTS, k=chance.randrange(1, 9))))
    return sorted(names - {".", ".."})


@pytest.fixture
def paste(tmp_path):
    """Return a function that gives commands to a shell, and returns what they said.

    A command `pwned` is on its PATH, which no name may ever run.
    """
    tools, trace, said = tmp_path / "tools", tmp_path / "trace", tmp_path / "said"
    tools.mkdir()
    (tools / "pwned").write_text(f"#!/bin/sh\n: >'{trace}'\n")
    (tools / "pwned").chmod(0o755)

    def run(name, mode, commands):
        if not shutil.which(name):
            pytest.skip(f"needs {name}")
        words = [*SHELLS[name], *MODES[mode]]
        begin = FISH if name == "fish" else POSIX
        subprocess.run(
            ["sh", "-c", 'exec "$@" 3>"$0"', said, *words],
            input=begin + "".join(f"{command}\n" for command in commands),
            env={
                **ENVIRONMENT,
                "HOME": str(tmp_path),
                "PATH": f"{tools}:/usr/bin:/bin",
            },
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            check=False,
        )
        assert not trace.exists(), "a name was run as a command"
        return said.read_text(encoding="utf-8").split("\0")[:-1]

    return run


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHELLS)
def test_resume_commands_change_to_hostile_folders_and_run_nothing(
    headcount, store, tmp_path, paste, chance, figure, name, mode
):
    names = hostile_names(chance)
    folders = [str(tmp_path / "folders" / each) for each in names]
    for number, folder in enumerate(folders):
        (tmp_path / "folders").mkdir(exist_ok=True)
        os.mkdir(folder)
        write(store, f"s{number:03}", cwd=folder)
    _, out, _ = headcount("recover", "--print0")
    pasted = paste(name, mode, out.split("\0")[:-1])
    landed = dict(zip(pasted[2::3], pasted[::3], strict=True))
    assert landed == {f"s{n:03}": folder for n, folder in enumerate(folders)}
    figure(f"{name}, {mode}: {len(names)} hostile folders, none run, all reached")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", SHELLS)
def test_words_of_a_command_reach_every_shell_unchanged(paste, chance, name, mode):
    words = ["", "-n", "=pwned", "%self", "+1", *hostile_names(chance)]
    commands = [shell.command("claude", word) for word in words]
    assert paste(name, mode, commands)[1::2] == words


@pytest.mark.parametrize("name", SHELLS)
def test_undo_line_of_the_installer_undoes_in_a_hostile_project(
    run, checkout, tmp_path, name
):
    if not shutil.which(name):
        pytest.skip(f"needs {name}")
    project = tmp_path / "a\\';touch pwned;'"
    project.mkdir()
    done = run(checkout / "install.sh", "--scope", "local", "--project", project)
    (undo,) = re.findall(r"^undo: +(.*)$", done.stdout, re.MULTILINE)
    settings = project / ".claude/settings.local.json"
    assert settings.exists()
    shell, *options = SHELLS[name]
    undone = run(shutil.which(shell), *options, "-c", undo, cwd=tmp_path)
    assert undone.returncode == 0, undone.stderr
    assert not settings.exists()
    assert not list(tmp_path.rglob("pwned"))


def test_commands_to_paste_are_quoted_in_one_place():
    """`shlex` quotes for sh alone, which is what runs the commands of hooks."""
    users = set()
    for path in (ROOT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import) and node.names[0].name == "shlex":
                users.add(path.stem)
    assert users == {"plugin", "settings", "status_line"}
