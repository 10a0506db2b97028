"""What `headcount list` says of a client, two seconds after everything a person does.

The clients live at the same time, a few at a time, and those of one version in one box.
"""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest

from . import (
    fetch,
    lives_of_dialogs,
    lives_of_older_clients,
    lives_of_processes,
    lives_of_turns,
)
from .situations import Stage

CLIENTS_AT_ONCE = 3  # beside them, another file of tests may run
LIVES = {
    fetch.CURRENT: lives_of_turns.LIVES
    + lives_of_dialogs.LIVES
    + lives_of_processes.LIVES,
    "2.1.200": lives_of_older_clients.WITH_STATUS,
    "2.1.74": lives_of_older_clients.WITHOUT_STATUS,
}
CASES = [
    pytest.param(version, life, id=f"{version}-{life.__name__}")
    for version, lives in LIVES.items()
    for life in lives
]


@pytest.fixture(scope="module")
def stage_of(fetched, installed):
    """Return what gives the stage of a version, made at its first use."""
    stages = {}
    with contextlib.ExitStack() as open_stages:

        def stage_of(version):
            if version not in stages:
                stage = Stage(fetched(version), *installed)
                stages[version] = open_stages.enter_context(stage)
            return stages[version]

        yield stage_of
        for stage in stages.values():
            assert "headcount" not in stage.box.requests_path.read_text().lower()


def keeps_files_together(config):
    """Whether all tests of this file run in this process."""
    worker = getattr(config, "workerinput", None)
    return worker is None or worker["dist"] == "loadfile"


@pytest.fixture(scope="module")
def mistakes_in(request, stage_of):
    """Begin all the lives that were asked for; return what waits for the end of one."""
    running = {}
    with ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:

        def begin(version, life):
            running[version, life] = pool.submit(life, stage_of(version))

        def mistakes_in(version, life):
            if (version, life) not in running:
                begin(version, life)
            return running[version, life].result()

        items = [item for item in request.session.items if item.path == request.path]
        for item in items if keeps_files_together(request.config) else []:
            begin(**item.callspec.params)
        yield mistakes_in
        pool.shutdown(cancel_futures=True)


@pytest.mark.timeout(900)  # the first waits for all that are before it in the queue
@pytest.mark.parametrize(("version", "life"), CASES)
def test_listed_state_is_right_after_two_seconds(mistakes_in, version, life):
    assert "\n".join(mistakes_in(version, life)) == ""
