"""`headcount doctor --live` where no client can be tried."""

from __future__ import annotations

import os

import pytest
from examination import install_hooks
from installing import put_claude

from lib.store import paths

LOG = f"$HEADCOUNT_DIR/{paths.ERROR_LOG}"
FAIL = f'mkdir "$HEADCOUNT_DIR"; echo it broke >"{LOG}"'


def live(examine, **variables):
    findings, code = examine("--live", **variables)
    (finding,) = [each for each in findings if each["check"] == "live"]
    return finding["level"], finding["message"], code


def test_no_client_is_started_without_the_option(examine, installed, tmp_path):
    client = put_claude(tmp_path / "b", f"echo x >>{tmp_path}/ran.$1")
    findings, _ = examine(PATH=f"{client}:{os.environ['PATH']}")
    assert not [each for each in findings if each["check"] == "live"]
    assert not (tmp_path / "ran.--init-only").exists()


def test_live_without_a_client_is_a_problem(examine, installed, tools):
    (tools / "claude").unlink()
    level, message, code = live(examine, PATH=str(tools))
    assert (level, code) == ("problem", 1)
    assert "left no record of SessionStart and SessionEnd: no `claude` that" in message


@pytest.mark.parametrize(
    ("script", "why"),
    [
        pytest.param("echo no >&2; exit 3", "(exit code 3: no)", id="refuses"),
        pytest.param(FAIL, "failed: it broke", id="hook-fails"),
        pytest.param("pwd", "(exit code 0)", id="runs-no-hook"),
    ],
)
def test_live_says_what_the_client_and_its_hooks_said(
    examine, installed, tmp_path, script, why
):
    client = put_claude(tmp_path / "b", script)
    level, message, code = live(examine, PATH=f"{client}:{os.environ['PATH']}")
    assert (level, code) == ("problem", 1)
    assert why in message
    assert str(installed) in message


def test_live_names_the_plugin_if_no_other_hooks_could_run(examine, home, tmp_path):
    path = home / ".claude/settings.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text('{"enabledPlugins": {"headcount@headcount": true}}')
    client = put_claude(tmp_path / "b", "echo no >&2; exit 3")
    _, message, _ = live(examine, PATH=f"{client}:{os.environ['PATH']}")
    why = f"it did not run the hooks of the plugin enabled in {path} (exit code 3: no)"
    assert message.endswith(why)


@pytest.mark.parametrize("name", ["settings.json", "settings.local.json"])
def test_live_starts_no_client_for_hooks_of_a_project_and_says_so(
    examine, checkout, tmp_path, name
):
    path = install_hooks(tmp_path / "project/.claude" / name, checkout)
    client = put_claude(tmp_path / "b", f"[ $1 = --version ] || touch {tmp_path}/ran")
    findings, code = examine(
        "--live", cwd=tmp_path / "project", PATH=f"{client}:{os.environ['PATH']}"
    )
    (finding,) = [each for each in findings if each["check"] == "live"]
    assert (finding["level"], code) == ("warn", 0)
    assert finding["message"].startswith("not tried: ")
    assert finding["message"].endswith(f"our hooks are only in {path}")
    assert not (tmp_path / "ran").exists()
