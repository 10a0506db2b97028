"""Every test has a store of its own, and none can reach the real one."""

from __future__ import annotations

import atexit
import os
import pathlib
import signal
import tempfile

import pytest

pytest_plugins = [
    "schemas",
    "reliability.figures",
    "command_line",
    "installing",
    "wheels",
    "examination",
    "fleet.hosts",
    "fleet.redis_server",
    "fleet.share_command",
    "fleet.sharers",
    "multiplexers",
    "live_sessions",
    "past_sessions",
]

# Before anything of `lib` is imported: a path that cannot be made, so that a test which
# forgets to choose a store fails instead of writing to the developer's.
_NOWHERE = tempfile.NamedTemporaryFile(prefix="choose-a-store-")  # noqa: SIM115
atexit.register(_NOWHERE.close)
os.environ["HEADCOUNT_DIR"] = os.path.join(_NOWHERE.name, "store")
os.environ["HOME"] = os.path.join(_NOWHERE.name, "home")
for name in [*os.environ]:
    if name.startswith(("CLAUDE", "XDG_STATE", "HEADCOUNT_TTL", "HEADCOUNT_QUIET")):
        del os.environ[name]

from support import Client  # noqa: E402

from lib.store import paths as store_module  # noqa: E402


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A store for this test, in process and for the processes that it starts."""
    folder = tmp_path / "store"
    monkeypatch.setenv("HEADCOUNT_DIR", str(folder))
    monkeypatch.setattr(store_module, "SESSIONS_DIR", str(folder))
    monkeypatch.setattr(store_module, "ARCHIVE_DIR", str(folder / "archive"))
    return folder


@pytest.fixture
def client(store):
    """A process that looks like Claude Code and runs hooks as it does."""
    with Client() as started:
        yield started


@pytest.fixture
def interruptible():
    """Commands started by this test get signals, even if pytest runs in the background.

    A shell starts a job in the background with SIGINT and SIGQUIT ignored, nohup one
    with SIGHUP ignored, and children inherit that.
    """
    defaults = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {n: signal.signal(n, handler) for n, handler in defaults.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def payloads():
    return pathlib.Path(__file__).parent / "payloads"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node):
    """Tell a worker of pytest-xdist how tests are distributed, which it cannot see."""
    node.workerinput["dist"] = node.config.option.dist


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """In CI nothing is skipped: what is missing there must be installed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter.stats.get("skipped", []) if reporter else []
    if os.environ.get("CI") == "true" and skipped:
        reporter.write_line(f"CI=true, yet {len(skipped)} tests were skipped")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
