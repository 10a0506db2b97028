"""Who may import whom: imports go down the layers only. The table is the design."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest
from support import ROOT

from lib import sessions

MODULES = sorted((ROOT / "lib").rglob("*.py"))
# Each module, and the modules of ours that it may import. Lower ones come first.
TABLE = {
    "errors": "",
    "words": "",
    "packages": "",
    "model": "",
    "tree": "",
    "clock": "packages",
    "jsonl": "errors model",
    "process": "model packages words",
    "store": "errors",
    "file_lock": "errors packages store",
    "errorlog": "clock errors store words",
    "rename": "",
    "journal": "errors file_lock store",
    "kinds": "model",
    "openers": "kinds model process",
    "fold": "clock kinds model openers process",
    "record": "fold journal jsonl kinds model store",
    "entries": "clock errors jsonl kinds model process record",
    "verdict": "clock model process words",
    "archive": "clock errors journal model process record rename store verdict words",
    "session_file": "archive errorlog errors journal jsonl model record store",
    "reading": "errors jsonl model process record store",
    "removal": "clock errors journal model record store verdict",
    "progress": "",
    "sessions": "archive clock entries errorlog errors file_lock journal jsonl kinds"
    " model process reading record session_file store verdict",
    "notice": "model reading store tree verdict words",
    "output": "errors words",
    "hook": "entries errorlog errors jsonl model notice process sessions store",
    "statusline": "clock errors hook jsonl model output reading record sessions store"
    " tree verdict",
    "when": "clock errors",
    "suggest": "",
    "options": "errors",
    "parser": "errors options suggest",
    "width": "",
    "neighbours": "model tree verdict",
    "lineage": "model",
    "render": "clock kinds model neighbours width words",
    "facts": "lineage model render words",
    "table": "model render width words",
    "timeline": "clock kinds model render width words",
    "lookup": "errors model neighbours output reading render sessions store",
    "growing": "clock journal jsonl model store",
    "recovery": "clock model process render words",
    "changes": "clock lookup model neighbours reading store",
    "screen": "output",
    "overview": "options",
    "shell_scripts": "",
    "completion": "options shell_scripts",
    "days": "",
    "spans": "clock kinds model",
    "private_file": "store",
    "report": "clock days lookup model output render sessions spans words",
    "day_chart": "report spans words",
    "report_page": "day_chart output report",
    "json_text": "",
    "user_file": "",
    "settings_shape": "json_text",
    "status_setting": "json_text",
    "settings": "errors file_lock json_text settings_shape status_setting store"
    " user_file",
    "selftest": "",
    "installer": "errors record selftest settings store user_file",
    "clients": "process settings",
    "checks.finding": "",
    "checks.machine": "checks.finding",
    "checks.log": "checks.finding clock errorlog output words",
    "checks.records": "checks.finding errors file_lock output record sessions store",
    "checks.leftovers": "checks.finding checks.records journal output store",
    "checks.wired_before": "model sessions user_file",
    "checks.hooks": "checks.finding checks.wired_before settings store tree",
    "checks.statusline": "checks.finding checks.hooks status_setting user_file",
    "checks.timing": "checks.finding checks.hooks selftest settings",
    "checks.clients": "checks.finding checks.hooks clients errors sessions store"
    " user_file words",
    "doctor": "checks.clients checks.finding checks.hooks checks.leftovers checks.log"
    " checks.machine checks.records checks.statusline checks.timing errors words",
    "commands.append": "errors lookup model output",
    "commands.cleanup": "clock errors lookup model output progress removal render"
    " sessions when words",
    "commands.completion": "completion errors lookup model output reading render store"
    " words",
    "commands.doctor": "checks.finding doctor output render",
    "commands.help": "output overview parser",
    "commands.label": "lookup",
    "commands.list": "clock errors lookup model neighbours output render sessions"
    " suggest table when words",
    "commands.recover": "errors lookup model output recovery render when",
    "commands.statusline": "statusline",
    "commands.watch": "changes errors lookup model output render screen table when"
    " words",
    "commands.report": "days errors output private_file render report report_page when",
    "commands.restore": "lookup model output removal render sessions",
    "commands.rm": "errors lookup model output removal render words",
    "commands.show": "facts lineage lookup model neighbours output render sessions"
    " timeline",
    "commands.tail": "clock growing kinds lookup model output render sessions width"
    " words",
    "cli": "errors output parser",
    "__main__": "cli",
}
# What a hook that runs with every tool call may cost: no json, re, typing, pathlib,
# enum, datetime, third-party package... A bare `python -I -S` has the rest.
HOT = {
    *("_collections_abc", "_json", "_stat", "errno", "fcntl", "genericpath", "os"),
    *("os.path", "posixpath", "stat", "lib", "__future__"),
}


def imports_of(name):
    """The modules of ours that a module imports, at its top or later."""
    path, package = ROOT / "lib" / f"{name.replace('.', '/')}.py", name.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            above = package[: len(package) + 1 - node.level]
            names = [node.module] if node.module else [a.name for a in node.names]
            found.update(".".join([*above, name]) for name in names)
    return {name for name in found if not name.endswith("__version__")}


@pytest.mark.parametrize("name", TABLE)
def test_imports_go_down_the_layers(name):
    order = list(TABLE)
    found = imports_of(name)
    assert found <= set(TABLE[name].split()), name
    assert all(order.index(lower) < order.index(name) for lower in found), name


def test_the_table_has_every_module():
    present = {
        ".".join(path.relative_to(ROOT / "lib").with_suffix("").parts)
        for path in MODULES
        if path.stem != "__init__"
    }
    assert present == set(TABLE)


def test_only_the_modules_named_for_it_touch_third_party_packages():
    users = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in names:
                if name.split(".")[0] in ("filelock", "psutil", "dateutil"):
                    users.setdefault(name.split(".")[0], set()).add(path.stem)
    assert users == {
        "filelock": {"file_lock"},
        "psutil": {"process"},
        "dateutil": {"clock"},
    }


@pytest.mark.parametrize(
    ("call", "more"),
    [
        pytest.param("update_heartbeat('a', state='busy')", set(), id="heartbeat"),
        pytest.param(
            "update_heartbeat('a', state='idle', kind='turn_close')", set(), id="stop"
        ),
        pytest.param("close_session('a')", set(), id="end"),
    ],
)
def test_a_hook_imports_nothing_that_costs_more_than_it_gives(store, call, more):
    sessions.create_session(session_id="a")
    code = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(ROOT)!r})\n"
        f"from lib import hook; hook.sessions.{call}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    said = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name for name in said.stdout.split() if not name.startswith("lib.")}
    assert loaded <= HOT | more


def test_the_status_line_imports_no_more_than_a_hook_and_what_tells_the_time(store):
    sessions.create_session(session_id="a")
    code = (
        f"import sys; before = set(sys.modules); sys.path.insert(0, {str(ROOT)!r})\n"
        "from lib import statusline\n"
        "own = statusline._on_record('a')\n"
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


def test_no_module_is_long():
    for path in MODULES:
        assert len(path.read_text().splitlines()) <= 450, path.name
