"""Neighbours who swap files and folders: what is theirs or elsewhere stays as it is."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pathlib
import shutil
import stat
import time

import pytest
from reliability.neighbour import OTHER_USER, Neighbour, strikes
from reliability.sights import listing
from support import DEAD_PID, ID, ROOT

from lib import file_lock, sessions
from lib.claude import settings
from lib.cli import main
from lib.doctor import examine, installation
from lib.doctor.finding import Context
from lib.errors import HeadcountError
from lib.installation import command_files
from lib.store import delete, error_log, paths
from lib.system import atomic

OURS = settings.desired_hooks(str(ROOT))
DAY = "2026-01-01"
FAR_FUTURE = 4e9
COMMAND = "/nowhere/.venv/bin/headcount"
FULL_LOG = f"2026-01-31T09:00:00.000Z 0.1.0 {'x' * 200}\n" * 2000
RACE_SECONDS = 10
ATTEMPTS = 25


def need_root():
    if os.geteuid() != 0:
        pytest.skip("needs root to make files of another user")


def command(*words):
    """Run the `headcount` command in this process."""
    with contextlib.suppress(SystemExit):
        main.main(list(words))


class World:
    """A store with a dead session, live and archived, and what is outside of it."""

    def __init__(self, tmp_path, outside=None):
        self.store = tmp_path / "store"
        self.folder = tmp_path
        self.archive = self.store / "archive"
        self.day = self.archive / DAY
        self.outside = outside or tmp_path / "outside"
        self.home = tmp_path / "home"
        self.claude = self.home / ".claude"
        self.settings = self.claude / "settings.json"
        self.add = lambda: None  # what an attack needs besides

    def prepare(self):
        """Make it all anew, with an `outside` that looks like an archive."""
        for made in self.folder.iterdir():
            made.unlink() if made.is_symlink() else shutil.rmtree(made)
        sessions.create_session(session_id=ID, pid=DEAD_PID)
        self.day.mkdir(parents=True)
        self.archive.chmod(0o700)
        self.day.chmod(0o700)
        shutil.copy(self.store / f"{ID}.jsonl", self.day / "old.jsonl")
        text = (self.store / f"{ID}.jsonl").read_text().replace(ID, "old")
        (self.day / "old.jsonl").write_text(text)
        theirs = self.outside / DAY
        theirs.mkdir(parents=True)
        (theirs / "old.jsonl").write_text(text)
        (theirs / f"{ID}.jsonl").write_text('{"type":"user"}\n')
        self.outside.chmod(0o755)
        (self.outside / "settings.json").write_text('{"a": 1}')
        (self.outside / "headcount").write_text("a program\n")
        (self.outside / "errors.log").write_text("another program's\n")
        (self.outside / "private").write_text("")
        (self.outside / "private").chmod(0o644)
        self.claude.mkdir(parents=True)
        self.settings.write_text("{}")
        self.settings.chmod(0o666)
        self.add()

    def log(self):
        return self.store / "errors.log"


@pytest.fixture
def world(store, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(command_files, "_LINK", str(tmp_path / "home/bin/headcount"))
    made = World(tmp_path)
    made.prepare()
    return made


# ---- What is in the place of a folder of the store ------------------------------


def link(path, outside):
    path.symlink_to(outside)


def folder_of_another_user(path, outside):
    need_root()
    shutil.copytree(outside, path)
    for made in (path, *path.rglob("*")):
        made.chmod(0o777 if made.is_dir() else 0o666)
        os.chown(made, OTHER_USER if made == path else 0, -1)


def link_of_another_user(path, outside):
    need_root()
    path.symlink_to(outside)
    os.lchown(path, OTHER_USER, OTHER_USER)


OPERATIONS = {
    "list": lambda: command("list", "--all"),
    "show": lambda: command("show", "old"),
    "restore": lambda: command("restore", "old"),
    "rm": lambda: command("rm", "--force", "old"),
    "cleanup": lambda: command("cleanup", "--keep-days", "1"),
    "start": lambda: sessions.create_session(session_id="new"),
    "archive": lambda: sessions.archive_session(sessions.get_session_path(ID)),
    "append": lambda: sessions.append_to_session("old", {"type": "n"}),
    "fix": lambda: command("doctor", "--quick", "--fix"),
    "purge": delete.purge,
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("place", ["archive", "day"])
@pytest.mark.parametrize("kind", [link, link_of_another_user, folder_of_another_user])
def test_archive_that_is_a_link_or_anothers_counts_as_empty(
    world, capfd, kind, place, operation
):
    path = world.archive if place == "archive" else world.day
    shutil.rmtree(path)
    kind(path, world.outside if place == "archive" else world.outside / DAY)
    before = listing(world.outside), listing(path)
    with contextlib.suppress(OSError, HeadcountError):
        OPERATIONS[operation]()
    assert (listing(world.outside), listing(path)) == before
    assert "old  " not in capfd.readouterr().out
    assert [
        x.id for x in sessions.discover_sessions(archived=True) if x.id == "old"
    ] == []
    assert not (world.store / "old.jsonl").exists()


@pytest.mark.parametrize("place", ["archive", "day"])
@pytest.mark.parametrize("kind", [link, folder_of_another_user])
def test_doctor_reports_an_archive_that_is_a_link_or_anothers(world, kind, place):
    path = world.archive if place == "archive" else world.day
    shutil.rmtree(path)
    kind(path, world.outside)
    findings = examine.examine(Context(time.time(), quick=True))
    (finding,) = [f for f in findings if f.check == "archive"]
    said = "symbolic link" if kind is link else f"belongs to user {OTHER_USER}"
    assert f"{path} " in finding.message
    assert said in finding.message


# ---- The log ---------------------------------------------------------------------


def hard_link_to_empty(path, outside):
    os.link(outside / "private", path)


def hard_link_to_log(path, outside):
    (outside / "a.log").write_text(FULL_LOG)
    os.link(outside / "a.log", path)


def symbolic_link(path, outside):
    path.symlink_to(outside / "private")


def other_programs_log(path, outside):
    shutil.copy(outside / "errors.log", path)


def other_programs_full_log(path, _):
    path.write_text("2026-01-31 09:00:00 INFO something else\n" * 9000)


def other_users_log(path, _):
    need_root()
    path.write_text(FULL_LOG)
    path.chmod(0o666)
    os.chown(path, OTHER_USER, OTHER_USER)


def folder(path, _):
    path.mkdir()


LOGS = [
    *(hard_link_to_empty, hard_link_to_log, symbolic_link, other_programs_log),
    *(other_programs_full_log, other_users_log, folder),
]


@pytest.mark.parametrize("act", ["log", "fix", "purge"])
@pytest.mark.parametrize("name", ["errors.log", "errors.log.1"])
@pytest.mark.parametrize("kind", LOGS)
def test_log_that_is_not_ours_is_neither_written_nor_moved_nor_deleted(
    world, kind, name, act
):
    path = world.store / name
    kind(path, world.outside)
    if name == "errors.log.1":
        world.log().write_text(FULL_LOG)
    before = listing(world.outside), listing(world.store)[str(path)]
    if act == "log":
        for _ in range(3):
            error_log.log_error("test", "x" * 500)
    elif act == "fix":
        command("doctor", "--quick", "--fix")
    else:
        delete.purge()
    assert (listing(world.outside), listing(world.store)[str(path)]) == before


@pytest.mark.parametrize("kind", LOGS)
def test_log_stays_bounded_where_the_older_one_is_not_ours(world, kind):
    kind(world.store / "errors.log.1", world.outside)
    for number in range(1200):
        error_log.log_error("test", f"{number} " + "x" * 500)
    assert world.log().stat().st_size < 300 * 1024
    assert "1199" in error_log.recent(0)[-1]


@pytest.mark.parametrize("name", ["errors.log", "errors.log.1"])
@pytest.mark.parametrize("kind", LOGS)
def test_doctor_reports_a_log_that_is_not_ours(world, kind, name):
    kind(world.store / name, world.outside)
    findings = examine.examine(Context(time.time(), quick=True))
    messages = [
        f.message for f in findings if (f.level, f.check) == ("problem", "errors")
    ]
    assert len(messages) == 1
    assert f"{world.store}/{name} " in messages[0]


# ---- Files of another user ------------------------------------------------------


def settings_folder_of_another(world):
    os.chown(world.claude, OTHER_USER, OTHER_USER)


def settings_file_of_another(world):
    os.chown(world.settings, OTHER_USER, OTHER_USER)


def backup_of_another(world):
    backup = world.claude / "settings.json.headcount-backup"
    backup.write_text("{}")
    os.chown(backup, OTHER_USER, OTHER_USER)


def settings_folder_behind_anothers_link(world):
    shutil.rmtree(world.claude)
    link_of_another_user(world.claude, world.outside)


def settings_file_behind_anothers_link(world):
    world.settings.unlink()
    link_of_another_user(world.settings, world.outside / "settings.json")


def backup_that_is_a_link(world):
    backup = world.claude / "settings.json.headcount-backup"
    backup.symlink_to(world.outside / "private")


def missing_settings_folder_in_anothers_project(world):
    shutil.rmtree(world.claude)
    os.chown(world.home, OTHER_USER, OTHER_USER)


def project_behind_anothers_link(world):
    shutil.rmtree(world.home)
    link_of_another_user(world.home, world.outside)


THEIRS = [
    *(settings_folder_of_another, settings_file_of_another, backup_of_another),
    *(settings_folder_behind_anothers_link, settings_file_behind_anothers_link),
    *(backup_that_is_a_link, missing_settings_folder_in_anothers_project),
    project_behind_anothers_link,
]


@pytest.mark.parametrize("is_dry", [True, False], ids=["dry-run", "install"])
@pytest.mark.parametrize("kind", THEIRS)
def test_settings_that_another_user_controls_are_refused(world, kind, is_dry):
    if kind is not backup_that_is_a_link:
        need_root()
    kind(world)
    before = listing(world.home), listing(world.outside)
    with pytest.raises(settings.SettingsError) as refused:
        settings.install_hooks(str(world.settings), OURS, dry_run=is_dry)
    assert (listing(world.home), listing(world.outside)) == before
    is_link = kind is backup_that_is_a_link or "link" in kind.__name__
    assert ("symbolic link" if is_link else f"user {OTHER_USER}, not") in str(
        refused.value
    )


@pytest.mark.parametrize("is_folder", [True, False], ids=["folder", "file"])
def test_settings_behind_ones_own_link_are_written(world, is_folder):
    path = world.claude if is_folder else world.settings
    shutil.rmtree(path) if is_folder else path.unlink()
    path.symlink_to(world.outside if is_folder else world.outside / "settings.json")
    settings.install_hooks(str(world.settings), OURS)
    assert path.is_symlink()
    assert json.loads((world.outside / "settings.json").read_text())["a"] == 1
    assert len(settings.installed_hooks(str(world.outside / "settings.json"))) > 5


@pytest.mark.parametrize("depth", ["file", "folder"])
def test_report_is_not_written_through_a_link_of_another_user(world, depth):
    need_root()
    path = world.folder / "shared"
    if depth == "file":
        path.mkdir()
        link_of_another_user(path / "report.html", world.outside / "private")
    else:
        link_of_another_user(path, world.outside)
    before = listing(world.outside)
    with pytest.raises(OSError, match=f"symbolic link of user {OTHER_USER}"):
        atomic.write(str(path / "report.html"), b"page")
    assert listing(world.outside) == before


def test_report_does_not_replace_a_file_of_another_user(world):
    need_root()
    path = world.folder / "report.html"
    path.touch()
    os.chown(path, OTHER_USER, OTHER_USER)
    with pytest.raises(OSError, match=f"belongs to user {OTHER_USER}"):
        atomic.write(str(path), b"page")
    assert path.read_bytes() == b""


def test_command_is_not_linked_in_a_folder_of_another_user(world):
    need_root()
    (world.home / "bin").mkdir()
    os.chown(world.home / "bin", OTHER_USER, OTHER_USER)
    (line,) = command_files._link_command()
    assert "not linked" in line
    assert list((world.home / "bin").iterdir()) == []


def test_purge_of_another_users_store_is_refused(world):
    need_root()
    os.chown(world.store, OTHER_USER, OTHER_USER)
    before = listing(world.store)
    with pytest.raises(OSError, match=f"belongs to user {OTHER_USER}"):
        delete.purge()
    assert listing(world.store) == before


# ---- A neighbour strikes at each moment in turn ---------------------------------


def replace(path, target, owner=None):
    """Put a link to *target* in the place of *path*, which is moved away."""
    with contextlib.suppress(OSError):
        os.rename(path, f"{path}.moved")
    with contextlib.suppress(OSError):
        os.symlink(target, path)
        if owner is not None:
            os.lchown(path, owner, owner)


def swap_hidden(folder_path, target):
    """Replace each temporary file in the folder with a link to *target*."""
    for path in folder_path.glob(".*.tmp"):
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            path.symlink_to(target)


def settings_temporary(world):
    return (
        lambda: settings.install_hooks(str(world.settings), OURS),
        lambda: swap_hidden(world.claude, world.outside / "private"),
    )


def settings_file(world):
    need_root()
    target = world.outside / "settings.json"
    return (
        lambda: settings.install_hooks(str(world.settings), OURS),
        lambda: replace(world.settings, target, OTHER_USER),
    )


def settings_folder(world):
    need_root()
    return (
        lambda: settings.install_hooks(str(world.settings), OURS),
        lambda: replace(world.claude, world.outside, OTHER_USER),
    )


def settings_folder_when_uninstalling(world):
    need_root()

    def install_in_both():
        for path in (world.settings, world.outside / "settings.json"):
            settings.install_hooks(str(path), OURS)

    world.add = install_in_both
    return (
        lambda: settings.uninstall_hooks(str(world.settings)),
        lambda: replace(world.claude, world.outside, OTHER_USER),
    )


def day_when_keeping_days(world):
    files = {"keep_days": 1, "now": FAR_FUTURE}
    return (
        lambda: delete.remove_all(
            delete.expired(**files), FAR_FUTURE, on_problem=lambda _: None
        ),
        lambda: replace(world.day, world.outside / DAY),
    )


def archive_when_keeping_days(world):
    return (
        day_when_keeping_days(world)[0],
        lambda: replace(world.archive, world.outside),
    )


def day_when_removing(world):
    def work():
        for path, size in delete.files_of("old").items():
            delete.remove(path, size, time.time())

    return work, lambda: replace(world.day, world.outside / DAY)


def day_when_restoring(world):
    return (
        lambda: sessions.restore_session("old"),
        lambda: replace(world.day, world.outside / DAY),
    )


def day_when_appending(world):
    return (
        lambda: sessions.append_to_session("old", {"type": "n"}),
        lambda: replace(world.day, world.outside / DAY),
    )


def archive_when_starting(world):
    return (
        lambda: sessions.create_session(session_id="new"),
        lambda: replace(world.archive, world.outside),
    )


def today_when_cleaning(world):
    def swap():
        for day in world.archive.iterdir():
            if day.name != DAY and not day.is_symlink():
                replace(day, world.outside)

    return sessions.cleanup_stale_sessions, swap


def archive_when_made(world):
    world.add = lambda: shutil.rmtree(world.archive)
    return sessions.cleanup_stale_sessions, lambda: replace(
        world.archive, world.outside
    )


def interrupted_move(world):
    name = f"{ID}.jsonl"
    world.add = lambda: os.link(world.store / name, world.day / name)
    return (
        lambda: sessions.append_to_session(ID, {"type": "n"}),
        lambda: replace(world.day, world.outside / DAY),
    )


def day_when_purging(world):
    return delete.purge, lambda: replace(world.day, world.outside / DAY)


def log(world):
    def swap():
        world.log().unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(world.outside / "private", world.log())

    return lambda: error_log.log_error("test", "x"), swap


def log_that_is_full(world):
    elsewhere = world.outside / "other.log"

    def write_both():
        for path in (world.log(), elsewhere):
            path.write_text(FULL_LOG)

    def swap():
        world.log().unlink(missing_ok=True)
        os.link(elsewhere, world.log())

    world.add = write_both
    return lambda: error_log.log_error("test", "x"), swap


def lock_file(world):
    path = world.store / ".install.lock"

    def swap():
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(world.outside / "private", path)

    return lambda: file_lock.with_lock(str(path), lambda: None, timeout=0.1), swap


def store_when_made(world):
    def work():
        paths.ensure_folder(str(world.folder / "made"))

    return work, lambda: replace(world.folder / "made", world.outside)


def session_file_when_fixing(world):
    path = world.store / f"{ID}.jsonl"

    world.add = lambda: path.chmod(0o644)

    def work():
        findings = examine.examine(Context(time.time(), quick=True))
        examine.fix(f for f in findings if f.check == "files")

    return work, lambda: replace(path, world.outside / "private")


def archive_when_fixing(world):
    world.add = lambda: world.archive.chmod(0o755)

    def work():
        findings = examine.examine(Context(time.time(), quick=True))
        examine.fix(f for f in findings if f.check == "archive")

    return work, lambda: replace(world.archive, world.outside)


def folder_of_the_command(world):
    need_root()
    world.add = lambda: link_command(world)
    return (
        lambda: list(command_files._link_command()),
        lambda: replace(world.home / "bin", world.outside, OTHER_USER),
    )


def folder_of_the_command_when_fixing(world):
    need_root()
    world.add = lambda: link_command(world)
    return (
        lambda: installation._replace(str(world.home / "bin/headcount"), COMMAND, ""),
        lambda: replace(world.home / "bin", world.outside, OTHER_USER),
    )


def link_command(world):
    (world.home / "bin").mkdir()
    (world.home / "bin/headcount").symlink_to(COMMAND)


ATTACKS = [
    *(settings_temporary, settings_file, settings_folder),
    *(settings_folder_when_uninstalling, day_when_keeping_days),
    *(archive_when_keeping_days, day_when_removing, day_when_restoring),
    *(day_when_appending, archive_when_starting, today_when_cleaning),
    *(archive_when_made, interrupted_move, day_when_purging, log, log_that_is_full),
    *(lock_file, store_when_made, session_file_when_fixing, archive_when_fixing),
    *(folder_of_the_command, folder_of_the_command_when_fixing),
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_neighbour_who_strikes_at_any_moment_changes_nothing_outside(
    world, figure, attack
):
    work, swap = attack(world)
    seen = {}

    def prepare():
        if seen:
            assert visible(world) == seen["before"], attack.__name__
        world.prepare()
        seen["before"] = visible(world)

    count = strikes(prepare, work, swap, world.folder)
    assert visible(world) == seen["before"]
    assert count > 2
    figure(f"{attack.__name__}: a neighbour at each of {count} moments, never won")


def visible(world):
    """Return what a neighbour wants to change: names, contents, modes, owners."""
    return {
        path: (seen[1:], os.lstat(path).st_nlink if stat.S_ISDIR(seen[1]) else 0)
        for path, seen in listing(world.outside).items()
    } | {"": os.lstat(world.outside).st_mode}


# ---- A neighbour who swaps as fast as possible ----------------------------------


def flip(path, target=None):
    """Swap *path* and a link to *target* (None: one that is there), back and forth."""
    moved, link_name = f"{path}.moved", f"{path}.link"
    with contextlib.suppress(FileExistsError, TypeError):
        os.symlink(target, link_name)
    os.rename(path, moved)
    try:
        os.rename(link_name, path)
        os.sched_yield()
        os.rename(path, link_name)
    finally:
        os.rename(moved, path)
    os.sched_yield()


def reinstall(world):
    settings.install_hooks(str(world.settings), OURS)
    settings.uninstall_hooks(str(world.settings))


def archive_and_restore(world):
    for name in (ID, "old"):
        with contextlib.suppress(OSError, HeadcountError):
            sessions.restore_session(name)
        sessions.cleanup_stale_sessions()


def keep_days(_):
    files = delete.expired(1, FAR_FUTURE)
    delete.remove_all(files, FAR_FUTURE, on_problem=lambda _: None)


RACES = {
    "settings": (
        lambda world: swap_hidden(world.claude, world.outside / "private"),
        reinstall,
    ),
    "settings folder": (lambda world: flip(world.claude, world.outside), reinstall),
    "archive": (lambda world: flip(world.archive, world.outside), archive_and_restore),
    "day, cleanup": (lambda world: flip(world.day, world.outside / DAY), keep_days),
    "day, rm": (
        lambda world: flip(world.day, world.outside / DAY),
        lambda _: [
            delete.remove(*f, FAR_FUTURE) for f in delete.files_of("old").items()
        ],
    ),
    "log": (
        lambda world: flip(world.log()),  # and a hard link
        lambda _: error_log.log_error("test", "x" * 900),
    ),
}


@pytest.mark.parametrize("race", RACES)
def test_race_against_a_neighbour_is_never_lost(world, full, figure, race):
    swap, work = RACES[race]
    if race == "settings folder":
        need_root()  # a link of our own would be followed
    for path in (world.folder, world.store, world.archive, world.home, world.claude):
        path.chmod(0o777)
    error_log.log_error("test", "x")
    os.link(world.outside / "private", f"{world.log()}.link")
    before, until = visible(world), time.monotonic() + RACE_SECONDS
    text, attempts = (world.day / "old.jsonl").read_text(), itertools.count(1)
    theirs = World(pathlib.Path(), world.outside)
    with Neighbour(lambda: swap(theirs), world.folder):
        for number in attempts:
            with contextlib.suppress(OSError, HeadcountError):
                work(world)
            assert visible(world) == before
            with contextlib.suppress(OSError):
                (world.day / "old.jsonl").write_text(text)
            if time.monotonic() > until if full else number >= ATTEMPTS:
                break
    figure(f"race for {race}: {number} attempts, never lost")
