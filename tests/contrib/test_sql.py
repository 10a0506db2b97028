"""The views of `contrib/duckdb` and `contrib/clickhouse` say what `list` says."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import duckdb
import pytest
from support import ROOT

from lib import sessions
from lib.record import timestamps

SAME = (
    *(
        "session_id",
        "state",
        "waiting_for",
        "cwd",
        "branch",
        "label",
        "name",
        "host",
        "pid",
    ),
    "archived",
)
TIMES = ("state_since", "start_time", "last_heartbeat")


class Duck:
    """DuckDB with the views on the store; *milliseconds* makes a number of a time."""

    milliseconds = "epoch_ms({})"
    seconds = "epoch(waited)"

    def __init__(self, store):
        self._database = duckdb.connect()
        self._database.execute(f"SET VARIABLE headcount = '{store}'")
        self._database.execute((ROOT / "contrib/duckdb/headcount.sql").read_text())

    def load(self):
        """Do nothing: it always reads the files."""

    def rows(self, query):
        relation = self._database.sql(query)
        return [
            dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()
        ]

    def close(self):
        self._database.close()


# Answers the queries that it reads, each a line of JSON.
SERVER = """
import json, sys
import chdb.session
session = chdb.session.Session()
for line in sys.stdin:
    query, form = json.loads(line)
    print(json.dumps(str(session.query(query, form))), flush=True)
"""


class ClickHouse:
    """ClickHouse with the table of the store.

    In a process of its own: chdb blocks SIGPIPE where it is imported, also for every
    process that is started from there.
    """

    milliseconds = "toUnixTimestamp64Milli({})"
    seconds = "waited_seconds"

    def __init__(self, store):
        self._server = subprocess.Popen(
            [sys.executable, "-c", SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._query("USE default")
        self._query(f"SET param_store = '{store}'")
        self._run("schema.sql")
        self.load()

    def load(self):
        self._run("load.sql")

    def rows(self, query):
        query = query.replace("FROM ", "FROM headcount.")
        settings = "SETTINGS output_format_json_quote_64bit_integers = 0"
        output = self._query(f"{query} {settings}", "JSONEachRow")
        return [json.loads(line) for line in output.splitlines()]

    def close(self):
        self._server.communicate()

    def _run(self, name):
        self._query((ROOT / "contrib/clickhouse" / name).read_text())

    def _query(self, text, form="CSV"):
        self._server.stdin.write(json.dumps([text, form]) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


@pytest.fixture(params=[Duck, ClickHouse], ids=["duckdb", "clickhouse"])
def database(request, kinds):
    opened = request.param(kinds)
    yield opened
    opened.close()


def times_of(session):
    return [round(timestamps.parse(session[key]) * 1000) for key in TIMES]


def test_sessions_are_as_list_shows_them(database, listed):
    times = ", ".join(f"{database.milliseconds.format(key)} AS {key}" for key in TIMES)
    found = database.rows(f"SELECT {', '.join(SAME)}, {times} FROM sessions")
    assert len(found) == len(listed)
    for row in found:
        session = listed[row["session_id"]]
        assert row == {
            **{key: session.get(key) for key in SAME},
            **dict(zip(TIMES, times_of(session), strict=True)),
        }


def test_waiting_has_the_session_that_has_waited_longest_first(
    database, longest_waiting
):
    found = database.rows(
        f"SELECT session_id, waiting_for, {database.seconds} AS waited FROM waiting"
    )
    assert [(row["session_id"], row["waiting_for"]) for row in found] == longest_waiting
    assert all(0 <= row["waited"] < 600 for row in found)


def test_change_after_the_first_load_is_seen(database, listed):
    sessions.update_heartbeat("asks", state="busy")
    sessions.update_heartbeat("rests", state="waiting", waiting_for="permission")
    os.unlink(sessions.get_session_path("waits"))
    sessions.archive_session(sessions.get_session_path("closed"))
    database.load()
    found = database.rows("SELECT session_id FROM waiting")
    assert [row["session_id"] for row in found] == ["opened-twice", "rests"]
    (closed,) = database.rows("SELECT * FROM sessions WHERE session_id = 'closed'")
    assert closed["archived"]


def test_entries_of_other_tools_are_there(database):
    (row,) = database.rows("SELECT entry FROM entries WHERE type = 'deploy.done'")
    assert json.loads(row["entry"])["state"] == "failed"


def test_example_for_clickhouse_prints_who_waits(kinds, tmp_path):
    page = (ROOT / "docs/integrations.md").read_text()
    (code,) = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    home = tmp_path / "person"
    (home / ".local/state").mkdir(parents=True)
    (home / ".local/state/headcount").symlink_to(kinds)
    output = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "HOME": str(home)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "question" in output
    assert "closed" not in output
