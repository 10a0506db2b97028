"""The wheel: what is in it, and that it works wherever it is installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import zipfile
from pathlib import Path

import pytest
from installing import of_version, put_claude
from support import ROOT

from lib import __version__
from lib.checkout import root_of


def test_wheel_has_every_file_of_the_package(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    files = (path for path in (ROOT / "lib").rglob("*") if path.is_file())
    expected = {
        f"headcount/{path.relative_to(ROOT / 'lib')}"
        for path in files
        if path.suffix != ".pyc"
    }
    assert {name for name in names if name.startswith("headcount/")} == expected


def test_distributions_pass_the_strict_check_of_twine(dist):
    command = [sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir()]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_distributions_are_built_twice_with_the_same_bytes(dist, build):
    again = build()
    names = sorted(path.name for path in dist.iterdir())
    assert names == [
        f"headcount-{__version__}-py3-none-any.whl",
        f"headcount-{__version__}.tar.gz",
    ]
    for name in names:
        assert (dist / name).read_bytes() == (again / name).read_bytes()


# ---- Installed ------------------------------------------------------------------

ENVIRONMENTS = {
    "pip": "venv",
    "pipx": ".local/share/pipx/venvs/headcount",
    "uv": ".local/share/uv/tools/headcount",
}


class Tool:
    """A home in which pip, pipx or uv installs the wheel, in an environment of its own.

    What the wheel needs is in *packages*, empty wheels, and comes from this Python.
    """

    def __init__(self, name, folder, packages):
        self.name, self.home, self.packages = name, folder / "home", packages
        self.home.mkdir(parents=True)
        self.environment = self.home / ENVIRONMENTS[name]
        self.python = self.environment / "bin/python"
        self.settings = self.home / ".claude/settings.json"
        self.store = self.home / ".local/state/headcount"
        tools = put_claude(folder / "tools", of_version("2.1.332"))
        places = [self.home / ".local/bin", self.environment / "bin", tools]
        places += [Path(sys.executable).parent, "/usr/bin", "/bin"]
        self.variables = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join(map(str, places)),
            "PIP_FIND_LINKS": str(packages),
            "PIP_NO_INDEX": "1",
        }

    def run(self, *words, **options):
        variables = {**self.variables, **options.pop("variables", {})}
        words = [str(word) for word in words]
        return subprocess.run(
            words,
            env=variables,
            cwd=self.home,
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def must(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def install(self, wheel):
        """Install *wheel*, also over an earlier version."""
        getattr(self, f"_install_with_{self.name}")(wheel)
        (packages,) = self.environment.glob("lib/python*/site-packages")
        (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def _install_with_pip(self, wheel):
        if not self.environment.exists():
            self.must(sys.executable, "-m", "venv", self.environment)
        options = ["--quiet", "--disable-pip-version-check", "--upgrade"]
        self.must(self.python, "-m", "pip", "install", *options, wheel)

    def _install_with_pipx(self, wheel):
        found = f"--pip-args=--no-index --find-links={self.packages}"
        python = f"--python={sys.executable}"
        self.must("pipx", "install", "--force", python, found, wheel)

    def _install_with_uv(self, wheel):
        options = ["--no-index", f"--find-links={self.packages}", "--force"]
        python = f"--python={sys.executable}"
        self.must("uv", "tool", "install", *options, python, wheel)

    def commands(self):
        """Return the command of each installed hook, by event."""
        hooks = json.loads(self.settings.read_text())["hooks"]
        return {
            event: groups[0]["hooks"][0]["command"] for event, groups in hooks.items()
        }

    def fire(self, event, **fields):
        """Run the hook of *event* as the client does; it must be silent."""
        payload = {"session_id": "s-1", "hook_event_name": event, "cwd": str(self.home)}
        done = self.run(
            "/bin/sh", "-c", self.commands()[event], input=json.dumps(payload | fields)
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done

    def types(self):
        """Return the types of the entries of the one session on record."""
        (path,) = self.store.glob("*.jsonl")
        return [json.loads(line)["type"] for line in path.read_text().splitlines()]


@pytest.fixture(scope="module", params=["pip", "pipx", "uv"])
def tool(request, wheel, packages, tmp_path_factory):
    """Return a Tool that has installed the wheel."""
    if request.param != "pip" and not shutil.which(request.param):
        pytest.skip(f"{request.param} is not installed")
    tool = Tool(request.param, tmp_path_factory.mktemp(request.param), packages)
    tool.install(wheel)
    return tool


@pytest.fixture
def hooks(tool):
    """Install the hooks of the tool's package for one test; return the tool."""
    tool.must("headcount", "install")
    yield tool
    tool.must("headcount", "uninstall", "--purge")


def snapshot(folder):
    """Return the files below *folder*, without what Python and the tools cache."""
    kept = (path for path in folder.rglob("*") if "__pycache__" not in path.parts)
    return {str(p): p.is_file() and p.read_bytes() for p in kept}


def test_package_has_the_version_of_the_checkout(tool):
    assert tool.must("headcount", "--version") == f"headcount {__version__}\n"
    assert (
        tool.must(tool.python, "-Im", "headcount", "--version").split()[1]
        == __version__
    )


