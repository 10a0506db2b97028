"""`install.sh` puts its packages into .venv, however uv and pip are configured."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from installing import PACKAGES, copy_of_checkout
from support import ROOT

from lib.checkout import exposures

BACKEND = """
def build_wheel(*_): open({marker!r}, "w"); raise SystemExit(1)
prepare_metadata_for_build_wheel = build_wheel
"""


class Index:
    """A folder of packages, and the requirements.txt that locks them."""

    def __init__(self, folder, checkout):
        self.folder, self.checkout = folder, checkout
        folder.mkdir()

    def add_wheel(self, name, files):
        path = self.folder / f"{name}-1-py3-none-any.whl"
        info = f"{name}-1.dist-info/"
        with zipfile.ZipFile(path, "w") as wheel:
            for inside, content in files.items():
                wheel.writestr(inside, content)
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
            wheel.writestr(info + "METADATA", metadata)
            tags = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            wheel.writestr(info + "WHEEL", tags)
            wheel.writestr(info + "RECORD", "")

    def add_source(self, name, marker):
        """Add a source distribution that creates *marker* when it is built."""
        system = '[build-system]\nrequires = []\nbuild-backend = "backend"\n'
        files = {
            "pyproject.toml": system + 'backend-path = ["."]\n',
            "backend.py": BACKEND.format(marker=str(marker)),
            "PKG-INFO": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n",
        }
        with tarfile.open(self.folder / f"{name}-1.tar.gz", "w:gz") as archive:
            for inside, content in files.items():
                member = tarfile.TarInfo(f"{name}-1/{inside}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content.encode()))

    def lock(self):
        lines = []
        for path in sorted(self.folder.iterdir()):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f"{path.name.partition('-')[0]}==1 --hash=sha256:{digest}\n")
        (self.checkout / "requirements.txt").write_text("".join(lines))


@pytest.fixture
def new_checkout(tmp_path):
    return copy_of_checkout(tmp_path / "check out")


@pytest.fixture
def index(tmp_path, new_checkout):
    """The packages that this Python has, as wheels."""
    index = Index(tmp_path / "index", new_checkout)
    for name in PACKAGES:
        found = importlib.util.find_spec(name)
        if found and found.origin:
            origin = Path(found.origin)
            top = origin.parent if origin.name == "__init__.py" else origin
            paths = top.rglob("*") if top.is_dir() else [top]
            files = [path for path in paths if path.is_file()]
            index.add_wheel(
                name,
                {
                    str(path.relative_to(top.parent)): path.read_bytes()
                    for path in files
                },
            )
    index.lock()
    return index


@pytest.fixture
def install(run, new_checkout, index, tmp_path):
    """Return a function that installs with a pip.conf, and with variables."""

    def install(configuration="", **variables):
        file = tmp_path / "pip.conf"
        links = f"[global]\nno-index = true\nfind-links = {index.folder}\n"
        file.write_text(links + configuration)
        variables = {"PIP_FIND_LINKS": "", "PIP_CONFIG_FILE": str(file), **variables}
        return run(new_checkout / "install.sh", **variables)

    return install


@pytest.mark.parametrize(
    ("configuration", "variables"),
    [
        ("", {"PIP_TARGET": "elsewhere", "PIP_NO_BINARY": ":all:"}),
        ("prefix = elsewhere\nconstraint = missing.txt\n[install]\nuser = true\n", {}),
    ],
    ids=["variables", "file"],
)
def test_install_fills_its_environment_whatever_pip_is_configured_to(
    install, new_checkout, home, configuration, variables
):
    done = install(configuration, **variables)
    assert (done.returncode, done.stderr) == (0, "")
    (packages,) = new_checkout.glob(".venv/lib/python*/site-packages")
    assert {"filelock", "psutil", "dateutil", "jinja2"} <= {*os.listdir(packages)}
    assert not (home / "elsewhere").exists()


def test_install_fails_if_a_package_cannot_be_imported(
    install, index, new_checkout, home
):
    index.add_wheel("filelock", {"filelock/__init__.py": "import no_such_module"})
    index.lock()
    done = install()
    assert done.returncode == 1
    assert "No module named 'no_such_module'" in done.stderr
    assert "could not fill" in done.stderr
    assert not list(new_checkout.glob(".venv*"))
    assert not (home / ".claude").exists()


def test_install_never_builds_a_package(install, index, new_checkout, tmp_path):
    next(index.folder.glob("wcwidth-*")).unlink()
    index.add_source("wcwidth", tmp_path / "built")
    index.lock()
    done = install()
    assert done.returncode == 1
    assert "requirement wcwidth==1" in done.stderr
    assert not (tmp_path / "built").exists()
    assert not list(new_checkout.glob(".venv*"))


def test_uv_gets_nothing_but_the_index_of_its_configuration(
    run, new_checkout, environment, tools, tmp_path
):
    uv = tools / "uv"
    uv.write_text(f"""#!/bin/sh
