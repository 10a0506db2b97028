"""`headcount completion`: real shells complete commands, options and session ids."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time

import pytest
from command_line import HOSTILE, archive, create, environment, write
from support import ID

from lib.cli import completion, main, spec
from lib.store import paths as store_module
from lib.store.reader import discover

EVIL = "$(touch pwned)`touch pwned`;touch pwned|'\"\\ *{a,b}%F{red}!x " + HOSTILE
NAMES = {command.name for command in spec.COMMANDS}


def needs(shell):
    return pytest.mark.skipif(not shutil.which(shell), reason=f"there is no {shell}")


@pytest.fixture
def shell_env(store, tmp_path):
    """The environment of a shell that finds `headcount`, in a folder of its own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    command = folder / "headcount"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lib "$@"\n')
    command.chmod(0o755)
    (tmp_path / "home").mkdir()
    more = {"PATH": f"{folder}:{os.environ['PATH']}", "TERM": "xterm"}
    return {**environment(store), **more, "LC_ALL": "C.UTF-8"}


@pytest.fixture
def bash(shell_env, tmp_path):
    """Complete the last of some words in bash; return what it offers."""
    code = """
        eval "$(headcount completion bash)"
        COMP_TYPE=$1; shift
        COMP_WORDS=(headcount "$@"); COMP_CWORD=$#
        _headcount headcount "${@: -1}" ""
        printf '%s\\n' "${COMPREPLY[@]}"
    """

    def run(*words, comp_type=9):
        done = subprocess.run(
            ["bash", "--norc", "-c", code, "bash", str(comp_type), *words],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=shell_env,
            check=True,
        )
        assert done.stderr == ""
        return [line for line in done.stdout.split("\n") if line]

    return run


@pytest.fixture
def fish(shell_env, tmp_path):
    """Complete a line in fish; return what it offers, each with its description."""

    def run(line):
        code = "headcount completion fish | source; complete -C $argv[1]"
        done = subprocess.run(
            ["fish", "--no-config", "-c", code, line],
            capture_output=True,
            encoding="utf-8",
            cwd=tmp_path,
            env=shell_env,
            check=True,
        )
        assert done.stderr == ""
        return dict(row.partition("\t")[::2] for row in done.stdout.split("\n") if row)

    return run


class Terminal:
    """A shell at work on a terminal."""

    def __init__(self, command, env, cwd):
        self._pid, self._descriptor = pty.fork()
        if not self._pid:
            os.chdir(cwd)
            os.execvpe(command[0], command, env)
        self.seen = ""

    def type(self, text):
        os.write(self._descriptor, text.encode())

    def read_until(self, pattern):
        """Return what the screen showed since the last time, up to *pattern*."""
        deadline = time.monotonic() + 30
        while not (found := re.search(pattern, self.seen)):
            assert time.monotonic() < deadline, (pattern, self.seen)
            if select.select([self._descriptor], [], [], 0.2)[0]:
                read = os.read(self._descriptor, 65_536).decode(errors="replace")
                self.seen += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[=>])", "", read)
        shown, self.seen = self.seen[: found.end()], self.seen[found.end() :]
        return shown

    def end(self):
        os.close(self._descriptor)
        os.waitpid(self._pid, 0)


@pytest.fixture
def on_terminal(shell_env, tmp_path):
    started = []

    def start(*command):
        started.append(Terminal(command, shell_env, tmp_path))
        return started[-1]

    yield start
    for terminal in started:
        terminal.end()


# ---- what it prints -------------------------------------------------------------


def test_completion_requires_a_shell(headcount):
    for words in ([], ["tcsh"]):
        code, out, err = headcount("completion", *words)
        assert (code, out) == (2, "")
        assert "bash" in err


@pytest.fixture
def complete(headcount):
    """Return what `--complete` prints for some words: values and descriptions."""

    def run(*words):
        code, out, err = headcount("completion", "--complete", *words)
        assert (code, err) == (0, "")
        return dict(line.split("\t") for line in out.splitlines())

    return run


def test_candidates_are_every_command_and_every_option_with_its_help(complete):
    summaries = {command.name: command.summary for command in spec.COMMANDS}
    assert complete("") == complete() == summaries
    for command in spec.COMMANDS:
        helps = {name: each.help for each in command.options for name in each.names}
        offered = complete(command.name, "-")
        assert offered.items() >= helps.items()
        assert offered.keys() - helps == {"-h", "--help"}


def test_candidates_for_a_value_are_its_choices_only(complete):
    assert complete("watch", "--until", "w") == {"waiting": ""}
    assert complete("watch", "--until=w") == {"--until=waiting": ""}
    assert complete("watch", "--until", "=") == complete("watch", "--until", "=", "")
    assert set(complete("--here", "--sort", "")) == {
        *("state", "age", "heartbeat", "label", "where")
    }
    assert complete("help", "restor") == {
        "restore": "bring sessions back from the archive"
    }
    assert complete("report", "--html", "x") == {":file": ""}
    assert complete("report", "--html=x") == {":file": ""}
    assert complete("show", "--entries", "-") == complete("nope", "-") == {}
    assert "--follow" in complete("tail", "--", "--")


