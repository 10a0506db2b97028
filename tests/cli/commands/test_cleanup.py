"""`headcount cleanup`: which sessions are archived, and how long they are kept."""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import time

import pytest
from command_line import DAY, KEYS, archive, create, write
from support import DEAD_PID, ID

from lib.cli.terminal import progress
from lib.record import timestamps

HOUR = 3600


def ago(seconds):
    return timestamps.from_epoch(time.time() - seconds)


def filed(store, session_id, days, **changes):
    """An archived session, put into the folder of so many days ago."""
    path = archive(store, session_id, last_heartbeat=ago(days * DAY), **changes)
    folder = store / "archive" / ago(days * DAY)[:10]
    folder.mkdir(exist_ok=True)
    target = folder / path.name
    path.rename(target)
    if not list(path.parent.iterdir()):
        path.parent.rmdir()
    return target


# ---- --older-than ---------------------------------------------------------------


def test_older_than_archives_only_sessions_silent_for_longer(headcount, store):
    write(store, "young", last_heartbeat=ago(11 * HOUR))
    write(store, "old", last_heartbeat=ago(13 * HOUR))
    code, out, _ = headcount("cleanup", "--older-than", "12h")
    assert code == 0
    assert out.splitlines()[-1] == "archived 1 of 2 sessions; left: 1 dead"
    assert (store / "young.jsonl").exists()
    assert not (store / "old.jsonl").exists()


def test_older_than_never_archives_a_live_session(headcount, store):
    create("living")
    path = write(store, "dead", last_heartbeat=ago(HOUR))
    headcount("cleanup", "--older-than", "1s")
    assert (store / "living.jsonl").exists()
    assert not path.exists()


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["--older-than", "soon"], id="no-span"),
        pytest.param(["--keep-days", "0"], id="no-days"),
        pytest.param(["--keep-days", "-3"], id="negative"),
        pytest.param(["--keep-days", "12h"], id="half-a-day"),
        pytest.param(["--keep-days", "9" * 40], id="endless"),
    ],
)
def test_invalid_duration_exits_2_and_changes_nothing(headcount, store, words):
    path, kept = write(store, "dead"), filed(store, "long-gone", 9000)
    code, out, err = headcount("cleanup", *words)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert path.exists()
    assert kept.exists()


# ---- --keep-days ----------------------------------------------------------------


def test_cleanup_without_keep_days_deletes_nothing(headcount, store):
    path = filed(store, "long-gone", 5000)
    assert headcount("cleanup") == (0, "archived 0 of 0 sessions\n", "")
    assert path.exists()


def test_keep_days_deletes_older_archived_files_and_emptied_days(headcount, store):
    old, older = filed(store, "old-one", 31), filed(store, "older-one", 400)
    edge, young = filed(store, "edge-one", 30), filed(store, "young-one", 1)
    live = create("living")
    code, out, err = headcount("cleanup", "--keep-days", "30")
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == (
        "deleted 2 archived files, archived more than 30 days ago"
    )
    assert not old.parent.exists()
    assert not older.parent.exists()
    assert edge.exists()
    assert young.exists()
    assert (store / f"{live}.jsonl").exists()


def test_keep_days_dry_run_lists_the_files_and_deletes_nothing(headcount, store):
    path = filed(store, "old-one", 31)
    code, out, _ = headcount("cleanup", "--keep-days", "30", "--dry-run")
    assert code == 0
    assert out.splitlines()[-2:] == [
        str(path),
        "would delete 1 archived file, archived more than 30 days ago",
    ]
    said = headcount("cleanup", "--keep-days", "30d", "--dry-run", "--json")[1]
    assert json.loads(said)["removed"] == [str(path)]
    assert path.exists()
    said = headcount("cleanup", "--keep-days", "30d", "--json")[1]
    assert json.loads(said)["removed"] == [str(path)]
    assert not path.exists()


def test_keep_days_deletes_only_proven_session_files(headcount, store, tmp_path):
    day = filed(store, "old-one", 31).parent
    elsewhere = tmp_path / "elsewhere.jsonl"
    elsewhere.write_text("precious\n")
    (day / "linked.jsonl").symlink_to(elsewhere)
    (day / "transcript.jsonl").write_text('{"type":"user"}\n')
    (day / "README").write_text("mine\n")
    (day / "folder.jsonl").mkdir()
    (day / "other-id.jsonl").write_text(
        (day / "old-one.jsonl").read_text()  # begins with another's metadata
    )
    (day / "second.jsonl").write_text(
        (day / "old-one.jsonl").read_text().replace("old-one", "second")
    )
    (day / "later.jsonl").write_text(
        '{"type":"user"}\n'
        + (day / "old-one.jsonl").read_text().replace("old-one", "later")
    )
    os.link(day / "second.jsonl", tmp_path / "second name")
    no_day = store / "archive" / "2020-01"
    no_day.mkdir()
    (day / "old-one.jsonl").rename(no_day / "old-one.jsonl")
    before = sorted(path.name for path in day.iterdir())
    code, out, err = headcount("cleanup", "--keep-days", "30")
    assert code == 1
    assert "deleted 0 archived files" in out
    assert sorted(path.name for path in day.iterdir()) == before
    assert (no_day / "old-one.jsonl").exists()
    assert "transcript.jsonl was not deleted" in err
    assert "second name (hard link)" in err
    assert elsewhere.read_text() == "precious\n"


def test_keep_days_does_not_follow_a_linked_day_folder(headcount, store, tmp_path):
    path = filed(store, "old-one", 31)
    path.parent.rename(tmp_path / "moved")
    path.parent.symlink_to(tmp_path / "moved")
    assert "deleted 0" in headcount("cleanup", "--keep-days", "30")[1]
    assert (tmp_path / "moved" / path.name).exists()


