"""Alarms that raise DeadlineExceeded wherever the process is."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest

from lib.system import deadline
from lib.system.deadline import DeadlineExceeded


@pytest.fixture(autouse=True)
def _handler():
    before = signal.getsignal(signal.SIGALRM)
    yield
    deadline.cancel_alarm()
    signal.signal(signal.SIGALRM, before)


def test_alarm_interrupts_a_wait_even_where_exceptions_are_caught():
    began = time.monotonic()
    deadline.alarm(0.05)
    with (
        pytest.raises(DeadlineExceeded, match=r"not done within 0\.05 s"),
        contextlib.suppress(Exception),  # as a library may do
    ):
        time.sleep(60)
    assert 0.04 < time.monotonic() - began < 30


def test_alarm_since_counts_from_then_and_is_raised_at_once_if_that_is_over():
    deadline.alarm(100)
    deadline.alarm(60, since=time.monotonic() - 59.95)
    with pytest.raises(DeadlineExceeded):
        time.sleep(30)
    deadline.alarm(60, since=time.monotonic() - 61)
    with pytest.raises(DeadlineExceeded):
        time.sleep(30)


def test_alarm_is_raised_where_the_signal_was_blocked():
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
    deadline.alarm(0.01)
    with pytest.raises(DeadlineExceeded):
        time.sleep(30)


def test_cancel_alarm_lets_the_process_go_on():
    deadline.alarm(0.05)
    deadline.cancel_alarm()
    time.sleep(0.1)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
