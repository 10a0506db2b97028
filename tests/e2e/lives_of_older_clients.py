"""The lives of clients that people may still have; see `lives_of_turns`.

2.1.200 calls itself busy while an MCP server asks. 2.1.74 keeps no file of its own: its
hooks and the end of its transcript tell what it does.
"""

from __future__ import annotations

from . import lives_of_dialogs
from .situations import ASK, ASKING


def interrupted(stage):
    person = stage.person(*ASKING)
    person.expect("started, no prompt yet", "idle")
    person.prompt("HOLD: {key}")
    person.works()
    person.expect("the model thinks", "busy")
    person.press("Escape")
    person.expect("Esc while the model thinks", "idle", lasting=2)
    person.press("C-u")
    person.prompt("RUN: ./hold {key}")
    person.see("Running|hold")
    person.expect("a tool runs after Esc", "busy")
    person.press("Escape")
    person.expect("Esc in a tool", "idle", lasting=2)
    return person.mistakes


def asked(stage):
    person = stage.person(*ASKING)
    person.prompt("RUN: touch a")
    person.see_dialog()
    person.expect("permission asked", "waiting", "permission")
    person.press("Enter")
    person.expect("accepted, turn over", "idle", since=person.quiet(1.0))
    person.prompt("RUN: touch b")
    person.see_dialog()
    person.press("Escape")
    person.expect("permission rejected", "idle", lasting=2)
    person.press("C-u")
    person.call(ASK)
    person.see_dialog()
    person.expect("question asked", "waiting", "question", lasting=6)
    person.press("Escape")
    person.expect("question dismissed", "idle", lasting=2)
    return person.mistakes


def failed(stage):
    person = stage.person(env={"CLAUDE_CODE_MAX_RETRIES": "1"})
    person.prompt("ERROR: 500")
    person.works()
    person.expect("gave up after HTTP 500", "idle", since=person.quiet(1.0))
    return person.mistakes


WITH_STATUS = [
    interrupted,
    asked,
    failed,
    lives_of_dialogs.elicitation,
    lives_of_dialogs.permission_accepted,
]
WITHOUT_STATUS = [interrupted, asked, failed]
