"""A checkout that was moved, emptied or broken must never cost anybody a prompt."""

from __future__ import annotations

import contextlib

import pytest

from .client import HOOK_FAILED


@contextlib.contextmanager
def _without(path):
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


@contextlib.contextmanager
def _with_syntax_errors(package):
    sound = {path: path.read_bytes() for path in package.glob("*.py")}
    try:
        for path in sound:
            path.write_text("def (:\n")
        yield
    finally:
        for path, content in sound.items():
            path.write_bytes(content)


@pytest.mark.parametrize(
    ("broken", "part"),
    [
        pytest.param(_without, ".", id="no-checkout"),
        pytest.param(_without, ".venv", id="no-venv"),
        pytest.param(_without, "hooks", id="no-hooks"),
        pytest.param(_with_syntax_errors, "lib", id="syntax-errors-in-lib"),
    ],
)
def test_broken_checkout_does_not_disturb_a_session(box, checkout, broken, part):
    with broken((checkout / part).resolve()):
        run = box.prompt("RUN: echo hello")
        shown = _seen_in_a_terminal(box)

    assert (run.returncode, run.output) == (0, "done.\n")
    assert not HOOK_FAILED.findall(shown)


def _seen_in_a_terminal(box):
    terminal = box.terminal()
    terminal.ask("RUN: echo hello")
    return terminal.screen() + terminal.exit()
