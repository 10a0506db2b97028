"""Help that is enough to find everything, and hints for words that mean nothing."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from command_line import environment
from support import ID, ROOT

from lib.cli import help_page, main, parser, spec, suggest
from lib.cli.spec.argument import GROUPS
from lib.cli.terminal.width import width


def test_help_has_commands_by_purpose_examples_codes_and_environment(headcount):
    code, out, err = headcount("--help")
    assert (code, err) == (0, "")
    assert headcount("help") == headcount("-h") == (code, out, err)
    for group in GROUPS:
        section = out.split(f"\n\n{group}\n")[1].split("\n\n")[0]
        named = re.findall(r"^    ([a-z]+) ", section, re.MULTILINE)
        assert named == [one.name for one in spec.COMMANDS if one.group == group]
        assert named
    for name in ("DIR", "TTL_HOURS", "QUIET"):
        assert f"    HEADCOUNT_{name} " in out
    assert "    NO_COLOR " in out
    for number in (main.FAILED, main.USAGE, main.NOT_FOUND, main.AMBIGUOUS):
        assert f"\n    {number}  " in out


def test_commands_are_all_in_a_group_of_the_help():
    assert {command.group for command in spec.COMMANDS} == set(GROUPS)


def test_help_examples_all_parse():
    shown = [line.removeprefix("$ ") for line, _ in help_page.EXAMPLES]
    assert len(shown) == 6
    for command in spec.COMMANDS:
        shown += command.examples
    for example in shown:
        for call in re.findall(r"headcount[^|&)]*", example):
            words = shlex.split(call, comments=True)[1:]
            if "xargs" in example.partition(call)[0]:
                words.append(ID)
            parser.parse([word.strip('"') for word in words])


def test_help_fits_the_terminal(terminal):
    for columns in (80, 60):
        assert max(map(width, terminal("--help", columns=columns).split("\n"))) <= 80


@pytest.mark.parametrize("name", spec.NAMES)
def test_help_command_equals_the_help_option(headcount, name):
    code, out, err = headcount("help", name)
    assert (code, err) == (0, "")
    assert headcount(name, "--help") == (0, out, "")
    assert re.search("^Examples?:\n  .*headcount", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        pytest.param(["lst"], "did you mean list?", id="command"),
        pytest.param(["SHOW"], "did you mean show?", id="capitals"),
        pytest.param(["clean"], "did you mean cleanup?", id="beginning"),
        pytest.param(["help", "shwo"], "did you mean show?", id="help"),
        pytest.param(["6f2a1b3c"], "did you mean `headcount show 6f2a1b3c`?", id="id"),
        pytest.param(["list", "--al"], "did you mean --all?", id="option"),
        pytest.param(["--heer"], "did you mean --here?", id="of-the-default"),
        pytest.param(
            ["cleanup", "--dryrun=" + "x" * 60], "mean --dry-run?", id="with-value"
        ),
        pytest.param(["completion", "fsh"], "did you mean fish?", id="choice"),
    ],
)
def test_mistyped_command_gets_a_hint(headcount, words, hint):
    code, out, err = headcount(*words)
    assert (code, out) == (2, "")
    assert f"({hint})" in err or hint in err
    assert "--help`" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        pytest.param(["delete", "x"], "headcount rm", id="delete"),
        pytest.param(["rename", "x", "y"], "headcount label", id="rename"),
        pytest.param(["ps"], "headcount list", id="ps"),
        pytest.param(["logs", "x"], "headcount tail", id="logs"),
        pytest.param(["search", "x"], "headcount list PATTERN", id="search"),
        pytest.param(["open", "x"], "headcount go", id="open"),
        pytest.param(["attach", "x"], "headcount go", id="attach"),
        pytest.param(["version"], "headcount --version", id="version"),
        pytest.param(["list", "--label", "x"], "headcount list PATTERN", id="--label"),
        pytest.param(["kill", "x"], None, id="kill"),
        pytest.param(["list", "--verbose"], None, id="--verbose"),
    ],
)
def test_word_of_another_tool_gets_the_right_hint_or_none(headcount, words, hint):
    code, out, err = headcount(*words)
    assert (code, out) == (2, "")
    assert re.findall(r"did you mean `?([^`?]+)", err) == ([hint] if hint else [])


def test_every_hint_names_a_command_that_exists():
    hints = {*suggest._COMMANDS.values(), *suggest._OPTIONS.values()} - {None}
    assert {hint.split()[0] for hint in hints} <= {*spec.NAMES, "--version"}


@pytest.mark.parametrize(
    "word",
    [
        "zzzz",
        pytest.param("\x1b[31m", id="control"),
        pytest.param("x" * 100_000, id="long"),
        "$(rm -rf x)7",
    ],
)
def test_unrelated_word_gets_no_hint(headcount, word):
    code, _, err = headcount(word)
    assert code == 2
    assert "did you mean" not in err
    assert len(err) < 200
    assert err.rstrip("\n").isprintable()


def test_help_into_a_pipe_that_closes_is_quiet(store):
    for words in ("--help", "help list", "list --help"):
        script = f'"$0" -m lib {words} | true; echo "${{PIPESTATUS[0]}}"'
        done = subprocess.run(
            ["bash", "-c", script, sys.executable],
            env=environment(store),
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr == ""
        assert done.stdout.strip() in {"0", "141"}


def test_hints_are_not_imported_by_a_valid_command(store):
    code = (
        "import sys; from lib.cli import main; main.main(['list'])\n"
        "print({'difflib', 'lib.cli.suggest', 're'} & set(sys.modules))"
    )
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}",
        ],
        env=environment(store),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "difflib" not in done.stdout


# ---- The manual page -------------------------------------------------------------


def test_manual_page_is_up_to_date(headcount):
    """If not: `headcount help --man > lib/cli/headcount.1`."""
    assert headcount("help", "--man")[1] == (ROOT / "lib/cli/headcount.1").read_text()


@pytest.mark.skipif(not shutil.which("man"), reason="there is no man")
def test_manual_page_shows_every_command_option_and_example():
    done = subprocess.run(
        ["man", "--warnings", "-l", str(ROOT / "lib/cli/headcount.1")],
        env={"PATH": os.environ["PATH"], "MANWIDTH": "200", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    shown = " ".join(done.stdout.split())
    for command in spec.COMMANDS:
        assert f"headcount {command.name}" in shown
        for argument in command.arguments:
            assert " ".join(argument.help.split()) in shown
            assert all(f"{name}" in shown for name in argument.names if name[0] == "-")
