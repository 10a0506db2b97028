"""What ps(1) shows of a process, compared with psutil."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import psutil
import pytest
from support import DEAD_PID

from lib.system import proc, process, ps

HOST = process.host_name()


@pytest.fixture
def without_psutil(monkeypatch):
    monkeypatch.setattr(proc, "READS_PROC", False)
    monkeypatch.setitem(sys.modules, "psutil", None)


@pytest.fixture
def child():
    child = subprocess.Popen(["sleep", "600"])
    yield child
    child.kill()
    child.wait()


def test_ps_shows_what_psutil_shows(child):
    seen, expected = ps.Process(child.pid), psutil.Process(child.pid)

    assert seen.name() == "sleep"
    assert seen.ppid() == os.getpid()
    assert seen.cmdline() == ["sleep", "600"]
    assert abs(seen.create_time() - expected.create_time()) < 1.5


def test_ps_shows_no_process_that_is_gone():
    assert ps.read(DEAD_PID, lambda process: process.name()) is None


def test_what_ps_does_not_show_is_unknown(child, without_psutil):
    assert process.working_folder(child.pid) == ""
    assert process.variable(child.pid, "PATH") is None


@pytest.mark.parametrize("program", ["/bin/false", "/gone/ps", "hangs"])
def test_process_is_unknown_where_ps_does_not_work(
    child, without_psutil, monkeypatch, tmp_path, program
):
    known = process.fingerprint(child.pid)
    if program == "hangs":
        script = tmp_path / "ps"
        script.write_text("#!/bin/sh\nexec sleep 600\n")
        script.chmod(0o755)
        program = os.fspath(script)
    monkeypatch.setattr(ps, "_PROGRAMS", (program,))

    assert process.fingerprint(child.pid) is None
    assert process.probe(child.pid, known, HOST)[0] == process.UNKNOWN


def test_ps_tells_running_stopped_ended_and_gone(child, without_psutil):
    known = process.fingerprint(child.pid)
    assert process.probe(child.pid, known, HOST)[0] == process.RUNNING
    assert not process.is_stopped(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert process.is_stopped(child.pid)
    assert process.probe(child.pid, known, HOST)[0] == process.RUNNING
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert process.probe(child.pid, known, HOST)[0] == process.GONE
    child.wait()
    assert process.probe(child.pid, known, HOST) == (
        process.GONE,
        f"pid {child.pid} is gone",
    )


@pytest.mark.parametrize("first", ["ps", "psutil"])
def test_ps_and_psutil_know_a_process_from_the_record_of_the_other(
    child, monkeypatch, first
):
    monkeypatch.setattr(proc, "READS_PROC", False)
    with monkeypatch.context() as context:
        if first == "ps":
            context.setitem(sys.modules, "psutil", None)
        known = process.fingerprint(child.pid)
    if first == "psutil":
        monkeypatch.setitem(sys.modules, "psutil", None)
        monkeypatch.setattr(process, "_BOOT_IDS", [])

    assert ("." in known) is (first == "psutil")
    assert process.probe(child.pid, known, HOST)[0] == process.RUNNING
    kind, boot, pid, start = known.split(":")
    reused = f"{kind}:{boot}:{pid}:{float(start) - 60:.0f}"
    assert process.probe(child.pid, reused, HOST) == (
        process.GONE,
        f"pid {child.pid} is now another process",
    )


def test_ps_is_not_disturbed_by_the_time_zone_or_the_language(child, monkeypatch):
    expected = ps.Process(child.pid).create_time()
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

    assert ps.Process(child.pid).create_time() == expected
