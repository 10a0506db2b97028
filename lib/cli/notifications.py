"""Runs a command, or shows a notification, for each session that enters a state.

    with notifications.requested(args) as notifications:
        notifications.add(news)       what each poll of `changes.Poller` returns

What is there at the first poll is not news. A thread runs the commands, one at a time
and at most one a second, so that a slow one never delays the watch.
"""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from ..errors import HeadcountError, UsageError
from ..fleet import hosts
from ..text import printable
from ..views import changes, session_view
from . import formatting, output

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Iterable

    from ..views.changes import Change
    from ..views.session_view import SessionView

    # Shows one event; raises HeadcountError if it cannot.
    Action = Callable[["Event"], None]

SECONDS_BETWEEN = 1.0
_MAX_SECONDS = 60.0
_MAX_TEXT = 200
_SHELL = "/bin/sh"


class Event(NamedTuple):
    """A session that has entered a state, and how to describe it to other programs."""

    session_id: str
    name: str
    state: str
    waiting_for: str
    where: str

    @property
    def environment(self) -> dict[str, str]:
        """The variables of the command that is run for it."""
        return {
            "HEADCOUNT_SESSION_ID": self.session_id,
            "HEADCOUNT_NAME": self.name,
            "HEADCOUNT_STATE": self.state,
            "HEADCOUNT_WAITING_FOR": self.waiting_for,
            "HEADCOUNT_WHERE": self.where,
        }

    @property
    def title(self) -> str:
        """What has happened, as the title of a notification."""
        reason = f" ({self.waiting_for})" if self.waiting_for else ""
        return f"{self.name or self.session_id} is {self.state}{reason}"


class Notifications:
    """Handles what `watch` reports; a context manager.

    *states* are those that a session has to enter, *actions* what is done then.
    *report* gets a message about an action that failed. Leaving the context waits for
    the actions that are due if *finishes*. Without actions, or without changes, nothing
    is done and no thread is started.
    """

    def __init__(
        self,
        states: frozenset[str],
        actions: list[Action],
        report: Callable[[str], None] = output.message,
        *,
        finishes: bool = True,
    ) -> None:
        self._states = states
        self._actions = actions
        self._report = report
        self._finishes = finishes
        self._queue: queue.SimpleQueue[Event | None] = queue.SimpleQueue()
        self._latest: dict[str, Event] = {}  # of each session
        self._is_first_poll = True
        self._worker: threading.Thread | None = None

    def __enter__(self) -> Notifications:  # noqa: PYI034  # Self is not in 3.10
        """Return itself."""
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        """Wait for the actions that are due, but not after an error or Ctrl-C."""
        if self._finishes and kind is None and self._worker is not None:
            self._queue.put(None)
            self._worker.join()

    def add(self, news: Iterable[Change]) -> None:
        """Queue what is new in *news*, the changes of one poll; the first has none."""
        is_first, self._is_first_poll = self._is_first_poll, False
        for change in news:
            state = changes.entered(change)
            if state is None and change.event != changes.STARTED:
                continue
            event = _event(change.session)
            self._latest[event.session_id] = event
            if not is_first and state in self._states and self._actions:
                self._queue.put(event)
                self._start()

    def _start(self) -> None:
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, daemon=True)
            self._worker.start()

    def _work(self) -> None:
        earliest = 0.0
        while (event := self._queue.get()) is not None:
            time.sleep(max(0.0, earliest - time.monotonic()))
            if self._latest[event.session_id] is not event:
                continue  # it has changed again while it was in the queue
            earliest = time.monotonic() + SECONDS_BETWEEN
            for action in self._actions:
                try:
                    action(event)
                except HeadcountError as error:
                    self._report(str(error))


def requested(
    args: Namespace, report: Callable[[str], None] | None = None
) -> Notifications:
    """Return what the options `--on`, `--exec` and `--notify` ask for.

    With *report*, which gets messages, there is a screen: commands write nothing to it,
    and whoever leaves it does not wait for them. Raises UsageError, and HeadcountError
    if nothing can show a notification.
    """
    if args.on and not (args.exec or args.notify):
        raise UsageError("--on needs --exec CMD or --notify")
    states = frozenset(args.on or ("waiting",))
    actions: list[Action] = []
    if args.exec:
        actions.append(_run(args.exec, quiet=report is not None))
    if args.notify:
        from ..terminals import desktop

        show = desktop.find_notifier()
        actions.append(lambda event: show(event.title, event.where))
    message = report or output.message
    return Notifications(states, actions, message, finishes=report is None)


def _event(session: SessionView) -> Event:
    texts = (
        hosts.full_name(session),
        session_view.name_of(session) or "",
        session_view.state_of(session),
        session["waiting_for"] or "",
        formatting.where(session),
    )
    return Event(*(printable(text, _MAX_TEXT) for text in texts))


def _run(command: str, *, quiet: bool) -> Action:
    """Return what runs *command*, a person's own, in a shell.

    What it prints goes to stderr, since stdout has the changes.
    """
    place = subprocess.DEVNULL if quiet else 2

    def run(event: Event) -> None:
        try:
            done = subprocess.run(  # noqa: S603  # the session is in the environment
                [_SHELL, "-c", command],
                env={**os.environ, **event.environment},
                stdin=subprocess.DEVNULL,
                stdout=place,
                stderr=place,
                timeout=_MAX_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _failure(command, f"it took longer than {_MAX_SECONDS:g} s") from None
        except OSError as error:
            raise _failure(command, f"{_SHELL}: {error.strerror}") from None
        if done.returncode:
            raise _failure(command, f"exit code {done.returncode}")

    return run


def _failure(command: str, reason: str) -> HeadcountError:
    return HeadcountError(f"--exec {printable(command, _MAX_TEXT)!r} failed: {reason}")