def test_keep_days_spares_an_archived_session_that_may_be_alive(headcount, store):
    path = filed(store, "far-one", 31)
    changed = json.loads(path.read_text())
    changed.update(pid=1, host="elsewhere", last_heartbeat=ago(60))
    path.write_text(json.dumps(changed) + "\n")
    code, _, err = headcount("cleanup", "--keep-days", "30")
    assert code == 1
    assert "far-one is unknown" in err
    assert path.exists()


def test_keep_days_deletes_no_older_file_while_a_newer_is_locked(headcount, store):
    path = filed(store, "twice", 31)
    first = path.rename(path.with_name("first"))
    newer = filed(store, "twice", 31)
    newer.rename(newer.with_name("twice.1.jsonl"))
    first.rename(newer)
    newer, older = newer.with_name("twice.1.jsonl"), newer
    with newer.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        code, _, err = headcount("cleanup", "--keep-days", "30")
    assert code == 1
    assert "twice.1.jsonl was not deleted: cannot lock" in err
    assert older.exists()
    assert headcount("cleanup", "--keep-days", "30")[0] == 0
    assert not older.exists()
    assert not newer.exists()


def test_keep_days_counts_utc_days(headcount, store):
    today = dt.datetime.now(dt.timezone.utc).date()
    for days in (1, 2):
        filed(store, f"gone-{days}", days)
    headcount("cleanup", "--keep-days", "1", TZ="Pacific/Kiritimati")
    left = [path.name for path in (store / "archive").iterdir()]
    assert left == [str(today - dt.timedelta(days=1))]


# ---- progress -------------------------------------------------------------------


class Terminal:
    """A stream that says it is a terminal, and keeps what it is given."""

    def __init__(self, is_one=True):
        self.is_one, self.seen = is_one, ""

    def isatty(self):
        return self.is_one

    def write(self, text):
        self.seen += text

    def flush(self):
        pass


def steps(stream, seconds_each):
    now = iter(range(10_000))
    with progress.Progress(
        "archiving", 10, stream, lambda: next(now) * seconds_each
    ) as going:
        for _ in range(10):
            going.step()
    return stream.seen


def test_progress_bar_appears_after_a_second_and_is_erased(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    seen = steps(Terminal(), 0.5)
    assert "archiving [##########..........] 5 of 10" in seen
    assert seen.endswith("\r\x1b[K")
    assert "\n" not in seen


def test_progress_bar_is_not_shown_for_quick_jobs_pipes_and_dumb_terminals(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    assert steps(Terminal(), 0.01) == ""
    assert steps(Terminal(is_one=False), 0.5) == ""
    monkeypatch.setenv("TERM", "dumb")
    assert steps(Terminal(), 0.5) == ""


def test_progress_counts_every_examined_session(store, monkeypatch):
    from lib import sessions

    for number in range(7):
        write(store, f"dead-{number}")
    looked = []
    sessions.cleanup_stale_sessions(on_progress=lambda: looked.append(1))
    assert len(looked) == 7


def test_cleanup_archives_finished_sessions_and_gives_the_reason(headcount, store):
    create()
    write(store, "dead-one")
    write(
        store,
        "old-one",
        last_heartbeat=timestamps.from_epoch(time.time() - 2 * DAY),
        pid=None,
    )
    code, out, err = headcount("cleanup")
    assert (code, err) == (0, "")
    *moved, summary = out.splitlines()
    assert f"dead-one  dead  pid {DEAD_PID} is gone" in moved
    assert len(moved) == 2
    assert summary == "archived 2 of 3 sessions; left: 1 alive"
    assert [path.name for path in store.glob("*.jsonl")] == [f"{ID}.jsonl"]
    assert headcount("cleanup")[1] == "archived 0 of 1 session; left: 1 alive\n"


def test_cleanup_names_what_it_archived(headcount, store):
    write(store, "dead-one", label="nightly", cwd="/srv/shop")
    _, out, _ = headcount("cleanup")
    assert out.splitlines()[0] == (
        f"dead-one  dead  nightly  /srv/shop  pid {DEAD_PID} is gone"
    )


def test_cleanup_dry_run_lists_the_sessions_and_moves_nothing(headcount, store):
    path = write(store, "dead-one")
    code, out, _ = headcount("cleanup", "--dry-run")
    assert code == 0
    assert out.splitlines()[-1] == "would archive 1 of 1 session"
    assert path.exists()
    assert json.loads(headcount("cleanup", "--dry-run", "--json")[1])["dry_run"] is True
    assert path.exists()


def test_cleanup_in_json_has_the_sessions_with_their_new_paths(headcount, store):
    write(store, "dead-one")
    done = json.loads(headcount("cleanup", "--json")[1])
    assert (done["dry_run"], done["sessions"], done["problems"]) == (False, 1, [])
    (moved,) = done["archived"]
    assert done["left"] == {}
    assert moved.keys() >= KEYS
    assert moved["archived"] is True
    assert os.path.exists(moved["path"])


def test_cleanup_reports_immovable_files_and_exits_1(headcount, store):
    write(store, "dead-one")
    (store / "archive").write_text("in the way")
    code, out, err = headcount("cleanup")
    assert code == 1
    assert out == "archived 0 of 1 session; left: 1 dead\n"
    assert err.startswith(f"headcount: {store / 'dead-one.jsonl'} was left where it is")
    assert (store / "dead-one.jsonl").exists()
