"""What holds on Linux also holds where processes are seen through psutil, as on macOS.

A copy of the tree believes that it has no /proc, and its tests of record, hooks,
liveness, archive and commands, and of one prompt of the real client, run a second time.
Tests that need /proc skip themselves there (`support.only_with_proc`).
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from e2e.client import missing
from support import ROOT, only_with_proc

SWITCH = 'READS_PROC = sys.platform == "linux"\n'
REASON = re.compile(r"^SKIPPED .*?:\d+: (.*)$", re.MULTILINE)
FILES = {
    "record": "record system test_sessions.py",
    "liveness": "reliability/test_liveness.py",
    "hooks": "test_hook.py test_hook_states.py test_architecture.py",
    "archive": "store/test_archive.py",
    "commands": "cli/commands/test_recover.py cli/commands/test_show.py "
    "cli/commands/test_cleanup.py cli/commands/test_rm.py cli/test_live_state.py "
    "cli/test_names.py cli/test_trust.py doctor/test_clients.py",
    "terminals": "terminals cli/commands/test_resume.py",
    "lists": "cli/commands/test_list.py cli/commands/test_list_worktrees.py "
    "cli/commands/test_statusline.py",
    "end-to-end": "e2e/test_one_prompt.py",
}
# What is slow, or not about processes, and holds once if it holds at all.
LEFT_OUT = (
    "newest_200_files or recorded_payloads or claude_agents or any_content or "
    "test_architecture and not imports_only_modules"
)
# Why some tests of an area can only hold with /proc.
SKIPPED = {
    "record": {
        "a boot known by its time alone may be that of another host",
        "tests how /proc is read",
        "without /proc mounts are not known",
    },
    "liveness": {
        "makes Linux namespaces, which psutil does not tell apart",
    },
    "hooks": {
        "most of these interpreters lack psutil",
        "without /proc a hook does not know when its shell began",
    },
    "archive": {"tests how /proc is read"},
    "commands": {"a psutil fingerprint names no pid namespace"},
    "lists": {"elsewhere to judge a process takes psutil"},
    "terminals": {"tests how /proc is read"},
    "end-to-end": set(),
}


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree that believes it is not on Linux."""
    tree = tmp_path_factory.mktemp("portable")
    ignored = shutil.ignore_patterns(".*", "__pycache__", "bench")
    for name in ("lib", "hooks", "docs", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copy(path, tree)
    (ROOT / "tests/.client").mkdir(exist_ok=True)  # the clients are fetched into it
    for name in (".venv", ".client"):
        (tree / "tests" / name).symlink_to(ROOT / "tests" / name)
    module = tree / "lib/system/proc.py"
    text = module.read_text()
    assert text.count(SWITCH) == 1
    module.write_text(text.replace(SWITCH, "READS_PROC = False\n"))
    return tree


@pytest.mark.timeout(300)
@only_with_proc("it is tested without /proc as it is")
@pytest.mark.parametrize("area", FILES)
def test_area_holds_where_processes_are_seen_through_psutil(tree, area):
    if area == "end-to-end" and (reason := missing()):
        pytest.skip(reason)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    words += ["--tb=short", "-k", f"not ({LEFT_OUT})"]
    environment = {k: v for k, v in os.environ.items() if k != "CI"}
    done = subprocess.run(
        [*words, *(f"tests/{file}" for file in FILES[area].split())],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    reasons = {*REASON.findall(done.stdout)} - {"needs screen"}
    assert reasons == SKIPPED[area]


@only_with_proc("it is tested without /proc as it is")
def test_hook_of_the_plugin_identifies_the_client_without_psutil(tree, tmp_path):
    """Through ps, as on macOS; the command has psutil and knows the process."""
    missing_psutil = tree / "psutil.py"
    missing_psutil.write_text("raise ImportError\n")
    environment = {
        "CLAUDE_PID": str(os.getpid()),
        "HEADCOUNT_DIR": str(tmp_path / "store"),
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
    }

    def run(*words, **more):
        done = subprocess.run(
            words,
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
            **more,
        )
        return done.stdout

    words = [sys.executable, "-I", "-S", tree / "hooks/session_start.py"]
    payload = '{"session_id": "a", "hook_event_name": "SessionStart"}'
    run(*words, str(os.getpid()), "plugin", input=payload)
    (line,) = (tmp_path / "store/a.jsonl").read_text().splitlines()
    without = json.loads(run(sys.executable, "-m", "lib", "list", "--json"))
    missing_psutil.unlink()
    listed = json.loads(run(sys.executable, "-m", "lib", "list", "--json"))

    assert json.loads(line)["pid"] == os.getpid()
    assert re.fullmatch(rf"psutil:\w+:{os.getpid()}:\d+", json.loads(line)["process"])
    verdicts = [found["sessions"][0]["verdict"] for found in (without, listed)]
    assert verdicts == ["alive", "alive"]
