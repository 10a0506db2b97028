"""The error log: one line per error, bounded, and never an error itself."""

from __future__ import annotations

import re
import stat

from support import errors

from lib.store import error_log


def test_error_log_has_one_line_per_error_and_is_bounded(store):
    for number in range(3000):
        error_log.log_error(
            "test", ValueError(f"no {number}\nsecond line\x1b " + "x" * 200)
        )
    log, older = store / "errors.log", store / "errors.log.1"
    assert log.stat().st_size + older.stat().st_size < 600 * 1024
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    last = errors(store).splitlines()[-1]
    assert re.match(r"\d{4}-\S+Z \d+\.\d+\.\d+ test: ValueError: no 2999 second", last)
    assert error_log.recent(0)[-1] == last
    assert error_log.recent(2e9) == []


def test_unwritable_error_log_is_silent(store, tmp_path, capfd):
    store.mkdir()
    (store / "errors.log").symlink_to(tmp_path / "elsewhere")
    error_log.log_error("test", "x")
    assert not (tmp_path / "elsewhere").exists()
    assert capfd.readouterr() == ("", "")
