"""The two tiers, the seed, and the table of figures at the end of a run.

`--full` enlarges what the tests of this folder and `tests/e2e/test_soak.py` do,
`--seed` repeats what was random. A pytest plugin: `tests/conftest.py` names it, since
options must be known before this folder is looked into.
"""

from __future__ import annotations

import pathlib
import random

import pytest

FOLDER = pathlib.Path(__file__).parent
FULL_TIMEOUT_SECONDS = 3600


def pytest_addoption(parser):
    group = parser.getgroup("reliability")
    group.addoption("--full", action="store_true", help="the full sizes, for releases")
    group.addoption("--seed", type=int, help="repeat the random parts of that run")


def pytest_configure(config):
    if config.option.seed is None:
        config.option.seed = random.randrange(2**32)


def pytest_report_header(config):
    tier = "full" if config.option.full else "quick"
    return f"reliability: {tier} tier, --seed {config.option.seed}"


def pytest_collection_modifyitems(config, items):
    for item in items if config.option.full else ():
        if item.path.parent == FOLDER:
            item.add_marker(pytest.mark.timeout(FULL_TIMEOUT_SECONDS))


def pytest_terminal_summary(terminalreporter, config):
    told = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for key, value in getattr(report, "user_properties", ())
        if key == "figure" and report.when == "call"
    ]
    if told:
        terminalreporter.section(f"figures, --seed {config.option.seed}")
        for line in told:
            terminalreporter.write_line(line)


@pytest.fixture
def full(request):
    """Whether this is the full tier."""
    return request.config.option.full


@pytest.fixture
def size(full):
    """Return a function that picks the quick size or the full one."""
    return lambda quick, whole: whole if full else quick


@pytest.fixture
def chance(request):
    """A random generator that `--seed` sets; each test has one of its own."""
    return random.Random(f"{request.config.option.seed} {request.node.name}")


@pytest.fixture
def figure(request):
    """Return a function that puts a line into the table of figures."""

    def tell(line):
        request.node.user_properties.append(("figure", line))

    return tell
