"""Building entries: the common fields, and our own types."""

from __future__ import annotations

import os
import time

from ..errors import InvalidEntryError, SessionClosedError
from ..system import proc, process
from . import jsonl, schema, timestamps
from .attached import processes_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from ..model import Observation, SessionEntry, SessionMetadata
    from .fold import Snapshot

    Observe = Callable[[SessionMetadata], Observation]

FORMAT_VERSION = 1
NO_PROCESS = 0
MAX_LABEL_BYTES = 8 * 1024
MAX_OTHERS = 16
REPEAT_SECONDS = 5.0  # the timeout of our hooks: the client waits no longer for them
_OTHER_KEYS = (*schema.PROCESS_KEYS, *schema.STATE_KEYS)
_PLACE = ("host", "machine")  # an entry that names the host names the machine, too
_REMOVED = dict.fromkeys(schema.REMOVABLE_TEXT_FIELDS, "")
_RESUME = ("cwd", "source", "previous_session_id")
_OF_ONE_ENTRY = ("id", "timestamp", "state_since")  # of two hooks of one event, too
ID_DIGITS = 16
_MARKS = 2**15 - 1  # of four hex digits, with one bit to spare
_mark = ""  # of a hook


def mark_as(installation: str, *, is_plugin: bool) -> None:
    """Let the ids of all entries of this process, a hook, end with four certain digits.

    They are the same for all hooks of one *installation*, a path, and never the same
    for those of a plugin and of settings. Two paths have the same in one case in
    32,767; then both record an event.
    """
    global _mark  # noqa: PLW0603  # a hook is a process of its own
    number = int.from_bytes(os.fsencode(installation), "big") % _MARKS
    _mark = f"{2 * number + is_plugin:04x}"


def metadata_entry(
    session_id: str, pid: int | None, fields: Mapping[str, object]
) -> SessionEntry:
    """Return line 1 of a session; *pid* None is this process, 0 says none is known."""
    check_label(_without_none(fields))
    entry = common_fields(schema.METADATA, session_id)
    start = entry.pop("timestamp")
    return {
        **entry,
        **_process_fields(os.getpid() if pid is None else pid),
        **_machine(),
        "start_time": start,
        "last_heartbeat": start,
        **_without_none(fields),
    }


def lifecycle_entry(
    session: Snapshot, kind: str, pid: int | None, fields: Mapping[str, object]
) -> SessionEntry:
    """Return an entry of *kind* with *fields* for *session*, about process *pid*.

    *pid* None is this process if it has the session open, else the one on record. With
    0, too, the entry is about the one on record, unless *kind* starts a session afresh.

    The entry carries what `fold` needs: further processes that are running, and host,
    machine, texts, label and tasks where they are no longer those of line 1.
    """
    metadata, first = session.metadata, session.metadata_entry
    process_part = _process_part(metadata, kind, pid, fields)
    others = _other_processes(metadata, process_part)
    if _place_of(process_part) == _place_of(first):
        process_part = {k: v for k, v in process_part.items() if k not in _PLACE}
    common = common_fields(kind, metadata["session_id"])
    entry = {**common, **process_part, **_without_none(fields)}
    if others:
        entry["others"] = others[-MAX_OTHERS:]
    return {**entry, **_changed(metadata, first, exclude=entry)}


def resume_entry(
    session: Snapshot, pid: int, fields: Mapping[str, object]
) -> SessionEntry:
    """Return a `session_resume` with *fields*, most of them only if they changed."""
    metadata = session.metadata
    fields = {
        **{k: v for k, v in fields.items() if k in _RESUME or _is_news(k, v, metadata)},
        "host": process.host_name(),
        **_machine(),
    }
    if not _starts_fresh(schema.RESUME, fields):
        fields |= _state_fields(_as_of(metadata, pid), {})
    return lifecycle_entry(session, schema.RESUME, pid, fields)


