"""Who may import whom: imports go down the layers only. The table is the design."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest
from support import ROOT

from lib import sessions

MODULES = sorted((ROOT / "lib").rglob("*.py"))
# The packages and modules at the top of `lib/`, lowest first. Each may import from the
# rows before its own, and from nothing beside it.
LAYERS = [
    "errors model text",
    "system",
    "record file_lock checkout",
    "store",
    "claude",
    "sessions terminals plugin installation",
    "views export doctor installer package_index",
    "fleet",
    "hook api",
    "statusline",
    "cli",
    "__main__",
]
# What a hook that runs with every tool call may cost: no json, re, typing, pathlib,
# enum, datetime, third-party package... A bare `python -I -S` has the rest.
HOT = {
    *("_collections_abc", "_json", "_stat", "errno", "fcntl", "genericpath", "os"),
    *("os.path", "posixpath", "stat", "lib", "__future__"),
}
# Ours that such a hook loads, 0.07 ms each; the rest is for rarer events.
HOT_MODULES = """
    claude claude.events claude.lateness errors file_lock hook sessions
    record record.attached record.entries record.fold record.jsonl record.schema
    record.timestamps
    store store.journal store.paths store.session_file store.snapshot
    system system.client_process system.deadline system.private system.proc
    system.process
"""
# And these load one more.
RARER = {
    "UserPromptSubmit": {"system.git"},
    "StopFailure": {"claude.session_status"},
}


def name_of(path):
    """`cli.commands.list` for `lib/cli/commands/list.py`, `cli` for its package."""
    parts = path.relative_to(ROOT / "lib").with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


NAMES = {name_of(path) for path in MODULES}


def imports_of(path):
    """The modules of ours that a module imports, at its top or later."""
    package = path.parent.relative_to(ROOT / "lib").parts
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if not (isinstance(node, ast.ImportFrom) and node.level):
            continue
        above = package[: len(package) + 1 - node.level]
        base = ".".join([*above, *([node.module] if node.module else [])])
        members = {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
        imported |= (members & NAMES) or {base}
    return imported - {""}  # the version, in `lib/__init__.py`


@pytest.mark.parametrize("path", MODULES, ids=lambda path: name_of(path) or "lib")
def test_imports_go_down_the_layers(path):
    layer_of = {name: n for n, row in enumerate(LAYERS) for name in row.split()}
    layer_of[""] = len(LAYERS)  # the package itself hands on what is in `api`
    own = name_of(path).split(".")[0]
    used = {name.split(".")[0] for name in imports_of(path)} - {own}
    assert {name for name in used if layer_of[name] >= layer_of[own]} == set()


def test_layers_are_drawn_in_the_architecture_document():
    text = (ROOT / "docs/architecture.md").read_text()
    (diagram,) = re.findall(r"```\n(errors.*?)```", text, re.DOTALL)
    rows = [row.strip(" <").split(", ") for row in diagram.splitlines()]
    assert rows == [row.split() for row in LAYERS]


def test_modules_of_a_package_have_no_import_cycle():
    below = {name_of(path): imports_of(path) for path in MODULES}
    while free := {name for name, used in below.items() if not used & below.keys()}:
        below = {name: used for name, used in below.items() if name not in free}
    assert below == {}


def test_folders_have_at_most_a_dozen_modules():
    for folder in {path.parent for path in MODULES} - {ROOT / "lib/cli/commands"}:
        modules = [p.stem for p in folder.glob("*.py") if not p.stem.startswith("__")]
        assert len(modules) <= 12, folder


def test_one_module_decides_what_the_machine_can_tell():
    """And reads /proc; the others ask it, so that a copy can believe it has none."""
    tells = re.compile(r"""sys\.platform|["'{]/(proc|sys)\b|platform\.system|sysname""")
    asking = [name_of(path) for path in MODULES if tells.search(path.read_text())]
    assert asking == ["system.proc"]


def test_third_party_packages_are_imported_only_where_listed():
    packages = {"filelock", "psutil", "dateutil", "wcwidth", "jinja2", "textual"}
    packages |= {"rich", "redis"}
    users = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                if name.split(".")[0] in packages:
                    users.setdefault(name.split(".")[0], set()).add(path.stem)
    assert users == {
        "jinja2": {"page"},
        "filelock": {"file_lock"},
        "psutil": {"process"},
        "dateutil": {"timestamps"},
        "wcwidth": {"width"},
        # All of them in lib/cli/watch.
        "textual": {"app", "driver", "help", "prompt", "session_list"},
        "rich": {"app", "details", "session_list"},
        "redis": {"connection"},
    }


@pytest.mark.parametrize(
    ("action", "event"),
    [
        pytest.param("heartbeat", "UserPromptSubmit", id="prompt"),
        pytest.param("heartbeat", "PostToolUse", id="tool"),
        pytest.param("heartbeat", "PermissionRequest", id="permission"),
        pytest.param("stop", "Stop", id="stop"),
        pytest.param("stop", "StopFailure", id="failure"),
        pytest.param("session_end", "SessionEnd", id="end"),
    ],
)
def test_hook_imports_only_modules_on_the_hot_list(store, action, event):
    sessions.create_session(session_id="a")
    code = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import hook\n"
        f"payload = {{'session_id': 'a', 'hook_event_name': {event!r}}}\n"
        f"hook.{action}(hook.Event(payload, 1))\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "CLAUDE_PID": str(os.getpid())},
    )
    loaded = set(said.stdout.split())
    own = {name for name in loaded if name.startswith("lib.")}
    assert loaded - own <= HOT
    also = RARER.get(event, set())
    assert own == {f"lib.{name}" for name in also.union(HOT_MODULES.split())}


def test_status_line_imports_only_hot_modules_and_datetime(store):
    sessions.create_session(session_id="a")
    code = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import statusline\n"
        "own = statusline._metadata_of('a')\n"
        "print(statusline.line(own, statusline.time.time()), file=sys.stderr)\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for name in said.stdout.split() if not name.startswith("lib.")}
    assert said.stderr == "1 session\n"
    # datetime, and what it imports in some versions; gc is part of the interpreter
    clock = {"gc", "datetime", "_datetime", "math", "operator", "_operator"}
    assert loaded <= HOT | clock


def test_hooks_are_entrypoints_of_a_few_lines():
    for path in (ROOT / "hooks").glob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) <= 15
        assert "try" not in text


def test_modules_have_at_most_450_lines():
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 450, path.name
