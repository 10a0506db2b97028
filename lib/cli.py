"""The `headcount` command: what people and scripts ask of the record.

Data goes to stdout, words to stderr. Exit codes: 0; 1 it failed; 2 it was called
wrongly; 3 no such session; 4 the id means several; 130 interrupted; 141 the reader of
stdout has gone. Only here are errors turned into words.
"""

from __future__ import annotations

import os
import sys
import time

from . import options
from .errors import HeadcountError, InvalidEntryError, SessionNotFoundError
from .options import UsageError
from .words import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from .model import SessionEntry, SessionInfo
    from .render import Session

FAILED, USAGE, NOT_FOUND, AMBIGUOUS = 1, 2, 3, 4
INTERRUPTED, BROKEN_PIPE = 130, 141

_SHOWN_ENTRIES = 10
_SHOWN_WARNINGS = 3
_SHOWN_CANDIDATES = 20
_LONGEST_MESSAGE = 4096


class AmbiguousIdError(HeadcountError, LookupError):
    """Several sessions begin with what was given as an id; *candidates* names them."""

    def __init__(self, message: str, candidates: list[str]) -> None:
        super().__init__(message)
        self.candidates = candidates


_CODES = (
    (UsageError, USAGE),
    (InvalidEntryError, USAGE),
    (SessionNotFoundError, NOT_FOUND),
    (AmbiguousIdError, AMBIGUOUS),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that *argv* names, `list` if none; return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return BROKEN_PIPE
    except (HeadcountError, OSError) as error:
        return _report(error, words)


def _run(words: list[str]) -> int:
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a label may have what it lacks
    try:
        asked = options.parse(words)
    except SystemExit as end:  # after --help and --version
        _print([])
        return int(end.code or 0)
    run = {
        "list": _list,
        "show": _show,
        "cleanup": _cleanup,
        "append": _append,
        "label": _label,
        "doctor": _doctor,
    }
    return run[asked.command](asked)


def _report(error: HeadcountError | OSError, words: list[str]) -> int:
    if isinstance(error, HeadcountError):
        _say(str(error), getattr(error, "candidates", ()))
    else:
        place = f" at {os.fsdecode(error.filename)}" if error.filename else ""
        _say(
            f"`{options.with_command(words)[0]}` failed{place}: "
            f"{error.strerror or error}; `headcount doctor` looks for the cause"
        )
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


def _drop_stdout() -> None:
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    os.close(nothing)


def _say(message: str, more: Sequence[str] = ()) -> None:
    for line in (f"headcount: {message}", *more):
        print(plain(line, _LONGEST_MESSAGE), file=sys.stderr)


def _print(lines: Sequence[str]) -> None:
    """Write *lines* to stdout, now: what cannot be written is known here."""
    try:
        print("".join(f"{line}\n" for line in lines), end="", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        _drop_stdout()  # or it would be tried once more at exit
        raise HeadcountError(f"cannot write to stdout: {error.strerror}") from None


# ---- list -----------------------------------------------------------------------


def _list(asked: Namespace) -> int:
    from . import render

    now = time.time()
    known = _discover(now, archived=False)
    if asked.all:
        known += _discover(now, archived=True)
    shown = [session for session in known if not asked.here or _is_here(session)]
    if asked.json:
        _print([render.as_json(shown)])
    elif not shown:
        _say_none(known)
    else:
        short = render.short_ids(session["session_id"] for session in known)
        columns, colour = _terminal()
        _print(render.table(shown, short, now=now, columns=columns, colour=colour))
    return 0


def _discover(now: float, *, archived: bool) -> list[Session]:
    from . import sessions

    found = sessions.discover_sessions(archived=archived)
    return [_describe(info, now, archived=archived) for info in found]


def _describe(info: SessionInfo, now: float, *, archived: bool) -> Session:
    from . import render, sessions

    judged = sessions.verdict(info.metadata, now=now) if info.metadata else None
    return render.describe(info, judged, archived=archived)


def _is_here(session: Session) -> bool:
    from . import render

    try:
        here = os.getcwd()
    except OSError as error:
        raise HeadcountError(
            f"cannot tell the current folder: {error.strerror}; cd to one that is there"
        ) from None
    cwd = session["cwd"]
    return bool(cwd) and render.root_of(cwd) == render.root_of(here)


def _say_none(known: list[Session]) -> None:
    from . import sessions

    if known:
        _say("no session in this working tree; `headcount list` shows the others")
    else:
        _say(
            f"no sessions in {sessions.SESSIONS_DIR} now; `headcount list --all` shows "
            "archived ones, `headcount doctor` whether the hooks are in place"
        )


def _terminal() -> tuple[int | None, bool]:
    """Return how wide stdout is, None if it is no terminal, and whether to colour."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None, False
    import shutil

    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return shutil.get_terminal_size().columns, colour


# ---- show -----------------------------------------------------------------------


def _show(asked: Namespace) -> int:
    from . import render

    now = time.time()
    session = _find(asked.id, now)
    entries = _entries(session["path"])
    if asked.json:
        _print([render.as_json({**session, "entries": entries})])
        return 0
    columns, _ = _terminal()
    last = entries[-_SHOWN_ENTRIES:]
    lines = [*render.facts(session, now), ""]
    lines += [f"last {len(last)} of {len(entries)} entries"]
    lines += [render.entry_line(entry, now, columns) for entry in last]
    if session["verdict"] is not None:
        lines += ["", "resume it with", render.resume_line(session)]
    _print(lines)
    return 0


def _find(wanted: str, now: float) -> Session:
    """Return the session that *wanted* means: by its whole id, else by how it begins.

    A whole id goes first, and then the live sessions go before the archived ones.
    Raises AmbiguousIdError, SessionNotFoundError.
    """
    if not wanted:
        raise UsageError("the ID is empty; `headcount list --all` shows the ids")
    live = _discover(now, archived=False)
    whole = [session for session in live if session["session_id"] == wanted]
    if whole:
        return whole[0]
    archived = _discover(now, archived=True)
    whole = [session for session in archived if session["session_id"] == wanted]
    for group in (whole, live, archived):
        begun = [one for one in group if str(one["session_id"]).startswith(wanted)]
        if begun:
            return _only(wanted, begun)
    from . import sessions

    raise SessionNotFoundError(
        f"no session {wanted} in {sessions.SESSIONS_DIR} or its archive; "
        "`headcount list --all` shows those on record"
    )


def _only(wanted: str, found: list[Session]) -> Session:
    """Return the one session in *found*, of several archived files the newest."""
    labels = {str(session["session_id"]): session["label"] for session in found}
    if len(labels) > 1:
        told = [f"  {known}  {label or ''}".rstrip() for known, label in labels.items()]
        more = ["  ..."] if len(told) > _SHOWN_CANDIDATES else []
        raise AmbiguousIdError(
            f"{len(labels)} sessions begin with {wanted}; give more of the id",
            told[:_SHOWN_CANDIDATES] + more,
        )
    return max(found, key=lambda session: str(session["last_heartbeat"] or ""))


def _entries(path: str) -> list[SessionEntry]:
    """Return the entries of the file at *path*; what is damaged is said on stderr."""
    import logging

    from . import sessions

    said: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("headcount")
    logger.addHandler(handler)
    try:
        entries = sessions.load_session_jsonl(path)
    finally:
        logger.removeHandler(handler)
    for message in said[:_SHOWN_WARNINGS]:
        _say(message)
    if len(said) > _SHOWN_WARNINGS:
        _say(f"{path}: {len(said) - _SHOWN_WARNINGS} more such lines")
    return entries


# ---- cleanup --------------------------------------------------------------------


def _cleanup(asked: Namespace) -> int:
    from . import render, sessions

    now = time.time()
    total = len(sessions.discover_sessions())
    problems: list[str] = []
    moved = [
        _describe(info, now, archived=not asked.dry_run)
        for info in sessions.cleanup_stale_sessions(
            dry_run=asked.dry_run, now=now, on_problem=problems.append
        )
    ]
    if asked.json:
        result = {
            "dry_run": asked.dry_run,
            "sessions": total,
            "archived": moved,
            "problems": problems,
        }
        _print([render.as_json(result)])
    else:
        _print([_moved_line(session) for session in moved])
        did = "would archive" if asked.dry_run else "archived"
        _print([f"{did} {len(moved)} of {total} session{'' if total == 1 else 's'}"])
    for problem in problems:
        _say(problem)
    return FAILED if problems else 0


def _moved_line(session: Session) -> str:
    told = (session["session_id"], session["verdict"], session["reasons"][0])
    return plain("  ".join(map(str, told)), _LONGEST_MESSAGE)


# ---- append, label --------------------------------------------------------------


def _append(asked: Namespace) -> int:
    fields = _fields(asked.json)
    if fields.get("type", asked.type) != asked.type:
        raise InvalidEntryError(
            f"the JSON has the type {fields['type']!r}, TYPE is {asked.type!r}"
        )
    _print([_add(asked.id, {**fields, "type": asked.type})])
    return 0


def _label(asked: Namespace) -> int:
    # What is not UTF-8 in the argument would be no text for other readers.
    text = asked.text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    _add(asked.id, {"type": "session_update", "label": text, "source": "person"})
    return 0


def _add(wanted: str, entry: SessionEntry) -> str:
    from . import sessions

    session = _find(wanted, time.time())
    session_id = str(session["session_id"])
    if session["verdict"] is None:
        raise HeadcountError(
            f"{session['path']} holds no valid metadata, so nothing was added to it; "
            "`headcount doctor` says what helps"
        )
    entry_id = sessions.append_to_session(session_id, entry)
    if session["archived"]:
        _say(f"{session_id} was brought back from the archive for it")
    return entry_id


def _fields(text: str | None) -> SessionEntry:
    """Return the JSON object in *text*, or on stdin if that is `-`."""
    import json

    if text is None:
        return {}
    place = "stdin" if text == "-" else "the argument JSON"
    try:
        if text == "-":
            text = sys.stdin.buffer.read().decode("utf-8") if sys.stdin else ""
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidEntryError(
            f"{place} is not JSON: {error}; nothing was appended"
        ) from None
    if not isinstance(fields, dict):
        raise InvalidEntryError(f"{place} is no JSON object; nothing was appended")
    return fields


# ---- doctor ---------------------------------------------------------------------


def _doctor(asked: Namespace) -> int:
    from . import doctor, render

    findings = doctor.examine(time.time())
    if asked.json:
        _print([render.as_json([finding._asdict() for finding in findings])])
    else:
        _print(doctor.lines(findings))
    problems = sum(finding.level == doctor.PROBLEM for finding in findings)
    if problems:
        _say(f"{problems} problem{'' if problems == 1 else 's'} found")
    return FAILED if problems else 0
