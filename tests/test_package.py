"""The wheel: what is in it, and that it works wherever it is installed."""

from __future__ import annotations

import contextlib
import hashlib
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
from support import ROOT, pythons

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


def test_distributions_of_another_clone_have_the_same_bytes(dist, build, tmp_path):
    def copy(source, target):
        shutil.copyfile(source, target)  # another time, and a mode of another umask
        Path(target).chmod(Path(source).stat().st_mode & 0o700)

    ignored = shutil.ignore_patterns(".git", ".venv", ".client", "__pycache__")
    clone = tmp_path / "clone"
    shutil.copytree(ROOT, clone, ignore=ignored, copy_function=copy)
    again = build(clone)
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
        self._share_packages()

    def switch(self, python, wheel):
        """Give the environment another *python*, as its user would."""
        getattr(self, f"_switch_with_{self.name}")(python, wheel)
        self._share_packages()

    def _share_packages(self):
        (packages,) = self.environment.glob("lib/python*/site-packages")
        (packages / "shared.pth").write_text(f"{sysconfig.get_path('purelib')}\n")

    def _install_with_pip(self, wheel):
        if not self.environment.exists():
            self.must(sys.executable, "-m", "venv", self.environment)
        options = ["--quiet", "--disable-pip-version-check", "--upgrade"]
        self.must(self.python, "-m", "pip", "install", *options, wheel)

    def _switch_with_pip(self, python, wheel):
        self.must(python, "-m", "venv", "--clear", self.environment)
        self._install_with_pip(wheel)

    def _install_with_pipx(self, wheel):
        found = f"--pip-args=--no-index --find-links={self.packages}"
        python = f"--python={sys.executable}"
        self.must("pipx", "install", "--force", python, found, wheel)

    def _switch_with_pipx(self, python, _):
        self.must("pipx", "reinstall", f"--python={python}", "headcount")

    def _install_with_uv(self, wheel):
        options = ["--no-index", f"--find-links={self.packages}", "--force"]
        python = f"--python={sys.executable}"
        self.must("uv", "tool", "install", *options, python, wheel)

    def _switch_with_uv(self, python, _):
        self.must("uv", "tool", "upgrade", f"--python={python}", "headcount")

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
    code = "import headcount; from importlib.metadata import version; "
    code += "print(headcount.__version__, version('headcount'))"
    assert tool.must(tool.python, "-Ic", code).split() == 2 * [__version__]
    said = tool.must(tool.python, "-Im", "headcount", "--version")
    assert said == f"headcount {__version__}\n"


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
        assert f"{hooks.python} -I -S {hooks.environment}/share/" in command
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


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_full_disk_behind_stdout_fails_with_a_message(tool):
    script = f"{tool.environment}/bin/headcount install --print > /dev/full"
    done = tool.run("/bin/sh", "-c", script)
    assert done.returncode == 1
    assert "headcount: cannot write to stdout: No space left" in done.stderr


def test_package_in_a_cache_is_refused(tool):
    cache = {"XDG_CACHE_HOME": str(tool.environment.parent)}
    done = tool.run("headcount", "install", variables=cache)
    assert done.returncode == 1
    assert f"{tool.environment} is in a cache, which may be emptied" in done.stderr
    assert not tool.settings.exists()


@contextlib.contextmanager
def session(tool):
    """Run hooks of one session, one after the other; check what it leaves on record."""
    fired, ended = [], threading.Event()

    def work():
        while not ended.is_set():
            fired.append(tool.fire("UserPromptSubmit", prompt="x").stdout)

    tool.fire("SessionStart", source="startup")
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    tool.fire("SessionEnd", reason="other")
    assert set(fired) == {""}
    assert tool.types()[0] == "session_metadata"
    assert tool.types()[-1] == "session_close"
    assert set(tool.types()[1:-1]) == {"heartbeat"}
    for line in (tool.store / "s-1.jsonl").read_text().splitlines():
        json.loads(line)


def test_hooks_record_while_and_after_the_package_is_upgraded(
    hooks, newer_wheel, wheel
):
    with session(hooks):
        hooks.install(newer_wheel)
    assert hooks.must("headcount", "--version") == "headcount 99.0\n"
    hooks.install(wheel)


@pytest.fixture(scope="session")
def other_python():
    """Return an interpreter of another minor version than this one."""
    own = f"python3.{sys.version_info.minor}"
    for name, path in pythons().items():
        made = [path, "-c", "import venv, ensurepip"]
        if name != own and not subprocess.run(made, check=False).returncode:
            return path
    pytest.skip("there is no other Python 3.10 or newer with venv and ensurepip")


