"""Each system call from the first touch of the store onwards, made to fail."""

from __future__ import annotations

import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest
import support
from reliability import tracing
from reliability.sights import files_of
from support import ID, ROOT, payload

from lib import sessions
from lib.claude import settings
from lib.claude.settings_text import hook_merge
from lib.store import paths as store_module

CALLS = {
    "append": "sessions.append_to_session(sys.argv[1], {'type': 'n'})",
    "create": "sessions.create_session(session_id='new')",
    "archive": "sessions.archive_session(sessions.get_session_path(sys.argv[1]))",
    "archive, in two steps": "atomic._CALLS = (); "
    "sessions.archive_session(sessions.get_session_path(sys.argv[1]))",
    "restore": "sessions.restore_session('away')",
    "restore, in two steps": "atomic._CALLS = (); sessions.restore_session('away')",
    "cleanup": "sessions.cleanup_stale_sessions()",
}
# All imports come first: what is tested is what we do, not how Python finds a module.
PROGRAM = (
    "import pathlib, sys, uuid, filelock, psutil\n"
    "sys.path.insert(0, sys.argv.pop(1))\n"
    "import ctypes, shutil\n"
    "from lib import errors, model, sessions\n"
    "from lib.claude import settings\n"
    "from lib.record import entries, verdict\n"
    "from lib.store import archive, reader\n"
    "from lib.system import atomic\n"
    "try: {}\n"
    "except (OSError, errors.HeadcountError): pass\n"
)
HOOKS = {
    "SessionStart of a new session": ("session_start", "new"),
    "SessionStart of a known one": ("session_start", ID),
    "SessionStart of an archived one": ("session_start", "away"),
    "UserPromptSubmit": ("heartbeat", ID),
    "Stop": ("stop", ID),
    "Stop of an archived one": ("stop", "away"),
    "Stop of an unknown one": ("stop", "new"),
    "SessionEnd": ("session_end", ID),
}
THEIRS = b'{\n  "model": "opus",\n  "hooks": {"Stop": []}\n}\n'


class Trial(NamedTuple):
    """A program, and a store as it finds it, of which each run has a copy."""

    template: str
    words: list[str]
    stdin: bytes = b""

    def run(self, store, before=()):
        shutil.copytree(self.template, store)
        return tracing.start(
            [*before, *self.words],
            self.stdin,
            HEADCOUNT_DIR=str(store),
            HOME=str(store.parent),
            CLAUDE_PID=str(os.getpid()),
        )


@pytest.mark.parametrize(
    ("call", "seconds"), [("read", 0.5), ("pselect6", 1.0)], ids=["read", "pselect6"]
)
def test_late_system_call_loses_no_event(store, tmp_path, call, seconds):
    """The machine had no time for the hook when its payload had come."""
    tracing.need_strace()
    words = [sys.executable, "-I", "-S", str(ROOT / "hooks/stop.py")]
    said, stdin = {"HEADCOUNT_DIR": str(store)}, json.dumps(payload("Stop")).encode()
    log = tmp_path / "calls.log"
    trace = ["strace", "-qq", "-o", str(log), "-e", f"trace={call}"]
    tracing.start([*trace, *words], stdin, **said)
    made = log.read_text().splitlines()
    first = next(n for n, line in enumerate(made, 1) if "(0, " in line or "[0]" in line)
    shutil.rmtree(store)
    late = f"inject={call}:delay_exit={seconds * 1e6:.0f}:when={first}"
    done = tracing.start([*trace, "-e", late, *words], stdin, **said)
    assert done.returncode == 0
    assert support.types(store / f"{ID}.jsonl") == ["session_metadata", "turn_close"]


def program(call):
    code = PROGRAM.format(call)
    return [sys.executable, "-B", "-c", code, str(ROOT), ID]


@pytest.fixture
def template(store, tmp_path, monkeypatch):
    """Return a store with a session, a dead one, and one in the archive."""
    tracing.need_strace()
    monkeypatch.setattr(sessions, "auto_cleanup", lambda *_: None)
    killed = subprocess.Popen(["sleep", "600"])
    for session_id, pid in ((ID, None), ("away", None), ("dead", killed.pid)):
        sessions.create_session(session_id=session_id, pid=pid, cwd="/")
        sessions.append_to_session(session_id, {"type": "n", "of": session_id})
    killed.kill()
    killed.wait()
    sessions.archive_session(sessions.get_session_path("away"))
    return store.rename(tmp_path / "template")


