"""Fingerprints and probes of real processes: running, stopped, ended, zombies."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest
from support import DEAD_PID, ROOT, changed_fingerprint, only_with_proc, other_thread

from lib.system import proc, process
from lib.system.process import GONE, RUNNING, UNKNOWN

HOST = process.host_name()
MAC_BOOT = "8A5C1F7E-33B0-4E0C-9A56-2F1B7C3D9E10"
linux = only_with_proc("tests how /proc is read")


@pytest.fixture
def child():
    started = subprocess.Popen(["sleep", "600"])
    yield started
    started.kill()
    started.wait()


def test_probe_of_a_running_process_is_running(child):
    known = process.fingerprint(child.pid)
    assert process.probe(child.pid, known, HOST)[0] == RUNNING
    assert process.fingerprint(child.pid) == known


def test_probe_of_an_ended_process_is_gone(child):
    known = process.fingerprint(child.pid)
    child.kill()
    child.wait()
    outcome, reason = process.probe(child.pid, known, HOST)
    assert (outcome, reason) == (GONE, f"pid {child.pid} is gone")


def test_probe_of_a_zombie_is_gone(child):
    known = process.fingerprint(child.pid)
    child.kill()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    outcome, reason = process.probe(child.pid, known, HOST)
    assert outcome == GONE
    assert "zombie" in reason
    assert process.probe(child.pid, None, HOST)[0] == GONE


def test_probe_of_a_stopped_process_is_running(child):
    known = process.fingerprint(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert process.probe(child.pid, known, HOST)[0] == RUNNING


@pytest.mark.parametrize(
    "has_proc",
    [pytest.param(True, id="proc", marks=linux), pytest.param(False, id="psutil")],
)
def test_is_stopped_until_the_process_goes_on(child, monkeypatch, has_proc):
    monkeypatch.setattr(proc, "READS_PROC", has_proc)
    assert not process.is_stopped(child.pid)
    child.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
    assert process.is_stopped(child.pid)
    child.send_signal(signal.SIGCONT)
    os.waitid(os.P_PID, child.pid, os.WCONTINUED | os.WNOWAIT)
    assert not process.is_stopped(child.pid)
    assert not process.is_stopped(DEAD_PID)
    assert not process.is_stopped("x")


@linux
def test_looking_once_keeps_what_was_seen_only_for_its_thread_and_time(child):
    known = process.fingerprint(child.pid)
    elsewhere = []
    with proc.looking_once():
        assert process.probe(child.pid, known, HOST)[0] == RUNNING
        child.kill()
        child.wait()
        assert process.probe(child.pid, known, HOST)[0] == RUNNING
        assert process.fingerprint(child.pid) is None  # what a record says is exact
        other = threading.Thread(
            target=lambda: elsewhere.append(process.probe(child.pid, known, HOST))
        )
        other.start()
        other.join()
    assert elsewhere[0][0] == GONE
    assert process.probe(child.pid, known, HOST)[0] == GONE


def test_probe_of_a_reused_pid_is_gone(child):
    units = 60 * os.sysconf("SC_CLK_TCK") if proc.READS_PROC else 60
    recorded = changed_fingerprint(child.pid, earlier=units)
    outcome, reason = process.probe(child.pid, recorded, HOST)
    later = ", started 1 min later" if proc.READS_PROC else ""
    assert outcome == GONE
    assert reason == f"pid {child.pid} is now another process{later}"


@linux
@pytest.mark.parametrize(
    "start",
    ["", "x", "-5", "\u00b2", "\u0663", "9" * 400, "9" * 5000],
    ids=["empty", "text", "negative", "superscript", "arabic", "no-time", "no-int"],
)
def test_probe_of_a_malformed_start_is_gone(child, start):
    """It was written by another tool. Not every Unicode digit is accepted by `int`."""
    outcome, reason = process.probe(
        child.pid, changed_fingerprint(child.pid, start=start), HOST
    )
    assert outcome == GONE
    assert reason.startswith(f"pid {child.pid} is now another process")


def test_probe_after_a_reboot_is_gone_even_for_a_reused_pid(child):
    recorded = changed_fingerprint(child.pid, boot="another-boot")
    outcome, reason = process.probe(child.pid, recorded, HOST)
    assert outcome == GONE
    assert "rebooted" in reason


@pytest.mark.parametrize(
    ("field", "value", "host"),
    [
        pytest.param("namespace", "1", HOST, id="other-namespace", marks=linux),
        pytest.param(
            "namespace", "1", "elsewhere", id="other-namespace-and-name", marks=linux
        ),
        pytest.param("boot", "other", "elsewhere", id="other-host"),
    ],
)
def test_probe_of_another_namespace_or_host_is_unknown(child, field, value, host):
    recorded = changed_fingerprint(child.pid, **{field: value})
    assert process.probe(child.pid, recorded, host)[0] == UNKNOWN
    assert process.probe(DEAD_PID, recorded, host)[0] == UNKNOWN


@only_with_proc("a boot known by its time alone may be that of another host")
def test_probe_after_the_host_was_renamed_is_running(child):
    known = process.fingerprint(child.pid)
    assert process.probe(child.pid, known, "its-old-name")[0] == RUNNING


@pytest.mark.parametrize(
    "pid", [None, True, False, "12", 1.0, 1e3, 0, -1, 2**31, 2**63, [], {}], ids=repr
)
def test_probe_of_an_invalid_pid_is_unknown(pid):
    assert process.probe(pid, None, HOST)[0] == UNKNOWN
    assert process.probe(pid, "linux:a:b:c:d", HOST)[0] == UNKNOWN
    assert not process.is_pid(pid)
    assert process.fingerprint(pid) is None


@pytest.mark.parametrize(
    "known",
    ["", "linux", "linux:a", "x:y:z", "psutil:1:1", 7, []],
    ids=["empty", "scheme", "too-short", "other-scheme", "psutil", "number", "list"],
)
def test_probe_of_an_unknown_fingerprint_is_unknown(known):
    expected = RUNNING if not known else UNKNOWN
    assert process.probe(os.getpid(), known, HOST)[0] == expected


def test_probe_without_a_fingerprint_goes_by_the_pid_on_this_host(child):
    assert process.probe(child.pid, None, HOST)[0] == RUNNING
    assert process.probe(child.pid, None, None)[0] == RUNNING
    assert process.probe(child.pid, None, "elsewhere")[0] == UNKNOWN
    assert process.probe(DEAD_PID, None, HOST)[0] == GONE


def test_probe_of_a_thread_id_is_gone():
    with other_thread() as number:
        assert process.probe(number, None, HOST)[0] == GONE


@linux
def test_probe_of_another_users_process_works():
    if os.geteuid() != 0:
        pytest.skip("needs root to be another user")
    code = (
        "import os, sys; os.setuid(65534); sys.path.insert(0, sys.argv[1])\n"
        "from lib.system import process\n"
        "print(process.probe(int(sys.argv[2]), sys.argv[3], process.host_name())[0])"
    )
    own = [str(os.getpid()), process.fingerprint(os.getpid())]
    folder = shutil.copytree(
        ROOT / "lib", "/tmp/headcount-test-lib/lib", dirs_exist_ok=True
    )
    try:
        folder.chmod(0o755) if hasattr(folder, "chmod") else os.chmod(folder, 0o755)
        said = subprocess.run(
            ["/usr/bin/python3", "-B", "-c", code, "/tmp/headcount-test-lib", *own],
            capture_output=True,
            text=True,
            check=True,
            env={"HEADCOUNT_DIR": "/nowhere"},
        )
    finally:
        shutil.rmtree("/tmp/headcount-test-lib")
    assert said.stdout.strip() == RUNNING


@linux
def test_fingerprint_is_the_same_in_a_time_namespace():
    if os.geteuid() != 0:
        pytest.skip("needs root to make a time namespace")
    code = (
        "import sys; from lib.system import process\n"
        "print(process.fingerprint(int(sys.argv[1])))"
    )
    command = ["unshare", "-T", "--boottime", "1000", sys.executable, "-c", code]
    said = subprocess.run(
        [*command, str(os.getpid())],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if said.returncode:
        pytest.skip(f"no time namespaces here: {said.stderr.strip()}")
    assert said.stdout.strip() == process.fingerprint(os.getpid())


@linux
def test_probe_from_another_pid_namespace_is_unknown():
    if os.geteuid() != 0:
        pytest.skip("needs root to make a pid namespace")
    code = (
        "import sys; from lib.system import process\n"
        "print(process.probe(int(sys.argv[1]), sys.argv[2], process.host_name())[0])"
    )
    known = [str(os.getpid()), process.fingerprint(os.getpid())]
    said = subprocess.run(
        ["unshare", "-pf", "--mount-proc", sys.executable, "-c", code, *known],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == UNKNOWN


def test_age_is_the_time_since_the_process_started(child):
    assert 0 <= process.age(child.pid) < 60
    assert process.age(DEAD_PID) is None
    assert process.age("x") is None


def test_start_of_a_process_stays_when_the_clock_is_set_on_a_mac(monkeypatch):
    """The function of psutil that would move it, as a fake of its module for macOS."""
    import psutil

    path = Path(psutil.__file__).with_name("_psosx.py")
    functions = [n for n in ast.parse(path.read_text()).body if hasattr(n, "name")]
    (move,) = [f for f in functions if f.name == "adjust_proc_create_time"]
    fake = types.ModuleType("psutil._psosx")
    fake.INIT_BOOT_TIME, fake.boot_time, fake.debug = 1000.0, lambda: 4600.0, print
    exec(compile(ast.Module([move], []), path, "exec"), vars(fake))
    assert fake.adjust_proc_create_time(2000.0) == 5600.0
    monkeypatch.setitem(sys.modules, "psutil._psosx", fake)
    assert process.from_psutil(os.getpid(), lambda seen: seen.pid) == os.getpid()
    assert fake.adjust_proc_create_time(2000.0) == 2000.0


def test_without_proc_processes_are_identified_through_psutil(child, monkeypatch):
    monkeypatch.setattr(proc, "READS_PROC", False)
    known = process.fingerprint(child.pid)
    boot = process.boot_of(known)
    assert known.startswith(f"psutil:{boot}:{child.pid}:")
    assert process.probe(child.pid, known, HOST)[0] == RUNNING
    assert process.probe(child.pid, f"psutil:{boot}:{child.pid}:1.00", HOST)[0] == GONE
    assert process.probe(child.pid, known, "elsewhere")[0] == UNKNOWN
    assert process.name_and_parent(child.pid) == ("sleep", os.getpid())
    assert process.command_line(child.pid) == ["sleep", "600"]
    child.kill()
    child.wait()
    assert process.probe(child.pid, known, HOST)[0] == GONE
    assert process.fingerprint(child.pid) is None
    assert process.name_and_parent(child.pid) is None
    assert process.command_line(child.pid) == []


@pytest.fixture
def without_proc(monkeypatch):
    monkeypatch.setattr(proc, "READS_PROC", False)
    monkeypatch.setattr(process, "_BOOT_IDS", [])


def test_probe_without_proc_after_a_reboot_is_gone(child, without_proc):
    recorded = changed_fingerprint(child.pid, boot=MAC_BOOT)
    outcome, reason = process.probe(child.pid, recorded, HOST)
    assert outcome == GONE
    assert "rebooted" in reason


def test_probe_without_proc_is_running_though_the_clock_moved_the_boot_time(
    child, without_proc
):
    recorded = changed_fingerprint(child.pid, boot="1")
    assert process.probe(child.pid, recorded, HOST)[0] == RUNNING
    recorded = changed_fingerprint(child.pid, boot="1", earlier=1)
    assert process.probe(child.pid, recorded, HOST)[0] == GONE


def test_probe_without_proc_knows_the_machine_by_its_boot_uuid(
    child, without_proc, monkeypatch
):
    """MacOS renames the host with the network it is in."""
    monkeypatch.setattr(process, "_boot_uuid", lambda: MAC_BOOT)
    known = process.fingerprint(child.pid)
    assert process.boot_of(known) == MAC_BOOT
    assert process.probe(child.pid, known, "its-old-name")[0] == RUNNING
    recorded = changed_fingerprint(child.pid, boot=MAC_BOOT[::-1])
    assert process.probe(child.pid, recorded, "elsewhere")[0] == UNKNOWN


def test_age_without_proc_is_never_more_than_the_uptime(
    child, without_proc, monkeypatch
):
    assert 0 <= process.age(child.pid) < 60
    began = time.time()
    monkeypatch.setattr(time, "time", lambda: began + 10 * 365 * 86_400)
    assert process.age(child.pid) <= process.uptime()
    assert process.age(DEAD_PID) is None
