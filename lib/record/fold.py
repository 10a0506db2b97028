"""What a session is now: its metadata entry, and what the entries after it make of it.

Each lifecycle entry carries what must not be lost from sight: the process, further
processes that have the session open (`others`), and a label or tasks set later. So the
last one, with line 1, is enough to go by.
"""

from __future__ import annotations

from ..system import process
from . import timestamps
from .schema import (
    CLOSE,
    HEARTBEAT,
    LATER_TEXTS,
    PROCESS_KEYS,
    RESUME,
    TEXTS,
    TURN_CLOSE,
    UPDATE,
    is_lifecycle,
    state_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Process, SessionEntry, SessionMetadata
    from .attached import Openers


_NOTHING: frozenset[str] = frozenset()
_CARRIED = frozenset(["label", "tasks", *LATER_TEXTS])


class Snapshot:
    """A session as read: `metadata` folded, `metadata_entry` as written."""

    __slots__ = ("metadata", "metadata_entry")

    def __init__(self, metadata_entry: SessionEntry, metadata: SessionMetadata) -> None:
        self.metadata_entry = metadata_entry
        self.metadata = metadata


class Fold:
    """The metadata entry *first* at *now*, to which later entries are applied in turn.

    Ten thousand of these make a list, so what most entries lack is looked for once, and
    the one process that most sessions have is kept in what is known, with no Openers.
    """

    __slots__ = (
        "_ahead",
        "_host",
        "_known",
        "_latest",
        "_newest",
        "_openers",
        "_start",
        "_updated",
    )

    def __init__(self, first: SessionEntry, now: float) -> None:
        self._latest = timestamps.latest_plausible(now)
        self._host = first.get("host")
        self._known: dict[str, object] = {"session_id": first["session_id"]}
        self._openers: Openers | None = None
        self._newest = ""
        self._ahead = False
        self._updated = _NOTHING
        self._start = timestamps.normalize(first.get("start_time")) or ""
        if self._start:
            self._known["start_time"] = self._start
        self._copy_texts(first, TEXTS)
        self._see_label(first, carried=True)

    def begin(self, first: SessionEntry) -> None:
        """See the process of the metadata entry: nothing that came later is skipped."""
        self._see_time(first.get("last_heartbeat"))
        self._see_process(first, "idle")

    def apply(self, entries: Iterable[SessionEntry]) -> None:
        """Apply *entries* in the order of the file; those of others say nothing."""
        for entry in entries:
            if is_lifecycle(entry):
                self._see_time(entry.get("timestamp"))
                if not _CARRIED.isdisjoint(entry):
                    self._see_label(entry, carried=True)
                    self._copy_texts(entry, LATER_TEXTS)
                self._see_event(entry)
            elif entry.get("type") == UPDATE:
                self._see_label(entry, carried=False)

    def skip(self) -> None:
        """Have the file's own time to go by: of what it says last nothing is known."""
        self._ahead = True

    def result(self, modified: float) -> SessionMetadata:
        """Return the folded metadata; *modified* is the file's time, at most now."""
        if self._openers is not None:
            self._known.update(self._openers.current())
            if others := self._openers.others():
                self._known["others"] = others
        metadata: SessionMetadata = self._known  # type: ignore[assignment]
        if metadata.setdefault("state", "idle") != "closed":
            metadata.pop("close_reason", None)
        metadata["last_heartbeat"] = self._last_heartbeat(modified)
        return metadata

    def _see_event(self, entry: SessionEntry) -> None:
        kind = entry["type"]
        if kind in (HEARTBEAT, TURN_CLOSE):
            self._see_process(entry, entry.get("state"))
        elif kind == CLOSE:
            self._all_openers().close(entry)
            reason = entry.get("reason")
            self._known["close_reason"] = reason if isinstance(reason, str) else "other"
        elif kind == RESUME:
            self._all_openers().begin_anew(entry)

    def _see_process(self, entry: SessionEntry, state: object) -> None:
        if self._openers is None and state != "closed" and self._is_only_one(entry):
            self._known["state"] = state_of(state) or self._known.get("state", "idle")
        else:
            self._all_openers().see(entry, state)

    def _is_only_one(self, entry: SessionEntry) -> bool:
        """Whether *entry* names the one process that is known, or the first."""
        known, host = self._known, self._host
        if "others" in entry or entry.get("host", host) != host:
            return False
        if "pid" not in known:
            known.update(process.process_of(entry, host) or {})
            return True
        same_pid = entry.get("pid") == known["pid"]
        return same_pid and entry.get("process") == known.get("process")

    def _all_openers(self) -> Openers:
        if self._openers is None:
            from .attached import Openers  # few sessions need them

            known, keys = self._known, (*PROCESS_KEYS, "state")
            last: Process = {key: known.pop(key) for key in keys if key in known}  # type: ignore[assignment]
            self._openers = Openers(last, self._host)
        return self._openers

    def _see_time(self, value: object) -> None:
        when = self._start if value == self._start else timestamps.normalize(value)
        if when is None or when <= self._newest:
            return
        if timestamps.is_plausible(when, self._latest):
            self._newest = when
        else:
            self._ahead = True

    def _last_heartbeat(self, modified: float) -> str:
        """The newest time of all lifecycle entries.

        An entry from the future says nothing; then the file's own time does, which is
        never later than now. Without any, the start, and then the file's time.
        """
        if self._ahead:
            return max(self._newest, timestamps.from_epoch(modified))
        return self._newest or self._start or timestamps.from_epoch(modified)

    def _see_label(self, entry: SessionEntry, *, carried: bool) -> None:
        """Take label and tasks from an update, or as an entry of ours carries them.

        What is carried is never newer than an update that was read before it.
        """
        if "label" in entry:
            self._take(entry, "label", str, carried=carried)
            if not self._known.get("label"):
                self._known.pop("label", None)
        if "tasks" in entry:
            self._take(entry, "tasks", list, carried=carried)

    def _take(
        self, entry: SessionEntry, key: str, kind: type, *, carried: bool
    ) -> None:
        if not isinstance(entry[key], kind) or (carried and key in self._updated):
            return
        self._known[key] = entry[key]
        if not carried:
            self._updated |= {key}

    def _copy_texts(self, entry: SessionEntry, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key in entry and isinstance(entry[key], str):
                self._known[key] = entry[key]
