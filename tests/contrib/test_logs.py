"""What `contrib` has for log tools: lnav, rsyslog, OpenTelemetry and Grafana."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import socket
import subprocess

import pytest
from support import ROOT

from lib import sessions

LNAV = ROOT / "contrib/lnav"
COLLECTOR = ROOT / "contrib/opentelemetry/headcount.yaml"
needs_lnav = pytest.mark.skipif(not shutil.which("lnav"), reason="needs lnav")
RSYSLOGD = shutil.which("rsyslogd", path=f"{os.environ['PATH']}:/usr/sbin")
needs_rsyslog = pytest.mark.skipif(not RSYSLOGD, reason="needs rsyslogd")


@needs_lnav
def test_lnav_script_shows_the_sessions_that_wait(store, tmp_path, longest_waiting):
    environ = {**os.environ, "HOME": str(tmp_path)}
    subprocess.run(["lnav", "-i", LNAV / "headcount.json"], env=environ, check=True)
    script = LNAV / "headcount-waiting.lnav"
    output = subprocess.run(
        ["lnav", "-n", "-f", script, "-c", ":write-csv-to -", *store.glob("*.jsonl")],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = list(csv.DictReader(output.splitlines()))
    found = [
        (row["session_id"], row["waiting_for"].replace("<NULL>", "") or None)
        for row in rows
    ]
    # What other processes do after a close, the script does not see.
    assert found == [each for each in longest_waiting if each[0] != "opened-twice"]


@pytest.fixture
def receiver():
    """A socket for rsyslog to send to."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(30)
        yield server


@pytest.fixture
def rsyslog(receiver, store, tmp_path):
    """Start rsyslogd with the configuration for this store and *receiver*."""
    text = (ROOT / "contrib/rsyslog/headcount.conf").read_text()
    for old, new in (
        ("/home/ada/.local/state/headcount/", f"{store}/"),
        ('port="5170"', f'port="{receiver.getsockname()[1]}"'),
    ):
        assert old in text
        text = text.replace(old, new)
    configuration = tmp_path / "rsyslog.conf"
    work = tmp_path / "work"
    work.mkdir()
    configuration.write_text(f'global(workDirectory="{work}")\n{text}')
    words = [RSYSLOGD, "-f", configuration]
    subprocess.run([*words, "-N1"], check=True, stderr=subprocess.DEVNULL)
    daemon = subprocess.Popen([*words, "-n", "-i", tmp_path / "pid"])
    yield
    daemon.terminate()
    daemon.wait()


def lines_until(stream, last):
    """The messages up to the entry of type *last*."""
    messages = []
    for line in stream:
        messages.append(json.loads(line))
        if messages[-1]["entry"]["type"] == last:
            return messages
    raise AssertionError(f"no {last} in {messages}")


def entries_in(path):
    for line in path.read_bytes().splitlines():
        if line.endswith(b"}"):
            yield path.stem, json.loads(line)["id"]


@needs_rsyslog
def test_rsyslog_sends_each_entry_once_also_of_a_restored_session(
    kinds, rsyslog, receiver
):
    sessions.append_to_session("rests", {"type": "large", "text": "x" * 60_000})
    connection, _ = receiver.accept()
    with connection, connection.makefile("rb") as stream:
        connection.settimeout(30)
        messages = lines_until(stream, "large")
        sessions.archive_session(sessions.get_session_path("rests"))
        sessions.append_to_session("works", {"type": "tool.between"})
        messages += lines_until(stream, "tool.between")  # it has seen the move
        sessions.restore_session("rests")
        sessions.append_to_session("rests", {"type": "tool.last"})
        messages += lines_until(stream, "tool.last")
        sessions.append_to_session("works", {"type": "tool.very_last"})
        messages += lines_until(stream, "tool.very_last")
    sent = [
        (os.path.basename(message["file"]).partition(".")[0], message["entry"]["id"])
        for message in messages
    ]
    written = [entry for path in kinds.glob("*.jsonl") for entry in entries_in(path)]
    assert sorted(sent) == sorted(written)


def test_collector_has_the_attributes_of_the_format():
    """It cannot be run here, so at least its names are those that are documented."""
    text = (ROOT / "docs/format.md").read_text().partition("## OpenTelemetry")[2]
    configuration = COLLECTOR.read_text()
    moves = dict(
        re.findall(r'from: attributes\.headcount\.(\w+), to: .*?"(.*?)"', configuration)
    )
    documented = {}
    for fields, target in re.findall(r"^\| (`.*`) \| (.*) \|", text, re.MULTILINE):
        names = re.findall(r"(?!headcount)\b\w+\.[\w.]+", target)
        documented |= dict(zip(re.findall(r"`(\w+)`", fields), names, strict=False))
    assert documented
    assert moves == documented


def test_dashboard_asks_for_attributes_that_the_collector_sends():
    dashboard = json.loads((ROOT / "contrib/grafana/dashboard.json").read_text())
    schema = json.loads((ROOT / "docs/session.schema.json").read_text())
    moves = re.findall(r'to: .*?"(.*?)"', COLLECTOR.read_text())
    sent = {name.replace(".", "_") for name in moves}
    fields = {
        key for part in schema["$defs"].values() for key in part.get("properties", {})
    }
    sent |= {f"headcount_{field}" for field in fields}
    asked = set()
    for panel in dashboard["panels"]:
        asked |= set(re.findall(r"headcount_\w+", panel["targets"][0]["expr"]))
        for step in panel.get("transformations", []):
            asked |= set(step["options"].get("fields", {})) - {"Time", "type"}
    assert asked
    assert asked <= sent
