"""The client is found among our ancestors by its name or its command line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from support import ROOT, Client

from lib.system import client_process


@pytest.mark.parametrize("name", ["claude", "2.1.128"])
def test_client_ancestor_is_found_by_its_name(name):
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        "from lib.system import client_process; "
        "print(client_process.find_client({}))"
    )
    with Client(name) as client:
        done = client.run(f'{sys.executable} -c "{code}"; true')
        assert done["stdout"].strip() == str(client.pid)


def test_node_client_ancestor_is_found_by_its_command_line(tmp_path):
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    script = tmp_path / "claude-code" / "cli.js"
    script.parent.mkdir()
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); "
        "from lib.system import client_process; "
        "print(client_process.find_client({}))"
    )
    script.write_text(
        "const {spawnSync} = require('child_process');"
        f"const r = spawnSync({sys.executable!r}, ['-c', {code!r}]);"
        "console.log(process.pid, String(r.stdout).trim());"
    )
    said = subprocess.run(["node", script], capture_output=True, text=True, check=True)
    own, found = said.stdout.split()
    assert own == found


def test_is_client_only_for_a_running_client_process(client):
    assert client_process.is_client(client.pid)
    assert not client_process.is_client(os.getpid())
    client.kill()
    assert not client_process.is_client(client.pid)