def test_candidates_for_an_id_are_an_id_a_tab_and_plain_words(headcount, store):
    create(label=EVIL * 3, state="busy")
    archive(store, "gone-one", cwd="/srv/shop")
    (store / "$(touch pwned).jsonl").write_text("{}")
    (store / "-rf.jsonl").write_text("{}")
    code, out, err = headcount("completion", "--complete", "show", "")
    assert (code, err) == (0, "")
    first, second = out.removesuffix("\n").split("\n")
    assert first.startswith(f"{ID}\tbusy, $(touch")
    assert len(first) < 110
    assert first.replace("\t", "").isprintable()
    assert second == "gone-one\tarchived, /srv/shop"


@needs("shellcheck")
def test_bash_script_passes_shellcheck(headcount):
    done = subprocess.run(
        ["shellcheck", "-s", "bash", "-"],
        input=headcount("completion", "bash")[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        pytest.param(["show"], "live dead gone damaged nightly", id="show"),
        pytest.param(["label"], "live dead gone nightly", id="label"),
        pytest.param(["append"], "live dead gone nightly", id="append"),
        pytest.param(["rm"], "dead gone", id="rm"),
        pytest.param(["rm", "dead"], "dead gone", id="rm-another"),
        pytest.param(["restore"], "gone", id="restore"),
        pytest.param(["restore", "--"], "gone", id="restore-after-dashes"),
    ],
)
def test_candidates_for_a_session_are_those_that_the_command_accepts(
    complete, store, words, ids
):
    create("live", label="nightly")
    write(store, "dead", label="two words")
    archive(store, "gone", label="old")
    (store / "damaged.jsonl").write_text("not json\n")
    assert set(complete(*words, "")) == set(ids.split())


def test_candidates_have_no_name_that_two_sessions_share(complete):
    create("one", label="nightly")
    create("two", label="nightly")
    create("three", label="weekly")
    assert set(complete("show", "")) == {"one", "two", "three", "weekly"}
    assert complete("show", "we") == {"weekly": "idle, three"}


def test_candidates_for_a_list_of_values_come_after_each_comma(complete):
    assert complete("list", "--state", "busy,wa") == {"busy,waiting": ""}
    assert "busy,busy" not in complete("list", "--state", "busy,")
    assert complete("list", "--columns=id,bra") == {"--columns=id,branch": ""}


def test_candidate_ids_stop_after_the_archived_day_that_reaches_the_limit(
    store, monkeypatch, capsys
):
    monkeypatch.setattr(completion, "MAX_SESSIONS", 2)
    create("living")
    day = archive(store, "gone-one").parent
    archive(store, "gone-two")
    monkeypatch.setattr(store_module, "archive_folders", lambda: [str(day), "/nowhere"])
    read = []
    monkeypatch.setattr(
        completion.reader,
        "discover",
        lambda folder, *more: read.append(folder) or discover(folder, *more),
    )
    assert main.main(["completion", "--complete", "show", ""]) == 0
    assert [line.split("\t")[0] for line in capsys.readouterr().out.splitlines()] == [
        *("living", "gone-one", "gone-two")
    ]
    assert read == [str(store), str(day)]


# ---- bash -----------------------------------------------------------------------


@needs("bash")
def test_bash_completes_commands_options_choices_and_files(bash, tmp_path):
    (tmp_path / "x y.html").touch()
    assert bash("sho") == ["show"]
    assert set(bash("")) == NAMES
    assert bash("cleanup", "--d") == ["--dry-run"]
    assert bash("--he") == ["--here", "--help"]
    assert bash("--here", "--j") == ["--json"]
    assert bash("completion", "") == ["bash", "zsh", "fish"]
    assert bash("cleanup", "--older-than", "") == []
    assert bash("cleanup", "--older-than", "=", "12h", "--d") == ["--dry-run"]
    assert bash("report", "--html", "=", "x y") == ["x y.html"]
    assert bash("report", "--html", "bi") == ["bin"]
    assert bash("nope", "") == bash("nope", "--x") == []


@needs("bash")
def test_bash_completes_ids_where_they_belong(bash, store):
    create()
    archive(store, "gone-one")
    assert bash("show", "") == [ID, "gone-one"]
    assert bash("show", ID[:3]) == [ID]
    assert bash("rm", "--force", ID, "go") == ["gone-one"]
    assert bash("show", ID, "") == []
    assert bash("append", ID, "") == []


@needs("bash")
def test_bash_shows_labels_only_in_a_list_and_never_evaluates_them(
    bash, store, tmp_path
):
    create("6f2a-one", label=EVIL)
    create("6f2a-two", label="nightly build")
    assert bash("show", "6f") == ["6f2a-one", "6f2a-two"]
    shown = bash("show", "6f", comp_type=63)
    assert shown[1] == "6f2a-two  idle, nightly build"
    assert shown[0].startswith("6f2a-one  idle, $(touch pwned)`touch")
    assert not list(tmp_path.rglob("pwned"))


