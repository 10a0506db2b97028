"""`headcount tail`: the last entries, and those that come in, of files that move."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time

import pytest
from command_line import HOSTILE, archive, create, environment, write
from support import ID, ROOT

from lib import sessions
from lib.cli.terminal.width import width
from lib.record import timestamps


def note(session_id=ID, **fields):
    """Add an entry, and return its line as it was written."""
    sessions.append_to_session(session_id, {"type": "note.a", **fields})
    return sessions.get_session_path(session_id).read_bytes().splitlines()[-1]


class Tail:
    """A running `headcount tail -f`; a context manager."""

    def __init__(self, store, *words):
        self.command = subprocess.Popen(
            [sys.executable, "-m", "lib", "tail", "-f", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env=environment(store),
            bufsize=0,
        )
        self._seen = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.command.kill()
        self.command.communicate()

    def line(self):
        """The next line of stdout, awaited."""
        while b"\n" not in self._seen:
            ready, _, _ = select.select([self.command.stdout], [], [], 30)
            assert ready, "nothing came"
            more = os.read(self.command.stdout.fileno(), 65_536)
            assert more, self.command.stderr.read()
            self._seen += more
        line, _, self._seen = self._seen.partition(b"\n")
        return line

    def end(self):
        """Its exit code, the rest of stdout, and stderr, when it ends by itself."""
        out, err = self.command.communicate(timeout=30)
        return self.command.returncode, self._seen + out, err.decode()


# ---- What there is ----------------------------------------------------------------


def test_tail_shows_the_last_ten_or_the_requested_entries(headcount):
    create()
    for number in range(15):
        note(number=number)
    code, out, err = headcount("tail", ID[:8])
    assert (code, err) == (0, "")
    rows = out.splitlines()
    assert [row.split()[-1] for row in rows] == [
        f'{{"number":{number}}}' for number in range(5, 15)
    ]
    assert headcount("tail", ID, "-n", "2")[1].splitlines() == rows[-2:]
    assert headcount("tail", ID, "-n", "0")[1] == ""
    assert len(headcount("tail", ID, "--lines", "999")[1].splitlines()) == 16


def test_tail_shows_local_times(headcount, store):
    write(store, "one", start_time="2026-11-25T14:03:22.000Z", source="startup")
    _, out, _ = headcount("tail", "one", TZ="EST5")
    assert out == "11-25 09:03:22  started\n"


def test_tail_without_an_id_merges_all_live_sessions_by_time(headcount, store):
    now = time.time()
    for number in range(20):
        when = timestamps.from_epoch(now - 60 + number)
        path = write(
            store,
            f"session-{number:02d}",
            label=f"label {number}",
            start_time=when,
            last_heartbeat=when,
        )
        entry = {"type": "note.a", "timestamp": when}
        with path.open("a") as file:
            for step in range(2):
                file.write(json.dumps({**entry, "step": step}) + "\n")
        os.utime(path, (now - 60 + number, now - 60 + number))
    archive(store, "filed-one")
    rows = headcount("tail", "-n", "99")[1].splitlines()
    assert len(rows) == 60
    assert [row[16:32].strip() for row in rows if "note.a" in row] == [
        f"label {number}" for number in range(20) for _ in range(2)
    ]
    assert headcount("tail", "-n", "5")[1].splitlines() == rows[-5:]


def test_tail_finds_the_last_entries_regardless_of_file_times(headcount, store):
    now = time.time()
    for number in range(30):
        when = timestamps.from_epoch(now - 1000 + number)
        write(store, f"{number:08d}", start_time=when, last_heartbeat=when)
    rows = headcount("tail", "-n", "3")[1].splitlines()
    assert [row.split()[2] for row in rows] == ["00000027", "00000028", "00000029"]


def test_tail_names_a_session_without_a_label_by_its_id(headcount):
    create("6f2a1b3c-one")
    create("77777777-two", label="👩🏽\u200d🚀 launch of the rocket")
    first, second = headcount("tail")[1].splitlines()
    assert first.split()[2] == "6f2a1b3c"
    starts = [width(line[: line.index("started")]) for line in (first, second)]
    assert starts[0] == starts[1]


def test_tail_skips_damaged_lines_without_counting_them(headcount, store):
    create()
    note(number=1)
    path = store / f"{ID}.jsonl"
    with path.open("ab") as file:
        file.write(b"torn\n" * 300 + b"\0" * 200_000 + b"\n[1]\n")
    _, out, _ = headcount("tail", ID, "-n", "2", "--json")
    assert [json.loads(line)["type"] for line in out.splitlines()] == [
        "session_metadata",
        "note.a",
    ]


def test_tail_shows_a_whole_entry_without_its_newline(headcount, store):
    create()
    path = store / f"{ID}.jsonl"
    with path.open("ab") as file:
        file.write(b'{"type":"note.b"}')
    assert headcount("tail", ID, "-n", "1", "--json")[1] == '{"type":"note.b"}\n'
    with path.open("ab") as file:
        file.write(b'\n{"type":"note.c"')
    assert headcount("tail", ID, "-n", "1", "--json")[1] == '{"type":"note.b"}\n'


def test_tail_json_prints_the_lines_as_written(headcount, store):
    create()
    note(text="日本語\x7f")
    path = store / f"{ID}.jsonl"
    by_hand = '{ "type" : "note.b",  "text":"ä" }'.encode()
    with path.open("ab") as file:
        file.write(b"\xef\xbb\xbf" + by_hand + b"\n")
    done = subprocess.run(
        [sys.executable, "-m", "lib", "tail", ID, "--json", "-n", "2"],
        env=environment(store, PYTHONUTF8="0", PYTHONIOENCODING="ascii"),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    assert done.stdout == path.read_bytes().splitlines()[1] + b"\n" + by_hand + b"\n"
    assert done.stderr == b""


def test_tail_prints_no_control_characters(headcount, terminal, store):
    create(label=HOSTILE)
    note(text=HOSTILE)
    raw = '{"type":"note.b","text":"\x9b2J\u202elanif\x7f"}'
    with (store / f"{ID}.jsonl").open("a") as file:
        file.write(raw + "\n")
    for words in (["tail"], ["tail", ID]):
        for out in (headcount(*words)[1], terminal(*words, NO_COLOR="1")):
            assert [row for row in out.split("\n") if not row.isprintable()] == []
    shown = terminal("tail", ID, "--json", "-n", "1", columns=500)
    assert shown.isascii()
    assert json.loads(shown) == json.loads(raw)


def test_tail_dims_the_times_on_a_terminal(terminal):
    create()
    assert re.match(r"\x1b\[2m[\d: -]{14}\x1b\[0m  started\n", terminal("tail", ID))


@pytest.mark.parametrize("columns", [30, 80, 200])
def test_tail_lines_fit_the_terminal(terminal, columns):
    create(label="日本語" * 9)
    note(text="👩🏽\u200d🚀" * 100)
    for words in (["tail"], ["tail", ID]):
        rows = terminal(*words, columns=columns, NO_COLOR="1").splitlines()
        assert max(map(width, rows)) <= columns


def test_tail_of_an_empty_store_prints_a_message(headcount, store):
    code, out, err = headcount("tail")
    assert (code, out) == (0, "")
    assert err == f"headcount: no entries in {store} now\n"


@pytest.mark.parametrize(
    "number",
    ["-1", "ten", "", "1" * 5000],
    ids=["negative", "word", "empty", "5000-digits"],
)
def test_invalid_number_of_lines_exits_2_with_a_message(headcount, number):
    code, out, err = headcount("tail", f"--lines={number}")
    assert (code, out) == (2, "")
    assert "not a valid number" in err
    assert err.count("\n") == 1


def test_tail_of_an_unknown_id_exits_3(headcount):
    assert headcount("tail", "nope")[0] == 3


# ---- What comes in ----------------------------------------------------------------


def test_follow_shows_entries_as_they_are_written(store):
    create()
    with Tail(store, ID) as tail:
        assert tail.line().endswith(b"  started")
        for number in range(3):
            note(number=number)
            assert tail.line().endswith(f'{{"number":{number}}}'.encode())


def test_follow_json_prints_lines_as_they_are_written(store):
    create()
    with Tail(store, "--json") as tail:
        tail.line()
        create("second")
        assert json.loads(tail.line())["session_id"] == "second"
        assert note() == tail.line()
        assert note("second") == tail.line()


def test_follow_shows_new_sessions_with_their_labels(store):
    with Tail(store) as tail:
        create("6f2a1b3c-one", label="nightly build")
        assert b"  nightly build     started" in tail.line()
        sessions.append_to_session(
            "6f2a1b3c-one", {"type": "session_update", "label": "weekly"}
        )
        assert b"  weekly            label: weekly" in tail.line()


def test_follow_waits_for_the_rest_of_a_torn_line(store):
    path = sessions.get_session_path(create())
    with Tail(store, "--json") as tail:
        tail.line()
        with path.open("ab", buffering=0) as file:
            file.write(b'{"type":"note.a","te')
            create("another")
            assert (
                json.loads(tail.line())["session_id"] == "another"
            )  # so it has looked
            file.write(b'xt":"whole"}\n')
        assert tail.line() == b'{"type":"note.a","text":"whole"}'


def test_follow_waits_for_a_line_torn_before_it_started(store):
    create("last")
    path = write(store, ID)
    os.utime(path, (0, 0))  # so that -n 1 does not read it
    with path.open("ab", buffering=0) as file:
        file.write(b'{"type":"note.a","te')
        os.utime(path, (0, 0))
        with Tail(store, "--json", "-n", "1") as tail:
            tail.line()
            file.write(b'xt":"whole"}\n')
            assert tail.line() == b'{"type":"note.a","text":"whole"}'


def test_follow_reads_an_archived_session_to_its_end_and_after_its_restore(store):
    create("stays")
    create()
    with Tail(store, "--json") as tail:
        assert {json.loads(tail.line())["session_id"] for _ in "ab"} == {"stays", ID}
        last = note(text="last words")
        archived = sessions.archive_session(store / f"{ID}.jsonl")
        assert tail.line() == last
        assert archived.exists()
        after = note(text="back")  # which brings it back
        assert tail.line() == after
        assert note("stays") == tail.line()


def test_follow_shows_only_new_entries_of_a_restored_session(store):
    create("stays")
    create()
    note(text="old")
    sessions.archive_session(store / f"{ID}.jsonl")
    (store / "archive/2020-01-01").touch()  # no folder; that is nobody's concern here
    with Tail(store, "--json") as tail:
        assert json.loads(tail.line())["session_id"] == "stays"
        assert note(text="back") == tail.line()
        create("new")
        assert json.loads(tail.line())["type"] == "session_metadata"


def test_follow_of_a_session_ends_when_it_is_archived(store):
    create()
    with Tail(store, ID, "--json") as tail:
        tail.line()
        last = note(text="last words")
        sessions.archive_session(store / f"{ID}.jsonl")
        code, out, err = tail.end()
    assert (code, out) == (0, last + b"\n")
    assert err.startswith("headcount: the session is in the archive")


def test_follow_of_an_archived_session_shows_it_and_ends(store):
    archive(store, ID)
    with Tail(store, ID) as tail:
        code, out, _ = tail.end()
    assert code == 0
    assert out.count(b"\n") == 1


def test_follow_reads_a_truncated_or_replaced_file_again(store):
    create("other")
    path = write(store, ID, label="x" * 500)
    with Tail(store, "--json") as tail:
        tail.line()
        tail.line()
        path.write_bytes(b'{"type":"note.a"}\n')
        assert tail.line() == b'{"type":"note.a"}'
        path.unlink()
        for _ in range(2):  # the second is seen by a look that began after the first
            last = note("other")
            assert tail.line() == last
        path.write_bytes(b'{"type":"note.b"}\n')
        assert tail.line() == b'{"type":"note.b"}'


def test_follow_works_before_the_store_exists(store, tmp_path):
    assert not store.exists()
    with Tail(store, "--json") as tail:
        create()
        assert json.loads(tail.line())["session_id"] == ID


def test_tail_started_with_sigint_ignored_survives_a_sigint(store):
    """As a shell starts a job in the background."""
    create()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    tail = Tail(store, "--json")
    signal.signal(signal.SIGINT, before)
    with tail:
        tail.line()
        tail.command.send_signal(signal.SIGINT)
        last = note()
        assert tail.line() == last


@pytest.mark.usefixtures("interruptible")
def test_interrupt_exits_130_silently(store):
    create()
    with Tail(store) as tail:
        tail.line()
        tail.command.send_signal(signal.SIGINT)
        assert tail.end() == (130, b"", "")


def test_follow_ends_when_its_reader_is_gone(store):
    create()
    with Tail(store) as tail:
        tail.line()
        tail.command.stdout.close()
        assert tail.command.wait(timeout=30) == 141
        assert tail.command.stderr.read() == b""


def test_follow_without_a_stdout_ends(store):
    create()
    script = f'"$0" -m lib tail -f {ID} >&-'
    done = subprocess.run(
        ["bash", "-c", script, sys.executable],
        env=environment(store),
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.stderr == b""
