"""`headcount resume` and `go` for a session that has ended: which client they start."""

from __future__ import annotations

import os

import pytest
from command_line import create, write
from support import ID

from lib.terminals import place

HERE = place.of_process(os.getpid())  # where the tests run


@pytest.fixture
def claude(tmp_path):
    """Install a stand-in for the client, which prints how it was started."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/claude"
    program.write_text(
        "#!/bin/sh\n"
        'printf "%s\\n" "$@" "in $(pwd -P)" "PWD $PWD" "config $CLAUDE_CONFIG_DIR"\n'
    )
    program.chmod(0o755)
    return f"{tmp_path}/bin:{os.environ['PATH']}"


def started(*words, folder, config=""):
    lines = [*words, f"in {folder}", f"PWD {folder}", f"config {config}"]
    return 0, "".join(f"{line}\n" for line in lines), ""


@pytest.mark.parametrize("command", ["resume", "go"])
def test_ended_session_is_resumed_in_its_folder(
    headcount, store, tmp_path, claude, command
):
    folder = tmp_path / "it's; a $(folder)"
    folder.mkdir()
    write(store, ID, cwd=str(folder), label="nightly build")
    expected = started("--resume", ID, folder=folder)
    assert headcount(command, "nightly build", PATH=claude) == expected
    assert headcount(command, ID[:8], PATH=claude, cwd="/") == expected


def test_resume_uses_the_config_folder_that_has_the_transcript(
    headcount, store, tmp_path, claude
):
    for config, given, expected in (
        (tmp_path / "other", "", tmp_path / "other"),
        (tmp_path / "other", str(tmp_path / "wrong"), tmp_path / "other"),
        (store.parent / "home/.claude", str(tmp_path / "other"), ""),
        (tmp_path / "gone", str(tmp_path / "other"), tmp_path / "other"),
    ):
        transcript = config / f"projects/-p/{ID}.jsonl"
        if config.name != "gone":
            transcript.parent.mkdir(parents=True, exist_ok=True)
            transcript.touch()
            write(store, ID, cwd=str(tmp_path), transcript_path=str(transcript))
        else:
            write(store, ID, cwd=str(tmp_path))
        more = {"CLAUDE_CONFIG_DIR": given} if given else {}
        done = headcount("resume", ID, PATH=claude, **more)
        assert done == started("--resume", ID, folder=tmp_path, config=expected)


def test_store_in_a_project_names_no_config_folder(headcount, tmp_path, claude):
    project = tmp_path / "cloned"
    transcript = project / f"config/projects/-p/{ID}.jsonl"
    transcript.parent.mkdir(parents=True)
    transcript.touch()
    write(project / "store", ID, cwd=str(project), transcript_path=str(transcript))
    done = headcount("resume", ID, PATH=claude, cwd=project, HEADCOUNT_DIR="store")
    assert done == started("--resume", ID, folder=project)


def test_resume_refuses_a_live_session_and_forks_it_with_force(
    headcount, store, tmp_path, claude
):
    create(ID, cwd=str(tmp_path))
    code, said, told = headcount("resume", ID, PATH=claude)
    assert (code, said) == (1, "")
    assert told == (
        f"headcount: {ID} is open in pid {os.getpid()}, {HERE}; `headcount go {ID}` "
        f"goes there, `headcount resume --force {ID}` resumes a fork of it\n"
    )
    forked = started("--resume", ID, "--fork-session", folder=tmp_path)
    assert headcount("resume", "--force", ID, PATH=claude) == forked


def test_force_does_not_fork_a_session_that_has_ended(
    headcount, store, tmp_path, claude
):
    write(store, ID, cwd=str(tmp_path))
    expected = started("--resume", ID, folder=tmp_path)
    assert headcount("resume", "--force", ID, PATH=claude) == expected


@pytest.mark.parametrize("command", ["resume", "go"])
def test_session_that_may_be_open_elsewhere_is_not_resumed(
    headcount, store, claude, command
):
    write(store, ID, cwd="/", host="elsewhere")
    code, said, told = headcount(command, ID, PATH=claude)
    assert (code, said) == (1, "")
    assert "may be open elsewhere: pid" in told
    assert f"`headcount resume --force {ID}` resumes a fork of it" in told


def test_session_without_a_transcript_is_not_resumed(headcount, store, claude):
    write(store, ID, cwd="/", transcript_path="/no/such.jsonl")
    code, said, told = headcount("resume", ID, PATH=claude)
    assert (code, said) == (1, "")
    assert told == (
        f"headcount: {ID} cannot be resumed: its transcript /no/such.jsonl is gone\n"
    )


def test_resume_without_a_client_on_path_says_so(headcount, store, tmp_path):
    write(store, ID, cwd="/")
    code, said, told = headcount("resume", ID, PATH=str(tmp_path))
    assert (code, said) == (1, "")
    assert told == ("headcount: `claude` is not on PATH, so nothing can be resumed\n")


def test_client_that_cannot_be_run_is_an_error(headcount, store, tmp_path, claude):
    write(store, ID, cwd=str(tmp_path))
    program = tmp_path / "bin/claude"
    program.write_text("#!/no/such/interpreter\n")
    code, said, told = headcount("resume", ID, PATH=claude)
    assert (code, said) == (1, "")
    assert told == (
        f"headcount: cannot start {program} in {tmp_path}: No such file or directory\n"
    )


def test_unreadable_session_is_not_resumed(headcount, store, claude):
    store.mkdir()
    (store / f"{ID}.jsonl").write_text("{}\n")
    code, _, told = headcount("resume", ID, PATH=claude)
    assert code == 1
    assert "holds no valid metadata, so it cannot be resumed" in told
