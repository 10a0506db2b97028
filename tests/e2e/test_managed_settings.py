"""What turns hooks off, managed settings above all: doctor agrees with the real client.

The client reads managed settings from /etc/claude-code, and nothing can name another
place. So the box, whose mounts are its own, gets a layer over /etc.
"""

from __future__ import annotations

import json
import shlex

import pytest

MANAGED = "/etc/claude-code"
FILE, FIRST, SECOND = (
    f"{MANAGED}/managed-settings{rest}" for rest in (".json", ".d/1.json", ".d/2.json")
)
HIDDEN, BACKUP = f"{MANAGED}/managed-settings.d/.x.json", f"{FIRST}.bak"
USER, PROJECT = ".claude/settings.json", "project/.claude/settings.json"
LOCAL = "project/.claude/settings.local.json"
OFF, ON = {"disableAllHooks": True}, {"disableAllHooks": False}
THEIRS, ALL = {"allowManagedHooksOnly": True}, {"allowManagedHooksOnly": False}
DECIDING = ("PreToolUse", "PermissionRequest")
MODES = ("acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "plan")
CASES = {
    "nothing": {},
    "managed": {FILE: OFF},
    "managed-only": {FILE: THEIRS},
    "drop-in": {FIRST: OFF},
    "drop-in-only": {FIRST: THEIRS},
    "drop-in-after-file": {FILE: THEIRS, FIRST: ALL},
    "drop-in-after-file-off": {FILE: OFF, FIRST: ON},
    "second-drop-in": {FIRST: ALL, SECOND: THEIRS},
    "second-drop-in-on": {FIRST: THEIRS, SECOND: ALL},
    "not-a-drop-in": {BACKUP: OFF, HIDDEN: OFF},
    "only-as-text": {FILE: {"allowManagedHooksOnly": "true"}},
    "only-as-text-false": {FILE: {"allowManagedHooksOnly": "false"}},
    "only-as-number": {FILE: {"allowManagedHooksOnly": 0}},
    "off-as-text": {FILE: {"disableAllHooks": "true"}},
    "bad-value-beside": {FILE: {**THEIRS, "env": "x"}},
    "managed-broken": {FILE: "{ broken"},
    "managed-comment": {FILE: "// on\n{}"},
    "managed-array": {FIRST: []},
    "managed-empty": {FILE: ""},
    "user": {USER: OFF},
    "managed-on-after-user": {FILE: ON, USER: OFF},
    "project-on-after-user": {USER: OFF, PROJECT: ON},
    "local-on-after-project": {PROJECT: OFF, LOCAL: ON},
    "local-off-after-project": {PROJECT: ON, LOCAL: OFF},
    "user-allows-managed-only": {USER: THEIRS},
}
UNKNOWN, KNOWN = {"type": "new", "command": ":"}, {"type": "command", "command": ":"}
# What a client may know or not: doctor and install warn, and do not refuse.
WORDS = {
    **{f"mode-{mode}": {"permissions": {"defaultMode": mode}} for mode in MODES},
    "new-mode": {"permissions": {"defaultMode": "delegate"}},
    "known-types": {"hooks": {event: [{"hooks": [KNOWN]}] for event in DECIDING}},
    **{f"new-type-{e}": {"hooks": {e: [{"hooks": [UNKNOWN]}]}} for e in DECIDING},
    "new-type-PostToolBatch": {"hooks": {"PostToolBatch": [{"hooks": [UNKNOWN]}]}},
}


@pytest.fixture
def machine(box, checkout, program):
    """Return a box with a layer over /etc, in which `claude` is on PATH."""
    layer = box.root / "layer"
    places = f"upperdir={layer}/upper,workdir={layer}/work"
    done = box.run(
        "sh",
        "-ec",
        f"mkdir {layer}; mount -t tmpfs none {layer}; mkdir {layer}/upper {layer}/work;"
        f"mount -t overlay none -o lowerdir=/etc,{places} /etc; mkdir -p {MANAGED}",
    )
    if done.returncode:
        pytest.skip(f"no such mounts here: {done.stderr.strip()}")
    (box.home / ".local/bin/claude").symlink_to(program)
    assert box.run(checkout / "install.sh").returncode == 0
    return box


@pytest.mark.parametrize("version", ["2.1.332", "2.1.200"])
def test_doctor_and_install_warn_of_words_that_the_real_client_does_not_know(
    box, records, checkout, program
):
    (box.home / ".local/bin/claude").symlink_to(program)
    box.environment["IS_SANDBOX"] = "1"  # else root may not bypass permissions
    assert box.run(checkout / "install.sh").returncode == 0
    ours = json.loads((box.home / USER).read_text())
    measured, doctor, install = {}, {}, {}
    for name, words in WORDS.items():
        merged = {**words, "hooks": {**words.get("hooks", {}), **ours["hooks"]}}
        merged["hooks"] |= {
            event: [*ours["hooks"].get(event, []), *groups]
            for event, groups in words.get("hooks", {}).items()
        }
        (box.home / USER).write_text(json.dumps(merged))
        before = records.ids()
        box.prompt("hello")
        measured[name] = records.ids() != before
        done = box.run("headcount", "doctor", "--quick", "--json")
        findings = json.loads(done.stdout)["findings"]
        levels = {each["level"] for each in findings if each["check"] == "hooks"}
        assert "problem" not in levels
        doctor[name] = "warn" not in levels
        said = box.run(checkout / "install.sh", "--dry-run").stdout
        install[name] = "does not know it ignores the whole file" not in said
    assert doctor == measured
    assert install == measured
    assert len(set(measured.values())) == 2  # both were seen


def settle(machine, hooks, files):
    """Let *files*, by path, be the settings of the machine; the user's has *hooks*."""
    contents = {USER: {}, PROJECT: {}, LOCAL: {}, **files}
    contents[USER] = {**hooks, **contents[USER]}
    lines = [f"rm -rf {MANAGED}/*", f"cd {machine.home}", "mkdir -p project/.claude"]
    for path, content in contents.items():
        text = content if isinstance(content, str) else json.dumps(content)
        lines += [f"mkdir -p $(dirname {path})"]
        lines += [f"printf %s {shlex.quote(text)} >{path}"]
    done = machine.run("sh", "-ec", "\n".join(lines))
    assert done.returncode == 0, done.stderr


def test_managed_hooks_and_the_plugin_record_each_event_once(
    machine, records, checkout
):
    hooks = json.loads((machine.home / USER).read_text())
    settle(machine, {}, {FILE: hooks})

    machine.prompt("RUN: true", "--plugin-dir", str(checkout), "--")

    assert records.types(records.only_id()) == [
        "session_metadata",
        "heartbeat",
        "turn_close",
        "session_close",
    ]


def test_doctor_and_install_say_whether_the_real_client_runs_hooks(
    machine, records, checkout
):
    hooks = json.loads((machine.home / USER).read_text())
    measured, doctor, install = {}, {}, {}
    for name, files in CASES.items():
        settle(machine, hooks, files)
        before = records.ids()
        machine.run("claude", "--init-only")
        measured[name] = records.ids() != before
        done = machine.run("headcount", "doctor", "--quick", "--json")
        findings = json.loads(done.stdout)["findings"]
        levels = {each["level"] for each in findings if each["check"] == "hooks"}
        doctor[name] = "problem" not in levels
        said = machine.run(checkout / "install.sh", "--dry-run").stdout
        install[name] = "no hook of Headcount's will run" not in said
        install[name] &= "Claude Code does not start" not in said
    assert doctor == measured
    assert install == measured
    assert len(set(measured.values())) == 2  # both were seen
