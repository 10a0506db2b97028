"""`headcount doctor` where hooks recorded sessions before, and are gone."""

from __future__ import annotations

import shlex
import time

from command_line import write
from examination import strip
from support import ID

from lib import sessions
from lib.record import timestamps


def test_previously_installed_hooks_are_recognized_by_their_sessions(
    examine, installed, store
):
    now = timestamps.from_epoch(time.time())
    path = write(store, ID, source="startup", transcript_path="/t", last_heartbeat=now)
    store.chmod(0o700)
    path.chmod(0o600)
    strip(installed, "SessionStart", "Stop")
    _, message, _ = examine()[0].problem
    assert message == (
        "hooks missing: SessionStart, Stop; installed before: "
        f"SessionStart recorded by {now}"
    )
    strip(installed)
    _, message, _ = examine()[0].problem
    assert message == (
        "no hook is installed, so no session is recorded; installed before: "
        f"a session recorded by {now}"
    )


def test_session_of_another_tool_is_not_evidence_of_hooks(examine, store):
    sessions.create_session(session_id=ID)
    assert "before" not in examine()[0].problem[1]


def test_removed_hooks_are_fixed_in_the_scope_they_were_in(
    examine, checkout, tmp_path, run_fix
):
    project = tmp_path / "project"
    (project / ".claude").mkdir(parents=True)
    (project / ".claude/settings.local.json").write_text('{"model": "opus"}\n')
    where = f"--scope local --project {shlex.quote(str(project))}"
    run_fix(f"{shlex.quote(str(checkout))}/install.sh {where}")
    strip(project / ".claude/settings.local.json")
    _, _, fix = examine(cwd=project)[0].problem
    assert fix.endswith(where)
    run_fix(fix)
    assert examine(cwd=project)[1] == 0
