"""What a session is now: its metadata entry, and what the entries after it change.

Each lifecycle entry carries what a reader of the end of the file needs: the process,
since when it is in its state, further processes that have the session open (`others`),
and texts, label and tasks set since line 1. So the last one is enough, together with
line 1.
"""

from __future__ import annotations

from . import timestamps
from .attached import last_and_others
from .schema import (
    CLOSE,
    REMOVABLE_TEXT_FIELDS,
    TEXT_FIELDS,
    UPDATABLE_TEXT_FIELDS,
    UPDATE,
    USAGE_FIELDS,
    amount_of,
    is_lifecycle,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..model import Process, SessionEntry, SessionMetadata

_NOTHING: frozenset[str] = frozenset()
_CARRIED = frozenset(["label", "tasks", *UPDATABLE_TEXT_FIELDS, *USAGE_FIELDS])


class Snapshot:
    """A session as read: `metadata` folded, `metadata_entry` as written.

    *last_entry* is its last lifecycle entry as written; None if that was not found.
    """

    __slots__ = ("last_entry", "metadata", "metadata_entry")

    def __init__(
        self,
        metadata_entry: SessionEntry,
        metadata: SessionMetadata,
        last_entry: SessionEntry | None,
    ) -> None:
        self.metadata_entry = metadata_entry
        self.metadata = metadata
        self.last_entry = last_entry


def fold(
    head: list[SessionEntry],
    tail: list[SessionEntry],
    *,
    is_whole: bool,
    modified: float,
    now: float,
) -> Snapshot:
    """Return the session whose file begins with *head* and ends with *tail*.

    The first of *head* is the metadata entry. The rest of it counts only if *tail* does
    not begin with a lifecycle entry, which says all, and if *is_whole*: nothing between
    the two is missing. *modified* (of the file) and *now* are in epoch seconds.
    """
    first = head[0]
    session, later = _Fold(first, now), tail
    before: SessionEntry | None = None
    if not (tail and is_lifecycle(tail[0])):
        if is_whole:
            session.apply_time(first.get("last_heartbeat"))
            before, later = first, [*head[1:], *tail]
        else:
            session.mark_incomplete()
    lifecycle = session.apply(later)
    process, others = last_and_others(before, lifecycle, first)
    metadata = session.result(process, others, min(modified, now))
    return Snapshot(first, metadata, lifecycle[-1] if lifecycle else before)


class _Fold:
    """The metadata entry *first* at *now*, to which later entries are applied in turn.

    A long list makes ten thousand of these, so what most entries lack is tested once.
    """

    __slots__ = (
        "_clock_ahead",
        "_latest",
        "_metadata",
        "_newest",
        "_start",
        "_updated",
    )

    def __init__(self, first: SessionEntry, now: float) -> None:
        self._latest = timestamps.latest_plausible(now)
        self._metadata: dict[str, object] = {"session_id": first["session_id"]}
        self._newest = ""
        self._clock_ahead = False
        self._updated = _NOTHING
        self._start = timestamps.normalize(first.get("start_time")) or ""
        if self._start:
            self._metadata["start_time"] = self._start
        self._copy_texts(first, TEXT_FIELDS)
        self._apply_label(first, carried=True)

    def apply(self, entries: Iterable[SessionEntry]) -> list[SessionEntry]:
        """Apply *entries* in the order of the file; return the lifecycle entries."""
        lifecycle = []
        for entry in entries:
            if is_lifecycle(entry):
                lifecycle.append(entry)
                self.apply_time(entry.get("timestamp"))
                if not _CARRIED.isdisjoint(entry):
                    self._apply_label(entry, carried=True)
                    self._copy_texts(entry, UPDATABLE_TEXT_FIELDS)
                    self._copy_usage(entry)
                if entry["type"] == CLOSE:
                    self._apply_reason(entry.get("reason"))
            elif entry.get("type") == UPDATE:
                self._apply_label(entry, carried=False)
        return lifecycle

    def mark_incomplete(self) -> None:
        """Go by the file's own time: the last lifecycle entry is not known."""
        self._clock_ahead = True

    def result(
        self, process: Process, others: list[Process], modified: float
    ) -> SessionMetadata:
        """Return the folded metadata; *modified* is the file's time, at most now."""
        metadata: SessionMetadata = self._metadata  # type: ignore[assignment]
        metadata.update(process)  # type: ignore[typeddict-item]
        if others:
            metadata["others"] = others
        if metadata.setdefault("state", "idle") != "closed":
            metadata.pop("close_reason", None)
        for key in REMOVABLE_TEXT_FIELDS:
            if key in metadata and not metadata[key]:  # type: ignore[literal-required]
                del metadata[key]  # type: ignore[misc]
        last = metadata["last_heartbeat"] = self._last_heartbeat(modified)
        self._check_since(metadata, last)
        for other in others:
            self._check_since(other, last)
        return metadata

    def apply_time(self, value: object) -> None:
        """Apply the time of a lifecycle entry, or of the first heartbeat."""
        time = self._start if value == self._start else timestamps.normalize(value)
        if time is None or time <= self._newest:
            return
        if timestamps.is_plausible(time, self._latest):
            self._newest = time
        else:
            self._clock_ahead = True

    def _apply_reason(self, reason: object) -> None:
        self._metadata["close_reason"] = reason if isinstance(reason, str) else "other"

    def _last_heartbeat(self, modified: float) -> str:
        """Return the newest time of all lifecycle entries.

        An entry from the future says nothing; then the file's own time does, which is
        never later than now. Without any, the start, and then the file's time.
        """
        if self._clock_ahead:
            return max(self._newest, timestamps.from_epoch(modified))
        return self._newest or self._start or timestamps.from_epoch(modified)

    @staticmethod
    def _check_since(process: Process | SessionMetadata, last: str) -> None:
        """Replace the start of a state that cannot be believed by the *last* time."""
        if process.get("state_since") == last:
            return
        since = timestamps.normalize(process.get("state_since"))
        if since is None or not timestamps.is_plausible(since, last):
            since = last
        process["state_since"] = since

    def _apply_label(self, entry: SessionEntry, *, carried: bool) -> None:
        """Take label and tasks from an update, or as a lifecycle entry carries them.

        What is carried is never newer than an update that was read before it.
        """
        if "label" in entry:
            self._set(entry, "label", str, carried=carried)
            if not self._metadata.get("label"):
                self._metadata.pop("label", None)
        if "tasks" in entry:
            self._set(entry, "tasks", list, carried=carried)

    def _set(self, entry: SessionEntry, key: str, kind: type, *, carried: bool) -> None:
        if not isinstance(entry[key], kind) or (carried and key in self._updated):
            return
        self._metadata[key] = entry[key]
        if not carried:
            self._updated |= {key}

    def _copy_texts(self, entry: SessionEntry, keys: tuple[str, ...]) -> None:
        for key in keys:
            if key in entry and isinstance(entry[key], str):
                self._metadata[key] = entry[key]

    def _copy_usage(self, entry: SessionEntry) -> None:
        for key in USAGE_FIELDS:
            value = entry.get(key)
            is_time = key == "usage_time"
            known = timestamps.normalize(value) if is_time else amount_of(value)
            if known is not None:
                self._metadata[key] = known
