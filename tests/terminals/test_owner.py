"""User and terminal of a process, compared with what the process itself says."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest
from support import DEAD_PID, only_with_proc

from lib.system import process
from lib.terminals import owner


def test_terminal_is_the_one_that_a_process_has():
    for _ in range(2):  # the second one opens after the first was looked up
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            ["setsid", "--ctty", "sh", "-c", "echo; exec cat"],
            stdin=theirs,
            stdout=subprocess.PIPE,
        )
        process.stdout.readline()
        assert owner.terminal(process.pid) == os.ttyname(theirs)
        process.kill()
        process.communicate()
        assert owner.terminal(process.pid) == ""
        os.close(ours)
        os.close(theirs)


def test_process_without_a_terminal_or_none_at_all_has_none():
    process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True)
    assert owner.terminal(process.pid) == ""
    process.communicate()
    assert owner.terminal(DEAD_PID) == ""


@only_with_proc("tests how /proc is read")
def test_user_and_pseudoterminal_are_known_without_psutil(monkeypatch):
    monkeypatch.setattr(process, "from_psutil", lambda *_: None)
    ours, theirs = pty.openpty()
    words = ["setsid", "--ctty", "sh", "-c", "echo; exec cat"]
    child = subprocess.Popen(words, stdin=theirs, stdout=subprocess.PIPE)
    child.stdout.readline()
    assert owner.terminal(child.pid) == os.ttyname(theirs)
    assert owner.is_ours(child.pid)
    child.kill()
    child.communicate()
    os.close(ours)
    os.close(theirs)


def test_process_of_this_user_is_ours():
    assert owner.is_ours(os.getpid())
    assert not owner.is_ours(DEAD_PID)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("user", ["--reuid", "--ruid"])
def test_process_of_another_user_is_not_ours(user):
    process = subprocess.Popen(
        ["setpriv", user, "65534", "--clear-groups", "sh", "-c", "echo; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    process.stdout.readline()
    assert not owner.is_ours(process.pid)
    process.communicate()