def minor_version(tool, python):
    return tool.must(python, "-c", "import sys; print(sys.version_info[:2])")


def test_hooks_commands_and_doctor_work_while_and_after_the_python_is_switched(
    hooks, wheel, other_python
):
    before = minor_version(hooks, hooks.python)
    settings = hooks.settings.read_bytes()

    with session(hooks):
        hooks.switch(other_python, wheel)

    after = minor_version(hooks, hooks.python)
    assert after == minor_version(hooks, other_python) != before
    assert hooks.must("headcount", "--version") == f"headcount {__version__}\n"
    assert "s-1" in hooks.must("headcount", "list", "--all")
    assert "problem" not in hooks.must("headcount", "doctor", "--quick")
    assert "is up to date; not changed" in hooks.must("headcount", "install")
    assert hooks.settings.read_bytes() == settings
    hooks.switch(sys.executable, wheel)
    assert minor_version(hooks, hooks.python) == before


@pytest.mark.parametrize("target", ["gone", "another version"])
def test_hooks_of_a_package_find_a_python_if_theirs_is(hooks, other_python, target):
    """As after an upgrade of the system, before the environment is made again."""
    folder = hooks.environment / "bin"
    links = {path: path.readlink() for path in folder.glob("python*")}
    path = hooks.variables["PATH"]
    try:
        for link in links:
            link.unlink()
        if target == "gone":
            hooks.python.symlink_to("/nowhere/python3")
            own = Path(other_python).parent
            hooks.variables["PATH"] = os.pathsep.join((str(own), "/usr/bin", "/bin"))
        else:
            hooks.python.symlink_to(other_python)
        for event in ("SessionStart", "UserPromptSubmit", "Stop", "SessionEnd"):
            hooks.fire(event, source="startup", prompt="x", reason="other")
    finally:
        hooks.variables["PATH"] = path
        hooks.python.unlink()
        for link, leads_to in links.items():
            link.symlink_to(leads_to)
    assert hooks.types() == [
        *("session_metadata", "heartbeat", "turn_close", "session_close")
    ]
    assert not (hooks.store / "errors.log").exists()


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


@pytest.fixture
def formula():
    return (ROOT / "contrib/homebrew/headcount.rb").read_text()


def resources(formula):
    """Return name, address and hash of each package in the text of a *formula*."""
    return re.findall(r'"(.+)" do\n    url "(.+)"\n    sha256 "(.+)"', formula)


def test_formula_for_homebrew_has_the_locked_file_of_each_package(formula):
    text = (ROOT / "requirements.txt").read_text()
    locked = {}  # without those that only a Python before 3.11 needs
    for entry in re.split(r"\n(?=[\w-]+==)", text)[1:]:
        name, version, marker = re.match(r"([\w-]+)==(\S+)( ; .* < )?", entry).groups()
        if not marker:
            locked[name] = version, re.findall(r"sha256:(\w+)", entry)

    assert {name for name, _, _ in resources(formula)} == locked.keys()
    for name, url, digest in resources(formula):
        version, digests = locked[name]
        file = url.rpartition("/")[2]
        assert file.startswith(f"{name.replace('-', '_')}-{version}")
        # Only the wheels are locked.
        assert (digest in digests) is file.endswith("py3-none-any.whl")


def test_formula_for_homebrew_is_filled_in_for_a_release(formula, dist, tmp_path):
    path = tmp_path / "headcount.rb"
    path.write_text(formula)
    archive = dist / f"headcount-{__version__}.tar.gz"
    wheel = 'url = "https://host/one-2-py3-none-any.whl", hashes = { sha256 = "aa" }'
    source = 'url = "https://host/two-3.tar.gz", hashes = { sha256 = "bb" }'
    lock = f"""
    packages = [
      {{ name = "one", wheels = [{{ {wheel} }}], sdist = {{ {source} }} }},
      {{ name = "two", sdist = {{ {source} }} }},
    ]
    """
    command = [sys.executable, ROOT / ".ci/formula.py", path, "https://host/archive"]
    subprocess.run([*command, archive], input=lock.encode(), check=True)

    filled_in = path.read_text()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert f'  url "https://host/archive"\n  sha256 "{digest}"\n' in filled_in
    assert resources(filled_in) == [
        ("one", "https://host/one-2-py3-none-any.whl", "aa"),
        ("two", "https://host/two-3.tar.gz", "bb"),
    ]
    assert filled_in.endswith("\n  def install" + formula.partition("  def install")[2])