@pytest.fixture
def attempt(tmp_path, chance, size, monkeypatch):
    """Return a function that runs a trial at its points, and checks what each left."""

    def attempt(trial, check):
        found = tracing.points(trial.run, tmp_path / "unharmed" / "store")
        everything = found + tracing.lasting(found)
        chosen = chance.sample(everything, min(size(16, 10**6), len(everything)))
        for point, store, done in _run_all(trial, chosen, tmp_path):
            assert done.returncode in (0, tracing.KILLED), (point, done)
            monkeypatch.setattr(store_module, "SESSIONS_DIR", str(store))
            monkeypatch.setattr(store_module, "ARCHIVE_DIR", str(store / "archive"))
            check(point, store, done)
            shutil.rmtree(store.parent)
        return len(chosen)

    return attempt


def _run_all(trial, chosen, folder):
    def run(numbered):
        number, point = numbered
        store = folder / str(number) / "store"
        store.parent.mkdir()
        return point, store, trial.run(store, tracing.injection(point))

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        yield from pool.map(run, enumerate(chosen))


def check_sessions(template):
    """Return a check: old entries are there, and the next event is readable."""
    old = {
        session_id: files_of(template, session_id)[0].read_bytes()
        for session_id in (ID, "away", "dead")
    }

    def check(point, store, done):
        assert done.stdout == b"" or list(json.loads(done.stdout)) == ["systemMessage"]
        for session_id, before in old.items():
            files = files_of(store, session_id)
            assert any(f.read_bytes().startswith(before) for f in files), point
        for session_id in (*old, "new"):
            _next_event(store, session_id, point)
        assert all(info.metadata for info in sessions.discover_sessions()), point

    return check


def _next_event(store, session_id, point):
    try:
        sessions.update_heartbeat(session_id, event=str(point))
    except sessions.SessionNotFoundError:
        sessions.resume_session(session_id, source="adopted")
        sessions.update_heartbeat(session_id, event=str(point))
    files = files_of(store, session_id)
    assert [path.stat().st_nlink for path in files] == [1] * len(files), point
    # A hook that is refused a look into the archive begins the session anew.
    assert len(files) == 1 or point.fault != "KILL", (point, files)
    first, *_, last = sessions.load_session_jsonl(store / f"{session_id}.jsonl")
    assert first["type"] == "session_metadata", point
    assert last["event"] == str(point)


@pytest.mark.parametrize("name", HOOKS)
def test_hook_survives_each_failing_system_call(template, attempt, figure, name):
    script, session_id = HOOKS[name]
    event = "SessionStart" if script == "session_start" else "Stop"
    given = json.dumps(payload(event, session_id, source="resume", cwd="/")).encode()
    words = [sys.executable, "-I", "-S", f"{ROOT}/hooks/{script}.py"]
    trials = attempt(Trial(template, words, given), check_sessions(template))
    figure(f"{trials} faults in {name}: exit 0 or killed, old and next entries there")


@pytest.mark.parametrize("name", CALLS)
def test_library_survives_each_failing_system_call(template, attempt, figure, name):
    trial = Trial(template, program(CALLS[name]))
    trials = attempt(trial, check_sessions(template))
    figure(f"{trials} faults in {name}: old and next entries there")


@pytest.mark.parametrize("action", ["install_hooks", "uninstall_hooks"])
def test_settings_file_survives_each_failing_system_call(
    store, tmp_path, attempt, figure, action
):
    tracing.need_strace()
    before = tmp_path / "template"
    before.mkdir()
    path = before / "settings.json"
    path.write_bytes(THEIRS)
    ours = settings.desired_hooks(str(ROOT))
    with_ours = hook_merge.merge(THEIRS.decode(), ours).encode()
    if action == "uninstall_hooks":
        settings.install_hooks(str(path), ours)
        assert path.read_bytes() == with_ours
    where = "os.environ['HEADCOUNT_DIR'] + '/settings.json'"
    given = (
        f"{where}, settings.desired_hooks({str(ROOT)!r})"
        if action == "install_hooks"
        else where
    )
    trial = Trial(before, program(f"import os; settings.{action}({given})"))

    def check(point, store, _):
        path = store / "settings.json"
        assert path.read_bytes() in (THEIRS, with_ours), point
        settings.install_hooks(str(path), ours)
        assert path.read_bytes() == with_ours, point
        settings.uninstall_hooks(str(path))
        assert path.read_bytes() == THEIRS, point

    trials = attempt(trial, check)
    figure(f"{trials} faults in {action}: settings whole, the next {action} works")
