"""The id of the machine: from the system's, and never that itself."""

from __future__ import annotations

import ctypes
import hmac
import os
import uuid

import pytest
from support import only_with_proc

from lib.system import machine, proc, process

SYSTEM_ID = "0123456789abcdef0123456789abcdef"
OTHER = "f" * 32
REBOOTED = "linux:another-boot:1:7:7"
linux = only_with_proc("tests how /proc is read")


@pytest.fixture
def system_id(tmp_path, monkeypatch):
    """Let *text* be what the system's file holds; None is no file."""
    path = tmp_path / "machine-id"
    monkeypatch.setattr(machine, "MACHINE_ID_FILE", str(path))
    monkeypatch.setattr(machine, "_FIRST_PID_NAMESPACE", proc.pid_namespace())

    def write(text):
        monkeypatch.setattr(machine, "_IDS", [])
        if text is not None:
            path.write_text(text)

    write(f"{SYSTEM_ID}\n")
    return write


@linux
def test_machine_id_is_the_keyed_hash_that_systemd_derives(system_id):
    key, message = bytes.fromhex(SYSTEM_ID), machine.APPLICATION_ID
    digest = hmac.digest(key, message, "sha256")[:16]
    assert machine.machine_id() == uuid.UUID(bytes=digest, version=4).hex


@linux
@pytest.mark.parametrize(
    "text",
    ["", "uninitialized\n", "0" * 32, SYSTEM_ID[1:], f"{SYSTEM_ID}0"],
    ids=["empty", "uninitialized", "zeros", "short", "long"],
)
def test_machine_id_is_absent_where_the_system_has_none(system_id, text):
    system_id(text)
    assert machine.machine_id() is None


def test_machine_id_is_absent_without_a_file(tmp_path, system_id, monkeypatch):
    monkeypatch.setattr(machine, "MACHINE_ID_FILE", str(tmp_path / "nothing"))
    assert machine.machine_id() is None


def test_machine_id_is_absent_in_a_container(system_id, monkeypatch):
    monkeypatch.setattr(machine, "_FIRST_PID_NAMESPACE", "1")
    assert machine.machine_id() is None


@pytest.fixture
def mac(monkeypatch):
    """A fake: the C library of macOS, as gethostuuid(2) describes it."""

    class Library:
        result = 0

        def gethostuuid(self, uuid, wait):
            assert (wait[0], wait[1] > 0) == (0, True)  # 0, 0 would wait for ever
            uuid[:] = bytes.fromhex(SYSTEM_ID)
            return self.result

    library = Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(proc, "READS_PROC", False)
    monkeypatch.setattr(machine, "_IDS", [])
    return library


def test_machine_id_of_a_mac_is_derived_from_the_hardware_uuid(mac):
    expected = machine.derive(SYSTEM_ID, machine.APPLICATION_ID)
    assert machine.machine_id() == expected
    assert SYSTEM_ID not in expected


def test_machine_id_of_a_mac_is_absent_if_the_hardware_uuid_is_unknown(mac):
    mac.result = -1
    assert machine.machine_id() is None


def test_machine_id_is_absent_on_a_system_without_proc_and_hardware_uuid(
    mac, monkeypatch
):
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    assert machine.machine_id() is None


@linux
def test_probe_knows_a_renamed_host_by_its_machine(system_id):
    outcome, reason = process.probe(7, REBOOTED, "old-name", machine.machine_id())
    assert outcome == process.GONE
    assert "rebooted" in reason


@linux
@pytest.mark.parametrize("recorded", [REBOOTED, None], ids=["fingerprint", "pid-only"])
def test_probe_tells_two_machines_of_one_name_apart(system_id, recorded):
    host = process.host_name()
    assert process.probe(7, recorded, host, OTHER) == (
        process.UNKNOWN,
        f"pid 7 is on another machine, {host}",
    )


@linux
def test_probe_goes_by_the_host_where_no_machine_is_known(system_id):
    system_id("")
    assert process.probe(7, REBOOTED, process.host_name(), OTHER)[0] == process.GONE
    assert process.probe(7, REBOOTED, "far", OTHER) == (
        process.UNKNOWN,
        "pid 7 is on another host, far",
    )


@linux
def test_probe_judges_a_process_of_this_boot_whatever_its_machine(system_id):
    own = process.fingerprint(os.getpid())
    assert process.probe(os.getpid(), own, "far", OTHER)[0] == process.RUNNING