def test_package_installs_hooks_that_record_and_uninstalls_to_the_same_bytes(tool):
    tool.settings.parent.mkdir(exist_ok=True)
    tool.settings.write_text('{"model":   "opus"}')
    before = snapshot(tool.home)
    said = tool.must("headcount", "install", "--statusline")
    assert "11 hooks and the status line installed" in said
    assert f"undo:     {tool.environment}/bin/headcount uninstall" in said
    tool.fire("SessionStart", source="startup")
    tool.fire("SessionEnd", reason="other")
    assert tool.types() == ["session_metadata", "session_close"]
    assert "no problem" not in tool.must("headcount", "doctor")
    tool.must("headcount", "uninstall", "--purge")
    tool.settings.with_name("settings.json.headcount-backup").unlink(missing_ok=True)
    assert snapshot(tool.home) == before | dict.fromkeys(
        snapshot(tool.home).keys() - before.keys() - {str(tool.settings)}, False
    )
    tool.settings.unlink()


def test_hooks_of_a_package_name_no_version_of_python(hooks):
    for command in hooks.commands().values():
        assert command.startswith(f"{hooks.python} -I -S {hooks.environment}/share/")
        assert not re.search(r"python\d", command.partition(" ")[2])


def test_hooks_of_a_package_need_no_environment_to_stay_silent(hooks):
    away = hooks.environment.with_name("away")
    hooks.environment.rename(away)
    try:
        for event in hooks.commands():
            assert hooks.fire(event).stdout == ""
    finally:
        away.rename(hooks.environment)
    hooks.fire("SessionStart", source="startup")
    assert hooks.types() == ["session_metadata"]


def test_package_in_a_cache_is_refused(tool):
    cache = {"XDG_CACHE_HOME": str(tool.environment.parent)}
    done = tool.run("headcount", "install", variables=cache)
    assert done.returncode == 1
    assert f"{tool.environment} is in a cache, which may be emptied" in done.stderr
    assert not tool.settings.exists()


def test_hooks_record_while_and_after_the_package_is_upgraded(
    hooks, newer_wheel, wheel
):
    hooks.fire("SessionStart", source="startup")
    upgraded = threading.Event()
    fired = []

    def work():
        while not upgraded.is_set():
            fired.append(hooks.fire("UserPromptSubmit", prompt="x").stdout)

    thread = threading.Thread(target=work)
    thread.start()
    hooks.install(newer_wheel)
    upgraded.set()
    thread.join()
    assert set(fired) == {""}
    assert hooks.must("headcount", "--version") == "headcount 99.0\n"
    hooks.fire("SessionEnd", reason="other")
    types = hooks.types()
    assert (types[0], types[1], types[-1]) == (
        *("session_metadata", "heartbeat"),
        "session_close",
    )
    hooks.install(wheel)


@pytest.fixture(scope="session")
def newer_wheel(wheel, tmp_path_factory):
    """Return the wheel of a later version."""
    folder = tmp_path_factory.mktemp("newer")
    copy = folder / "headcount-99.0-py3-none-any.whl"
    old, new = (f"headcount-{version}.dist-info/" for version in (__version__, "99.0"))
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            text = source.read(name)
            if name in (f"{old}METADATA", f"{old}RECORD", "headcount/__init__.py"):
                text = text.replace(__version__.encode(), b"99.0")
            if name == f"{old}RECORD":
                text = re.sub(rb",sha256=[^,]*,\d+\n", b",,\n", text)
            target.writestr(
                re.sub(r"^headcount-[\d.]+(?=\.)", "headcount-99.0", name), text
            )
    assert new
    return copy


def test_doctor_finds_and_fixes_hooks_of_a_package_that_was_moved(hooks):
    text = hooks.settings.read_text()
    hooks.settings.write_text(
        text.replace(str(hooks.environment), "/nowhere/headcount")
    )
    done = hooks.run("headcount", "doctor", "--quick")
    assert done.returncode == 1
    assert "/nowhere/headcount/share/headcount, which does not exist" in done.stdout
    assert f"{hooks.environment}/bin/headcount install" in done.stdout
    hooks.must("headcount", "doctor", "--quick", "--fix")
    assert hooks.settings.read_text() == text


def test_programs_that_import_the_package_pass_mypy_strictly(tool, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(
        "import headcount\n\nsessions: list[headcount.Session] = headcount.live()\n"
    )
    options = ["--strict", "--python-executable", tool.python]
    options += [f"--cache-dir={tmp_path}/cache"]
    tool.must(sys.executable, "-m", "mypy", *options, program)
    program.write_text("import headcount\n\nsessions: int = headcount.live()\n")
    done = tool.run(sys.executable, "-m", "mypy", *options, program)
    assert "Incompatible types in assignment" in done.stdout


def test_package_of_homebrew_has_the_path_that_outlives_an_upgrade(tmp_path):
    modules = "libexec/lib/python3.12/site-packages/headcount"
    old = tmp_path / "Cellar/headcount/0.1.0"
    root = old / "libexec/share/headcount"
    assert root_of(str(old / modules)) == str(root)
    root.mkdir(parents=True)
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt/headcount").symlink_to(old)
    linked = tmp_path / "opt/headcount/libexec/share/headcount"
    assert root_of(str(old / modules)) == str(linked)


def test_formula_for_homebrew_has_the_locked_version_of_each_package():
    formula = (ROOT / "contrib/homebrew/headcount.rb").read_text()
    resources = re.findall(r'resource "(.+)" do\n    url ".+-([\d.]+)\.tar', formula)
    locked = (ROOT / "requirements.txt").read_text()
    entries = re.findall(r"^([\w-]+)==(\S+)(?! ; .* < )", locked, re.MULTILINE)
    assert {name for name, _ in resources} == {
        name for name, _ in entries if name != "six"
    }
    assert set(resources) <= set(entries)
