"""`headcount recover` from outside: what ended uncleanly, and what resumes it."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
from command_line import DAY, HOSTILE, archive, create, write
from support import DEAD_PID, ID

from lib import sessions
from lib.record import timestamps
from lib.system import machine, process

OTHER = "0aa1f931-8a2e-4bc2-841e-e420ad80648c"
BOOT_1, BOOT_2 = "11111111-676f-4468-8972-769073bebbbc", "2" * 36


def ago(seconds):
    stamp = timestamps.from_epoch(time.time() - seconds)
    return {"start_time": stamp, "last_heartbeat": stamp}


def of_boot(boot=None):
    kind, ours, *rest = process.fingerprint(os.getpid()).split(":")
    known = ":".join([kind, boot or ours, *rest[:-2], str(DEAD_PID), "99"])
    return {"process": known, "host": process.host_name()}


def add(path, kind, **fields):
    entry = {"type": kind, "session_id": path.name.split(".")[0], **fields}
    with path.open("a") as file:
        stamp = timestamps.from_epoch(time.time())
        file.write(json.dumps({"timestamp": stamp, **entry}) + "\n")


@pytest.fixture
def recovered(headcount):
    """The ids that are listed, in order."""

    def run(*words, **more):
        code, said, _ = headcount("recover", "--json", *words, **more)
        assert code == 0
        return [session["session_id"] for session in json.loads(said)["sessions"]]

    return run


def test_recover_lists_interrupted_sessions_but_not_live_or_closed_ones(
    recovered, store
):
    create("lives")
    write(store, "died")
    sessions.close_session(create("closed"))
    add(write(store, "replaced"), "session_close", reason="replaced")
    assert recovered() == ["died"]


def test_recover_lists_interrupted_sessions_in_the_archive(recovered, store):
    archive(store, "died")
    path = write(store, "closed")
    add(path, "session_close", reason="clear")
    sessions.archive_session(path)
    assert recovered() == ["died"]


def test_recover_omits_a_resumed_session(recovered, store):
    archive(store, ID)
    sessions.resume_session(ID, source="resume")
    assert recovered() == []


def test_recover_goes_by_the_newest_of_several_archived_files(recovered, store):
    archive(store, ID, **ago(DAY))
    path = write(store, ID)
    add(path, "session_close")
    sessions.archive_session(path)
    assert recovered() == []


def test_recover_omits_a_session_continued_in_another(recovered, store):
    write(store, "left", **ago(60))
    write(store, "next", previous_session_id="left")
    assert recovered() == ["next"]


def test_recover_lists_an_interrupted_session_that_was_left_and_returned_to(
    recovered, store
):
    write(store, "returned", previous_session_id="between")
    write(store, "between", previous_session_id="returned", **ago(60))
    assert recovered() == ["returned"]


def test_recover_omits_sessions_whose_process_still_runs(recovered, store):
    known = {"pid": os.getpid(), "process": process.fingerprint(os.getpid())}
    write(store, "silent", **known, **ago(2 * DAY))
    assert recovered() == []


@pytest.fixture
def unseen(store):
    """Sessions of a container and of two machines, recent and old, all resumable."""
    kind, boot, namespace, *_ = process.fingerprint(os.getpid()).split(":")
    inside = f"{kind}:{boot}:{int(namespace) + 1}:7:99"
    write(store, "container", process=inside, **ago(60))
    write(store, "machine", host="far", machine="f" * 32, **ago(120))
    write(store, "silent", host="far", machine="f" * 32, **ago(2 * DAY))
    write(store, "ended", **ago(180))


def test_recover_lists_what_cannot_be_judged_last(headcount, recovered, unseen):
    _, out, err = headcount("recover")
    lines = [line for line in out.splitlines() if line and line[:4] != "    "]
    assert [line.split(",")[0] for line in lines if line[0] != " "] == [
        "of an unknown boot",
        *["cannot be judged from here"] * 2,
    ]
    assert [line.split()[1] for line in lines if line[0] == " "] == [
        *("ended", "containe", "machine", "silent")
    ]
    kind = "machine" if machine.machine_id() else "host"  # containers have no id
    assert f"cannot be judged from here, on another {kind}, far, until " in out
    assert err == ""
    assert sorted(recovered()) == ["container", "ended", "machine", "silent"]


def test_print0_leaves_out_what_may_still_be_open_and_counts_it(headcount, unseen):
    _, out, err = headcount("recover", "--print0")
    assert out == "claude --resume ended\0claude --resume silent\0"
    assert err == "headcount: left out: 2 sessions that may still be open elsewhere\n"


def test_recover_groups_sessions_by_boot_newest_first(headcount, store):
    write(store, "earlier", **of_boot(BOOT_1), **ago(3 * DAY))
    write(store, "before", **of_boot(BOOT_2), **ago(2 * DAY))
    write(store, "before-too", **of_boot(BOOT_2), **ago(2 * DAY + 60))
    write(store, "now", **of_boot(), **ago(60))
    write(store, "by-number", **ago(4 * DAY))
    write(store, "abroad", host="far", process="linux:x:1:5:6", **ago(5 * DAY))
    code, said, _ = headcount("recover", TZ="UTC")
    titles = [line for line in said.splitlines() if line[:1].strip()]
    words = [title.partition(" 20")[0] for title in titles]
    assert code == 0
    assert words == [
        "since the last boot,",
        "before the reboot of",
        "of an earlier boot, until",
        "of an unknown boot, until",
        "cannot be judged from here, on another host, far, until",
    ]
    booted = time.time() - process.uptime()
    near = [
        time.strftime("%Y-%m-%d %H:%M", time.gmtime(booted + shift))
        for shift in (-60, 0, 60)
    ]
    assert titles[0].split(", ")[1] in near
    assert titles[1].removeprefix("before the reboot of ") in near
    shown = [x.split()[1] for x in said.splitlines() if x[:2] == "  " != x[2:4]]
    assert shown[:4] == ["now", "before", "before-t", "earlier"]


def test_recover_shows_state_folder_and_resume_command(headcount, store):
    path = write(store, ID, cwd="/it's/gone", label="publish", **ago(3700))
    add(path, "heartbeat", state="waiting", timestamp=ago(3700)["start_time"])
    _, said, _ = headcount("recover")
    first, second = said.splitlines()[1:]
    assert first.split("  ")[1:] == [
        *("waiting", ID[:8], "publish", "/it's/gone", "1 h ago", "(its folder is gone)")
    ]
    assert second == f"    claude --resume {ID}"


def test_recover_omits_old_and_scripted_sessions_and_counts_them(
    headcount, recovered, store
):
    write(store, "script", entrypoint="sdk-cli")
    write(store, "empty", transcript_path="/nowhere/x.jsonl")
    write(store, "old", **ago(8 * DAY))
    write(store, "wanted", entrypoint="cli", transcript_path=__file__)
    assert recovered() == ["wanted"]
    assert sorted(recovered("--all")) == ["empty", "old", "script", "wanted"]
    assert recovered("--since", "9d") == ["wanted", "old"]
    _, _, words = headcount("recover")
    assert "1 run by a script (claude -p)" in words
    assert "1 without a transcript to resume" in words
    assert "1 with the last heartbeat before 20" in words
    assert "`headcount recover --all` lists them" in words
    _, said, words = headcount("recover", "--all")
    assert words == ""
    assert "(run by a script)" in said
    assert "(its transcript is gone)" in said
    assert "--resume empty" not in said


def test_print0_has_every_session_that_can_be_resumed(headcount, store, tmp_path):
    (tmp_path / "repo/.git").mkdir(parents=True)
    write(store, "removed", cwd=str(tmp_path / "repo/gone"))
    write(store, "unmounted", cwd="/nowhere/gone", **ago(60))
    write(store, "here", cwd=str(tmp_path), **ago(120))
    _, out, err = headcount("recover", "--print0")
    assert err == ""
    assert out.split("\0")[:-1] == [
        f"cd -- {tmp_path}/repo && claude --resume removed",
        "claude --resume unmounted",
        f"cd -- {tmp_path} && claude --resume here",
    ]


def test_print0_separates_resume_commands_for_xargs(headcount, store, tmp_path):
    folders = [tmp_path / name for name in ("a b", "it's", "back\\slash", "$(id)")]
    for number, folder in enumerate(folders):
        folder.mkdir()
        write(store, f"s{number}", cwd=str(folder))
    write(store, "no-transcript", transcript_path="/nowhere/x.jsonl")
    code, said, words = headcount("recover", "--print0", "--all")
    assert code == 0
    assert said.count("\0") == len(folders)
    assert "1 session whose transcript is gone" in words
    (tmp_path / "claude").write_text('#!/bin/sh\nprintf "%s:%s\\0" "$PWD" "$*"\n')
    (tmp_path / "claude").chmod(0o755)
    done = subprocess.run(
        ["xargs", "-0", "-n", "1", "bash", "-c"],
        input=said.encode(),
        capture_output=True,
        check=True,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )
    ran = done.stdout.decode().split("\0")[:-1]
    assert sorted(ran) == sorted(
        f"{folder}:--resume s{number}" for number, folder in enumerate(folders)
    )


def test_recover_here_lists_sessions_of_the_current_worktree(
    recovered, store, tmp_path
):
    (tmp_path / "a/.git").mkdir(parents=True)
    (tmp_path / "a/deep").mkdir()
    write(store, "here", cwd=str(tmp_path / "a/deep"))
    write(store, "there", cwd=str(tmp_path))
    assert recovered("--here", cwd=tmp_path / "a", PYTHONPATH=os.getcwd()) == ["here"]


def test_recover_prints_no_control_characters_of_a_session(terminal, store):
    write(store, ID, label=HOSTILE, cwd=HOSTILE, host=HOSTILE, **ago(2 * DAY))
    said = terminal("recover", "--all")
    assert "\x1b" not in said
    assert "\x07" not in said
    assert len(said.splitlines()) == 3


def test_recover_says_when_there_is_nothing_to_recover(headcount, store):
    nothing = "headcount: no session ended uncleanly\n"
    assert headcount("recover") == (0, "", nothing)
    assert headcount("recover", "--json")[:2] == (0, '{"v": 1, "sessions": []}\n')
    assert headcount("recover", "--print0")[:2] == (0, "")
    write(store, "old", **ago(8 * DAY))
    _, said, told = headcount("recover")
    assert said == ""
    assert told.startswith("headcount: left out: 1 with the last heartbeat before ")


@pytest.mark.parametrize("command", ["recover", "report"])
def test_summary_says_that_it_leaves_out_an_unreadable_session(
    headcount, store, command
):
    write(store, "died")
    (store / "damaged.jsonl").write_text("{}\n")
    code, _, err = headcount(command)
    assert code == 0
    assert err == (
        "headcount: left out: 1 unreadable session; `headcount doctor` says how to "
        "fix it\n"
    )


@pytest.mark.parametrize(
    "words",
    [["--since", "soon"], ["--json", "--print0"], ["--all", "--since", "1d"]],
    ids=" ".join,
)
def test_invalid_arguments_exit_2(headcount, store, words):
    code, said, told = headcount("recover", *words)
    assert (code, said) == (2, "")
    assert told.startswith("headcount: ")


def test_recover_omits_damaged_files(recovered, store):
    write(store, "died")
    (store / "damaged.jsonl").write_bytes(b"\0\0")
    assert recovered() == ["died"]