echo "$*" >>{tmp_path}/calls; set >>{tmp_path}/variables
[ "$1" != venv ] || {{ for new; do :; done; cp -a '{environment}' "$new"; }}
""")
    uv.chmod(0o755)
    variables = {"UV_TARGET": "x", "UV_LINK_MODE": "symlink", "UV_NO_BINARY": "1"}
    variables |= {"UV_DEFAULT_INDEX": "https://here", "UV_INDEX_OURS_PASSWORD": "p"}
    done = run(new_checkout / "install.sh", **variables)
    assert (done.returncode, done.stderr) == (0, "")
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == ["venv", "pip"]
    assert all("--no-config" in call for call in calls)
    assert {"--no-build", "--require-hashes"} <= {*calls[1].split()}
    lines = (tmp_path / "variables").read_text().splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names & variables.keys() == {"UV_DEFAULT_INDEX", "UV_INDEX_OURS_PASSWORD"}


@pytest.fixture
def install_with_uv(run, new_checkout, index, tools, home):
    """Return a function that installs with the real uv, configured to use the index."""
    uv = shutil.which("uv")
    if not uv:
        pytest.skip("uv is not installed")
    (tools / "uv").symlink_to(uv)

    def install(configuration="", **variables):
        file = home / ".config/uv/uv.toml"
        file.parent.mkdir(parents=True)
        links = f'no-index = true\nfind-links = ["{index.folder}"]\n'
        file.write_text(links + configuration)
        variables = {"UV_FIND_LINKS": "", "PIP_NO_INDEX": "1", **variables}
        return run(new_checkout / "install.sh", **variables)

    return install


HOSTILE_UV = '[pip]\ntarget = "{folder}"\nno-binary = [":all:"]\n'


def _hostile_user_settings(folder, checkout):
    return HOSTILE_UV.format(folder=folder)


def _hostile_uv_toml_above(folder, checkout):
    (checkout.parent / "uv.toml").write_text(HOSTILE_UV.format(folder=folder))
    return ""


def _hostile_pyproject_above(folder, checkout):
    text = HOSTILE_UV.format(folder=folder).replace("[pip]", "[tool.uv.pip]")
    (checkout.parent / "pyproject.toml").write_text(text)
    return ""


@pytest.mark.parametrize(
    "plant",
    [
        pytest.param(_hostile_user_settings, id="settings-of-the-user"),
        pytest.param(_hostile_uv_toml_above, id="uv.toml-above"),
        pytest.param(_hostile_pyproject_above, id="pyproject.toml-above"),
    ],
)
def test_install_with_uv_takes_only_the_index_from_its_files(
    install_with_uv, new_checkout, tmp_path, plant
):
    done = install_with_uv(plant(tmp_path / "elsewhere", new_checkout))
    assert (done.returncode, done.stderr) == (0, "")
    (packages,) = new_checkout.glob(".venv/lib/python*/site-packages")
    assert {"filelock", "psutil", "dateutil", "jinja2"} <= {*os.listdir(packages)}
    assert not (tmp_path / "elsewhere").exists()
    assert exposures(str(new_checkout)) == []


def test_install_with_uv_never_builds_a_package(
    install_with_uv, index, new_checkout, tmp_path
):
    next(index.folder.glob("wcwidth-*")).unlink()
    index.add_source("wcwidth", tmp_path / "built")
    index.lock()
    done = install_with_uv("no-build = false\n")
    assert done.returncode == 1
    assert "uv could not make the environment" in done.stderr
    assert not (tmp_path / "built").exists()
    assert not list(new_checkout.glob(".venv*"))


PYLOCK = """
lock-version = "1.0"
[[packages]]
name = "one"
version = "1"
marker = "python_version < '3.11'"
sdist = { url = "https://here/one-1.tar.gz", hashes = { sha256 = "aa" } }
wheels = [
    { url = "https://here/one-1-cp311.whl", hashes = { sha256 = "cc" } },
    { url = "https://here/one-1-cp310.whl", hashes = { sha256 = "bb" } },
]
"""
ONLY_SOURCE = '[[packages]]\nname = "two"\nversion = "2"\nsdist = { hashes = {} }\n'


def lock_wheels(pylock):
    return subprocess.run(
        [sys.executable, ROOT / ".ci/wheel_hashes.py"],
        input=pylock,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib is new in Python 3.11")
def test_wheel_hashes_leaves_out_source_distributions():
    hashes = "    --hash=sha256:bb \\\n    --hash=sha256:cc\n"
    expected = f"one==1 ; python_version < '3.11' \\\n{hashes}"
    assert lock_wheels(PYLOCK).stdout == expected
    assert lock_wheels(PYLOCK + ONLY_SOURCE).returncode == 1


@pytest.mark.parametrize("folder", ["", "tests"], ids=["runtime", "tests"])
def test_requirements_lock_wheels_only(folder):
    text = (ROOT / folder / "requirements.txt").read_text()
    hashes = {
        name: lock.count("--hash=sha256:")
        for name, lock in re.findall(
            r"^([\w.-]+)==(.*(?:\n    .*)*)", text, re.MULTILINE
        )
    }
    pure = [name for name in hashes if is_installed_from_the_only_wheel(name)]
    assert len(pure) >= 4
    assert {name: hashes[name] for name in pure} == dict.fromkeys(pure, 1)


def is_installed_from_the_only_wheel(name):
    """Whether it is pure Python, of which a release has one wheel for all platforms."""
    try:
        wheel = importlib.metadata.distribution(name).read_text("WHEEL") or ""
    except importlib.metadata.PackageNotFoundError:
        return False
    return "-none-any" in wheel
