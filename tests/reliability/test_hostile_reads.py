"""Files of others where Headcount reads: it neither hangs, swells nor believes them."""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import time

import pytest
from reliability import forked
from support import ROOT, unix_socket

from lib.claude import clients, session_status, settings, transcript
from lib.doctor import examine as doctor
from lib.doctor.finding import Context
from lib.store import error_log
from lib.system import atomic
from lib.system.git import Worktrees

MAX_SECONDS = 10
MAX_BYTES = 256 * 1024 * 1024
SPARSE_BYTES = 30 * 1024**3
MORE_THAN_A_PIPE_HOLDS = 4 * 1024 * 1024
OTHER_USER = 65_534

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make files of another user"
)


# ---- What may be there ----------------------------------------------------------


def fifo(path):
    os.mkfifo(path)


def link_to_endless_device(path):
    path.symlink_to("/dev/zero")


def link_to_stdin(path):
    path.symlink_to("/dev/stdin")


def folder(path):
    path.mkdir()


def link_to_itself(path):
    path.symlink_to(path.name)


def sparse_file(path):
    path.touch()
    os.truncate(path, SPARSE_BYTES)


KINDS = [
    *(fifo, link_to_endless_device, link_to_stdin, unix_socket, folder),
    *(link_to_itself, sparse_file),
]


# ---- Where it may be ------------------------------------------------------------


class Place:
    """A file, how it is read, what it may hold, and what is read if it is hostile."""

    def __init__(self, path, read, content, nothing):
        self.path, self.read = path, read
        self.content, self.nothing = content, nothing


def refusal_of(read, *arguments):
    """Return "refused" if it raises SettingsError, else what it returns."""
    try:
        return list(read(*arguments))
    except settings.SettingsError:
        return "refused"


def head(tmp_path):
    (tmp_path / ".git").mkdir()
    text = "ref: refs/heads/main\n"
    return Place(
        tmp_path / ".git/HEAD", lambda: Worktrees().branch(str(tmp_path)), text, None
    )


def head_of_linked_worktree(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".git").write_text("gitdir: elsewhere\n")
    text = "ref: refs/heads/main\n"
    path = tmp_path / "elsewhere/HEAD"
    return Place(path, lambda: Worktrees().branch(str(tmp_path)), text, None)


def git_link(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/HEAD").write_text("ref: refs/heads/main\n")
    path = tmp_path / ".git"
    text = "gitdir: elsewhere\n"
    return Place(path, lambda: Worktrees().branch(str(tmp_path)), text, None)


def settings_file(tmp_path):
    path = tmp_path / "settings.json"
    read = settings.installed_hooks
    return Place(path, lambda: refusal_of(read, str(path)), "{}", "refused")


def managed_settings(tmp_path):
    settings.MANAGED_FOLDERS = (str(tmp_path),)
    text = '{"disableAllHooks": true}'
    path = tmp_path / "managed-settings.json"
    return Place(path, lambda: settings.switches([]), text, {})


def example_of_a_checkout(tmp_path):
    text = (ROOT / "settings.example.json").read_text()
    path = tmp_path / "settings.example.json"
    read = settings.desired_hooks
    return Place(path, lambda: refusal_of(read, str(tmp_path)), text, "refused")


def file_of_a_client(tmp_path):
    path = tmp_path / "1.json"
    return Place(path, lambda: session_status.read(str(path)), '{"pid": 1}', None)


def trusted_folders(tmp_path):
    os.environ["CLAUDE_CONFIG_DIR"] = str(tmp_path)
    text = '{"projects": {"/p": {"hasTrustDialogAccepted": true}}}'
    path = tmp_path / ".claude.json"
    return Place(path, lambda: clients.is_trusted("/p"), text, None)


def end_of_a_transcript(tmp_path):
    path = tmp_path / "transcript.jsonl"
    line = {
        "type": "user",
        "timestamp": "2026-01-01T00:00:00Z",
        "message": {"content": "[Request interrupted by user]"},
    }
    read = transcript.interrupted_at
    return Place(path, lambda: read(str(path)), json.dumps(line) + "\n", None)


def log_of_errors(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    text = "2026-01-01T00:00:00.000Z 1.0 heartbeat: it failed\n"
    return Place(store / "errors.log", lambda: error_log.recent(0.0), text, [])


PLACES = [
    *(head, head_of_linked_worktree, git_link, settings_file, managed_settings),
    *(example_of_a_checkout, file_of_a_client, trusted_folders),
    *(end_of_a_transcript, log_of_errors),
]
BELIEVED = [file_of_a_client, trusted_folders, end_of_a_transcript, log_of_errors]


def result_of(make, plant, tmp_path):
    """Return what is read at a place, where *plant* has put something, and expected.

    It is read by a process of its own, which may neither wait nor take much memory.
    """

    def work():
        place = make(tmp_path)
        plant(place)
        pages = int(open("/proc/self/statm").read().split()[0])  # noqa: SIM115
        limit = pages * os.sysconf("SC_PAGE_SIZE") + MAX_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        endless, _ = os.pipe()
        os.dup2(endless, 0)
        signal.alarm(MAX_SECONDS)
        return place.read(), place.nothing

    return forked.Child(work).result()


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_file_of_ours_is_read(store, tmp_path, make):
    found, nothing = result_of(
        make, lambda place: place.path.write_text(place.content), tmp_path
    )
    assert found != nothing


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        pytest.param(make, kind, id=f"{make.__name__}-{kind.__name__}")
        for make in PLACES
        for kind in KINDS
        if (make, kind) != (git_link, folder)  # which is what git makes
    ],
)
def test_reading_what_is_not_a_file_or_has_no_end_gives_nothing(
    store, tmp_path, make, kind
):
    found, nothing = result_of(make, lambda place: kind(place.path), tmp_path)
    assert found == nothing


