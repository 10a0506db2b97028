"""`install.sh` puts its packages into .venv, however uv and pip are configured."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from installing import PACKAGES, copy_of_checkout

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
