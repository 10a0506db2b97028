"""Reads the records in a box as any other tool would: from the files alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .client import Box, wait_until

Json = dict[str, Any]


class Records:
    """The store of a box."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.folder = Path(box.home, ".local/state/headcount")

    def ids(self) -> set[str]:
        """Return the ids of all sessions that are on record, archived or not."""
        return {path.stem for path in self.folder.rglob("[!.]*.jsonl")}

    def only_id(self) -> str:
        """Return the id of the one session there is."""
        (session_id,) = self.ids()
        return session_id

    def new_id(self, *known: str) -> str:
        """Wait for one session more than the *known* ones, and return its id."""
        new = wait_until(lambda: self.ids() - set(known), "a further session")
        (session_id,) = new
        return session_id

    def path(self, session_id: str) -> Path:
        """Return where the record of *session_id* is; it is in one place only."""
        (path,) = self.folder.rglob(f"{session_id}.jsonl")
        return path

    def is_archived(self, session_id: str) -> bool:
        """Whether the record of *session_id* is in the archive."""
        return (self.folder / "archive") in self.path(session_id).parents

    def entries(self, session_id: str, **like: object) -> list[Json]:
        """Return the entries of *session_id* in which all of *like* is found."""
        # Read once more if it was moved in between.
        text = wait_until(lambda: self._text(session_id), f"a record {session_id}")
        entries = [json.loads(line) for line in text.splitlines()]
        return [
            entry
            for entry in entries
            if all(entry.get(key) == value for key, value in like.items())
        ]

    def entry(self, session_id: str, **like: object) -> Json:
        """Return the one entry of *session_id* in which all of *like* is found."""
        entries = self.entries(session_id, **like)
        assert len(entries) == 1, (like, self.entries(session_id))
        return entries[0]

    def types(self, session_id: str) -> list[str]:
        """Return the types of all entries of *session_id*, in order."""
        return [entry["type"] for entry in self.entries(session_id)]

    def wait_for(self, session_id: str, **like: object) -> Json:
        """Wait for an entry of *session_id* in which all of *like* is found."""
        due = f"{like} in {session_id}"
        return wait_until(lambda: self.entries(session_id, **like), due)[-1]

    def rows(self) -> list[Json]:
        """Return what `headcount list --all` says of every session."""
        done = self.box.run("headcount", "list", "--all", "--json")
        assert done.returncode == 0, done.stderr
        rows: list[Json] = json.loads(done.stdout)["sessions"]
        return rows

    def listed(self, session_id: str) -> Json:
        """Return what `headcount list --all` says of *session_id*."""
        (session,) = [row for row in self.rows() if row["session_id"] == session_id]
        return session

    def verdict(self, session_id: str) -> str:
        """Return the verdict on *session_id*."""
        return str(self.listed(session_id)["verdict"])

    def errors(self) -> str:
        """Return what hooks could not do."""
        path = self.folder / "errors.log"
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def _text(self, session_id: str) -> str:
        try:
            return self.path(session_id).read_text(encoding="utf-8")
        except (ValueError, FileNotFoundError):
            return ""