def test_end_of_a_sparse_log_that_begins_as_ours_is_not_read(store, tmp_path):
    def plant(place):
        place.path.write_text(place.content)
        os.truncate(place.path, SPARSE_BYTES)

    found, _ = result_of(log_of_errors, plant, tmp_path)
    assert found[0].endswith("heartbeat: it failed")


@needs_root
@pytest.mark.parametrize("make", BELIEVED, ids=lambda make: make.__name__)
def test_file_of_another_user_is_not_believed(store, tmp_path, make):
    def plant(place):
        place.path.write_text(place.content)
        os.chown(place.path, OTHER_USER, OTHER_USER)

    found, nothing = result_of(make, plant, tmp_path)
    assert found == nothing


@pytest.mark.parametrize("make", [head, git_link], ids=lambda make: make.__name__)
def test_branch_is_not_read_through_a_link_of_the_repository(store, tmp_path, make):
    def plant(place):
        (tmp_path / "target").write_text(place.content)
        place.path.symlink_to(tmp_path / "target")

    found, nothing = result_of(make, plant, tmp_path)
    assert found == nothing


# ---- headcount doctor -----------------------------------------------------------


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_doctor_reads_no_checkout_that_only_a_project_names(
    examine, checkout, tmp_path, name
):
    checkout_of_another = tmp_path / "theirs"
    shutil.copytree(checkout, checkout_of_another, symlinks=True)
    path = tmp_path / "project/.claude" / name
    path.parent.mkdir(parents=True)
    hooks = settings.desired_hooks(str(checkout_of_another))
    groups = {event: [group] for event, group in hooks.items()}
    path.write_text(json.dumps({"hooks": groups}))
    (checkout_of_another / "settings.example.json").write_text("not JSON")
    findings, _ = examine(cwd=tmp_path / "project")
    assert "settings.example.json" not in str(findings)
    assert {"scopes", "errors"} <= {finding["check"] for finding in findings}


MALFORMED = ["", "[]", "{}", '{"hooks": []}', '{"hooks": {"Stop": 1}}', "[" * 100_000]


@pytest.mark.parametrize(
    "text", MALFORMED, ids=["empty", "list", "no-hooks", "hooks-list", "number", "deep"]
)
def test_doctor_reports_a_malformed_example_and_goes_on(
    examine, installed, checkout, text
):
    (checkout / "settings.example.json").write_text(text)
    findings, code = examine()
    assert code == 1
    check, message, _ = findings.problem
    assert (check, "settings.example.json" in message) == ("hooks", True)
    assert {"scopes", "errors"} <= {finding["check"] for finding in findings}


def test_doctor_runs_the_checks_after_one_that_fails_unforeseen(monkeypatch, store):
    def check_first(_):
        yield doctor.Finding("ok", "first", "begun")
        raise ZeroDivisionError("nobody foresaw it")

    def check_second(_):
        yield doctor.Finding("ok", "second", "done")

    monkeypatch.setattr(doctor, "_checks", lambda: (check_first, check_second))
    findings = doctor.examine(Context(time.time(), quick=True))
    assert [finding.check for finding in findings] == ["first", "first", "second"]
    assert "ZeroDivisionError: nobody foresaw it" in findings[1].message


# ---- headcount report -----------------------------------------------------------


def test_report_is_not_written_to_a_fifo_that_nobody_reads(headcount, store, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    code, _, err = headcount("report", "--html", str(tmp_path / "fifo"))
    assert code == 1
    assert str(tmp_path / "fifo") in err


def test_report_replaces_no_sparse_file(headcount, store, tmp_path):
    sparse_file(tmp_path / "page.html")
    code, _, err = headcount("report", "--html", str(tmp_path / "page.html"))
    assert (code, "is not a report of Headcount" in err) == (1, True)
    assert (tmp_path / "page.html").stat().st_size == SPARSE_BYTES


@needs_root
@pytest.mark.parametrize("part", ["file", "folder"])
def test_report_follows_no_link_of_another_user(headcount, store, tmp_path, part):
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    shared.chmod(0o1777)
    mine.mkdir()
    link = shared / ("page.html" if part == "file" else "out")
    link.symlink_to(mine / "page.html" if part == "file" else mine)
    os.lchown(link, OTHER_USER, OTHER_USER)
    target = link if part == "file" else link / "page.html"
    for words in ((), ("--force",)):
        code, _, err = headcount("report", "--html", str(target), *words)
        assert (code, str(OTHER_USER) in err) == (1, True)
    assert os.listdir(mine) == []


def test_page_is_written_whole_to_a_fifo_whose_reader_is_slower(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    reading = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)

    def read_all():
        select.select([reading], [], [])  # until something is written
        os.set_blocking(reading, True)
        with open(reading, "rb", closefd=False) as page:
            return len(page.read())

    reader = forked.Child(read_all)
    atomic.write(str(tmp_path / "fifo"), bytes(MORE_THAN_A_PIPE_HOLDS))
    assert reader.result() == MORE_THAN_A_PIPE_HOLDS
    os.close(reading)
