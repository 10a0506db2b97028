"""The naive hook in Python: the same record, everything imported at the top.

A lock file beside each session, whole files read, an unbounded cleanup.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
from dateutil import parser as dates
from filelock import FileLock

FOLDER = Path(os.environ["HEADCOUNT_DIR"])
EVENTS = {"Stop": "turn_close", "SessionEnd": "session_close"}
STATES = {"Stop": "idle", "Notification": "idle"}


def load(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def append(path: Path, entry: dict) -> None:
    with FileLock(f"{path}.lock"), path.open("a") as file:
        file.write(json.dumps(entry) + "\n")


def common(kind: str, session_id: str) -> dict:
    return {
        "type": kind,
        "v": 1,
        "id": secrets.token_hex(8),
        "session_id": session_id,
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }


def client() -> psutil.Process:
    parents = psutil.Process().parents()
    return next((p for p in parents if p.name() == "claude"), parents[0])


def beat(payload: dict) -> None:
    session_id, event = payload["session_id"], payload["hook_event_name"]
    path = FOLDER / f"{session_id}.jsonl"
    kind, state = EVENTS.get(event, "heartbeat"), STATES.get(event, "busy")
    last = load(path)[-1]
    since = datetime.now(timezone.utc) - dates.isoparse(last["timestamp"])
    unchanged = last.get("state") == state and since < timedelta(minutes=1)
    if kind == "heartbeat" and unchanged:
        return
    process = client()
    entry = common(kind, session_id)
    append(path, {**entry, "event": event, "state": state, "pid": process.pid})


def start(payload: dict) -> None:
    session_id = payload["session_id"]
    entry = common("session_metadata", session_id)
    entry.update(pid=client().pid, cwd=payload["cwd"], tasks=[])
    append(FOLDER / f"{session_id}.jsonl", entry)
    cleanup()


def discover() -> list[tuple[Path, dict, dict]]:
    found = []
    for path in sorted(FOLDER.glob("*.jsonl")):
        entries = []
        for line in path.read_bytes().split(b"\n"):
            try:
                entries.append(json.loads(line))
            except ValueError:
                continue
        found.append((path, entries[0], entries[-1]))
    return found


def alive(last: dict) -> bool:
    written = dates.isoparse(last["timestamp"])
    fresh = datetime.now(timezone.utc) - written < timedelta(hours=24)
    return fresh and psutil.pid_exists(last.get("pid", 0))


def cleanup() -> None:
    day = FOLDER / "archive" / datetime.now(timezone.utc).strftime("%Y-%m-%d")
    for path, _, last in discover():
        if "timestamp" in last and not alive(last):
            day.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{path}.lock"):
                shutil.move(str(path), str(day / path.name))


def show() -> None:
    for _, first, last in discover():
        word = last.get("state", "idle") if alive(last) else "dead"
        print(word, first["session_id"], first["cwd"], last["timestamp"])


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["hook", "list"])
    if parser.parse_args().command == "list":
        show()
        return
    payload = json.load(sys.stdin)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if payload["hook_event_name"] == "SessionStart":
        start(payload)
    else:
        beat(payload)


if __name__ == "__main__":
    main()
