"""`headcount doctor` about the errors that hooks logged."""

from __future__ import annotations

import time

from support import ID

from lib.record import timestamps
from lib.store import error_log


def test_logged_errors_are_reported_once_each_with_their_count(
    examine, doctor, installed, store
):
    for number in range(5):
        error_log.log_error(
            "heartbeat", f"{ID[:-1]}{number} is busy for {number} s \x1b[31m"
        )
    error_log.log_error("stop", "no room")
    old = timestamps.from_epoch(time.time() - 8 * 86_400)
    log = store / "errors.log"
    log.write_text(f"{old} 0.1.0 long ago\n" + log.read_text())
    findings, code = examine()
    assert code == 0
    first, newest, other = [f["message"] for f in findings.of("warn", "errors")]
    assert first == "6 lines in errors.log of the last 7 days:"
    assert newest.startswith("1 x, last ")
    assert newest.endswith(" stop: no room")
    assert other.startswith("5 x, last ")
    assert f"heartbeat: {ID[:-1]}4 is busy for 4 s" in other
    done = doctor("--quick")
    assert all(line.isprintable() for line in done.stdout.splitlines())


def test_logged_errors_beyond_five_kinds_are_omitted(examine, installed, store):
    for word in "abcdefg":
        error_log.log_error(word * 3, "no")
    told = [finding["message"] for finding in examine()[0].of("warn", "errors")]
    assert told[0].endswith("7 days, of 7 kinds; the newest 5:")
    assert [line[-7:-4] for line in told[1:]] == ["ggg", "fff", "eee", "ddd", "ccc"]