def heartbeat(
    kind: str,
    pid: int | None,
    observe: Observe,
    event: str | None,
    observed_at: float | None,
) -> Callable[[Snapshot], SessionEntry]:
    """Return what makes an entry of *kind*, heartbeat or turn_close, for a session.

    *observe* gets its metadata as process *pid* has it on record, and returns what is
    new. A closed session opens again, by default as busy. The end of a turn that says
    nothing new is a heartbeat. To make the entry raises SessionClosedError if it was
    closed after *observed_at* (epoch seconds), and InvalidEntryError.
    """

    def make(session: Snapshot) -> SessionEntry:
        own = _as_of(session.metadata, pid)
        if (
            own["state"] == "closed"
            and observed_at is not None
            and own["last_heartbeat"] > timestamps.from_epoch(observed_at)
        ):
            raise SessionClosedError(f"session {own['session_id']} is closed")
        observation = observe(own)
        actual = kind if observation else schema.HEARTBEAT
        state = _state_fields(own, observation, observed_at)
        if actual == schema.TURN_CLOSE and state["state"] == own["state"] == "idle":
            # The prompt of this turn may not be on record yet: the state begins anew.
            now = time.time()
            began = timestamps.from_epoch(observed_at or now)
            if not began < str(state["state_since"]) <= timestamps.from_epoch(now):
                state["state_since"] = began
        return lifecycle_entry(session, actual, pid, {"event": event, **state})

    return make


def is_redundant(entry: SessionEntry, session: Snapshot, since: float) -> bool:
    """Whether the heartbeat *entry* repeats one of *session* from after *since*."""
    metadata = session.metadata
    compared = ("state", "waiting_for", "process")
    return (
        entry["type"] == schema.HEARTBEAT
        and all(entry.get(key) == metadata.get(key) for key in compared)
        and entry.get("name", metadata.get("name")) == metadata.get("name")
        and not _has_new_usage(entry, metadata, since)
        and metadata["last_heartbeat"] > timestamps.from_epoch(since)
    )


def _has_new_usage(
    entry: SessionEntry, metadata: SessionMetadata, since: float
) -> bool:
    """Whether *entry* has another cost or use than the one on record, of *since*."""
    recorded = metadata.get("usage_time", "")
    is_new = entry.get("usage_time", recorded) != recorded
    return is_new and recorded <= timestamps.from_epoch(since)


def repeats(entry: SessionEntry, session: Snapshot, observed_at: float) -> bool:
    """Whether another installation has just written *entry*, as the last of *session*.

    Then both are about one event: hooks in settings and in a plugin, or in settings of
    several scopes, run side by side. *observed_at* is when this one began, in epoch
    seconds; an entry from up to REPEAT_SECONDS before that can be about the same event.
    A resumption can also repeat the beginning of the session.
    """
    since = timestamps.from_epoch(observed_at - REPEAT_SECONDS)
    begins = entry["type"] == schema.RESUME
    others = [session.last_entry, session.metadata_entry if begins else None]
    return any(_is_repeated(entry, other, since) for other in others if other)


def _is_repeated(entry: SessionEntry, other: SessionEntry, since: str) -> bool:
    """Whether *other*, of another installation and after *since*, says as much."""
    if str(other.get("id")).endswith(_mark):  # or this is not a hook
        return False
    is_first = other["type"] == schema.METADATA
    ignored = (*_OF_ONE_ENTRY, "type") if is_first else _OF_ONE_ENTRY
    return str(other.get("start_time" if is_first else "timestamp")) > since and all(
        other.get(key) == value for key, value in entry.items() if key not in ignored
    )


def check_state(state: object, waiting_for: object = None) -> None:
    """Raise InvalidEntryError unless a live session can be in *state*, or None."""
    if not (state is None or (isinstance(state, str) and state in schema.LIVE_STATES)):
        raise InvalidEntryError(f"{ascii(state)[:80]} is not busy, idle or waiting")
    if waiting_for is None:
        return
    if state != "waiting" or schema.wait_of(waiting_for) is None:
        raise InvalidEntryError(
            f"{ascii(waiting_for)[:80]} is not what a session in the state {state} "
            f"waits for; `waiting` may be for {', '.join(schema.WAITS)}"
        )