@needs("bash")
def test_bash_on_a_terminal_puts_no_label_on_the_line(on_terminal, tmp_path):
    create("6f2a-one", label=EVIL)
    create("6f2a-two", label=EVIL)
    bash = on_terminal("bash", "--norc", "-i")
    bash.type("PS1='ready> '; bind 'TAB: menu-complete'\n")
    bash.type('eval "$(headcount completion bash)"; echo sou""rced\n')
    bash.read_until("sourced\r")
    bash.type("headcount show 6f2\t")
    seen = bash.read_until("6f2a-one")
    bash.type("\t")
    seen += bash.read_until("two")
    bash.type("\x15echo d''one\n")
    seen += bash.read_until("done\r")
    assert "touch" not in seen
    assert not list(tmp_path.rglob("pwned"))


@needs("bash")
@pytest.mark.parametrize("option", ["--html ", "--html="], ids=["word", "equals"])
def test_bash_on_a_terminal_quotes_the_name_of_a_file(on_terminal, tmp_path, option):
    (tmp_path / "x $(touch pwned).html").touch()
    bash = on_terminal("bash", "--norc", "-i")
    bash.type('eval "$(headcount completion bash)"; echo sou""rced\n')
    bash.read_until("sourced\r")
    bash.type(f"headcount report {option}x\t")
    bash.read_until(re.escape(r"x\ \$\(touch\ pwned\).html"))
    bash.type("\x15echo d''one\n")
    bash.read_until("done\r")


# ---- zsh ------------------------------------------------------------------------


@needs("zsh")
def test_zsh_completes_commands_options_and_ids_with_labels(on_terminal, tmp_path):
    create("6f2a-one", label=EVIL)
    create("6f2a-two", label="nightly build")
    (tmp_path / "x y.html").touch()
    zsh = on_terminal("zsh", "-f", "-i")
    zsh.type("PS1='ready> '; unsetopt beep; stty columns 200\n")
    zsh.type("autoload -U compinit && compinit -D -u\n")
    zsh.type('eval "$(headcount completion zsh)"; echo sou""rced\n')
    zsh.read_until("sourced\r")
    zsh.type("headcount clea\t")
    zsh.read_until("headcount cleanup ")
    zsh.type("--dr\t")
    zsh.read_until("--dry-run ")
    zsh.type("\x15headcount completion fi\t")
    zsh.read_until("completion fish ")
    zsh.type("\x15headcount show 6f\t\t")
    shown = zsh.read_until("6f2a-two  -- idle, nightly build")
    assert "6f2a-one  -- idle, $(touch pwned)`touch" in shown
    for option in ("--html ", "--html="):
        zsh.type(f"\x15headcount report {option}x\t")
        zsh.read_until(re.escape(rf"{option}x\ y.html"))
    zsh.type("\x15headcount watch --until=wai\t")
    zsh.read_until("--until=waiting ")
    zsh.type("\x15echo d''one\n")
    zsh.read_until("done\r")
    assert not list(tmp_path.rglob("pwned"))


@needs("zsh")
def test_zsh_autoloads_the_script_from_fpath(on_terminal, headcount, tmp_path):
    (tmp_path / "_headcount").write_text(headcount("completion", "zsh")[1])
    zsh = on_terminal("zsh", "-f", "-i")
    zsh.type(f"fpath=({tmp_path} $fpath); autoload -U compinit && compinit -D -u\n")
    zsh.type("echo r''eady\n")
    zsh.read_until("ready\r")
    zsh.type("headcount doct\t")
    zsh.read_until("headcount doctor ")


# ---- fish -----------------------------------------------------------------------


@needs("fish")
def test_fish_completes_commands_options_choices_and_files(fish, tmp_path):
    assert fish("headcount sho") == {"show": fish("headcount ")["show"]}
    assert set(fish("headcount ")) == NAMES
    assert set(fish("headcount cleanup --")) == {
        *("--dry-run", "--older-than", "--keep-days", "--json", "--help")
    }
    assert "--here" in fish("headcount --")
    assert "--json" in fish("headcount --here --")
    assert set(fish("headcount completion ")) == {"bash", "zsh", "fish"}
    assert fish("headcount cleanup --older-than ") == {}
    assert set(fish("headcount watch --until=w")) == {"--until=waiting"}
    (tmp_path / "x y.html").touch()
    assert set(fish("headcount report --html bi")) == {"bin/"}
    assert set(fish("headcount report --html=bi")) == {"--html=bin/"}
    assert set(fish(r"headcount report --html x\ ")) == {"x y.html"}


@needs("fish")
def test_fish_completes_ids_with_labels_and_never_evaluates_them(fish, store, tmp_path):
    create("6f2a-one", label=EVIL)
    create("6f2a-two", label="nightly build")
    found = fish("headcount show 6f")
    assert found["6f2a-two"] == "idle, nightly build"
    assert found["6f2a-one"].startswith("idle, $(touch pwned)`touch")
    write(store, "6f2a-old")
    assert set(fish("headcount rm -f 6f2a-one 6f")) == {"6f2a-old"}
    assert fish("headcount show 6f2a-one ") == {}
    assert not list(tmp_path.rglob("pwned"))