def common_fields(kind: str, session_id: str) -> dict[str, Any]:
    """Return the fields that every entry has, of one that is written now."""
    return {
        "type": kind,
        "v": FORMAT_VERSION,
        "id": os.urandom(ID_DIGITS // 2).hex()[: ID_DIGITS - len(_mark)] + _mark,
        "session_id": session_id,
        "timestamp": timestamps.from_epoch(time.time()),
    }


def _as_of(metadata: SessionMetadata, pid: int | None) -> SessionMetadata:
    """Return *metadata* with the state of process *pid*, as an entry would name it.

    A process that is not on record finds the state of the one last heard of.
    """
    part = _process_part(metadata, schema.HEARTBEAT, pid, {})
    own: dict[str, Any] = {**metadata, **part}
    del own["state_since"]
    for attached in processes_of(metadata):
        if _is_same(dict(attached), part):
            own |= {key: attached.get(key) for key in schema.STATE_KEYS}
    return _without_none(own)  # type: ignore[return-value]


def _state_fields(
    own: SessionMetadata, observation: Observation, observed_at: float | None = None
) -> SessionEntry:
    """Return what is new after *observation* of a process that was as in *own*.

    A state begins when it was observed, and not when it is written: hooks may write in
    another order than the client started them in.
    """
    state, waiting_for = observation.get("state"), observation.get("waiting_for")
    check_state(state, waiting_for)
    if state is None:
        state, waiting_for = own["state"], own.get("waiting_for")
    if state == "closed":
        state = "busy"
    since = _time_of(observation.get("state_since"))
    if not since and (state, waiting_for) == (own["state"], own.get("waiting_for")):
        since = own.get("state_since")
    texts = {key: observation.get(key) for key in schema.REMOVABLE_TEXT_FIELDS}
    return {
        "state": state,
        "waiting_for": waiting_for,
        "state_since": since or _time_of(observed_at),
        **{key: value for key, value in texts.items() if _is_news(key, value, own)},
        **{key: observation.get(key) for key in schema.USAGE_FIELDS},
    }


def _time_of(seconds: float | None) -> str | None:
    return None if seconds is None else timestamps.from_epoch(seconds)


def _is_news(key: str, value: object, metadata: SessionMetadata) -> bool:
    """Whether *value* is not on record; an empty text is as good as none."""
    return (value or None) != metadata.get(key)


def _changed(
    metadata: SessionMetadata, first: SessionEntry, *, exclude: SessionEntry
) -> SessionEntry:
    """Return texts, label and tasks not in *exclude* that differ from line 1."""
    changed: SessionEntry = {
        key: value
        for key, value in {**_REMOVED, **metadata}.items()
        if key in schema.UPDATABLE_TEXT_FIELDS
        and key not in exclude
        and value != first.get(key, "")
    }
    for key in schema.USAGE_FIELDS:
        if key in metadata and key not in exclude:
            changed[key] = metadata[key]  # type: ignore[literal-required]
    for key, nothing in (("label", ""), ("tasks", [])):
        value = metadata.get(key, nothing)
        if value == first.get(key, nothing):
            continue
        try:
            check_label({key: value})
        except InvalidEntryError:
            continue  # written by hand, and too much to carry in every entry
        changed[key] = value
    return changed


def _process_part(
    metadata: SessionMetadata,
    kind: str,
    pid: int | None,
    fields: Mapping[str, object],
) -> SessionEntry:
    """Return pid, process, host and machine of what the entry is about."""
    if pid is None and _is_attached(metadata):
        pid = os.getpid()
    if pid:
        known = kind != schema.RESUME and fields_on_record(metadata, pid)
        part = known or _process_fields(pid)
        return part | _recorded_machine(metadata, part)
    if _starts_fresh(kind, fields):
        return {}
    return {k: v for k, v in metadata.items() if k in schema.PROCESS_KEYS}


def fields_on_record(metadata: SessionMetadata, pid: int) -> SessionEntry | None:
    """Return pid, process and host of process *pid* if it has the session open.

    By the record alone, for where it takes long to identify a process; else None.
    """
    if proc.READS_PROC:
        return None
    host = process.host_name()
    for attached in processes_of(metadata):
        is_open = attached.get("process") and attached.get("state") != "closed"
        if is_open and (attached.get("pid"), attached.get("host")) == (pid, host):
            return {k: v for k, v in attached.items() if k in schema.PROCESS_KEYS}
    return None


def _starts_fresh(kind: str, fields: Mapping[str, object]) -> bool:
    """Whether it is a resume that says nothing of the process before it."""
    return kind == schema.RESUME and fields.get("source") != "compact"


def _is_attached(metadata: SessionMetadata) -> bool:
    """Whether this process is one that has the session open."""
    ours = _process_fields(os.getpid())
    return any(_is_same(dict(other), ours) for other in processes_of(metadata))


def _process_fields(pid: int) -> SessionEntry:
    """Return pid, process and host of process *pid*; of NO_PROCESS only the host."""
    fields = {"pid": pid or None, "process": process.fingerprint(pid)}
    return _without_none({**fields, "host": process.host_name()})


def _machine() -> SessionEntry:
    """Return the id of this machine, which only an entry that begins something asks."""
    from ..system import machine

    return _without_none({"machine": machine.machine_id()})


def _recorded_machine(metadata: SessionMetadata, part: SessionEntry) -> SessionEntry:
    """Return the machine on record of a process of the same boot and pid namespace."""
    ours = str(part.get("process")).rsplit(":", 2)[0]
    for attached in processes_of(metadata):
        if str(attached.get("process")).rsplit(":", 2)[0] == ours:
            return _without_none({"machine": attached.get("machine")})
    return {}


def _place_of(entry: SessionEntry) -> list[object]:
    return [entry.get(key) for key in _PLACE]


def _without_none(fields: Mapping[str, object]) -> SessionEntry:
    return {key: value for key, value in fields.items() if value is not None}


def _other_processes(
    metadata: SessionMetadata, entry: SessionEntry
) -> list[SessionEntry]:
    """Return the session's processes other than that of *entry* that are not gone."""
    return [
        {key: value for key, value in other.items() if key in _OTHER_KEYS}
        for other in map(dict, processes_of(metadata))
        if other.get("state") != "closed"
        and not _is_same(other, entry)
        and _may_be_running(other)
    ]


def _is_same(left: SessionEntry, right: SessionEntry) -> bool:
    """Whether both name one process; a record by hand may have the pid alone."""
    if left.get("pid") != right.get("pid"):
        return False
    key = "process" if "process" in left and "process" in right else "host"
    return left.get(key) in (None, right.get(key))


def _may_be_running(other: SessionEntry) -> bool:
    if not process.is_pid(other.get("pid")):
        return False
    outcome, _ = process.probe(*(other.get(key) for key in schema.PROCESS_KEYS))
    return outcome != process.GONE


def check_label(fields: Mapping[str, object]) -> None:
    """Raise InvalidEntryError unless `label` is a text and `tasks` a list, both short.

    Once they differ from line 1, every lifecycle entry carries them.
    """
    label, tasks = fields.get("label", ""), fields.get("tasks", [])
    if not isinstance(label, str):
        raise InvalidEntryError("the label of a session must be a text")
    if not isinstance(tasks, list):
        raise InvalidEntryError("the tasks of a session must be a list")
    for key, value in (("label", label), ("tasks", tasks)):
        size = len(jsonl.encode({key: value}))
        if size > MAX_LABEL_BYTES:
            raise InvalidEntryError(
                f"{key} is {size} bytes as JSON, the limit is {MAX_LABEL_BYTES}; "
                "put the rest into entries of your own"
            )
