"""The lives of clients that end, stop, or take up another session.

See `lives_of_turns`.
"""

from __future__ import annotations

import time

from .client import wait_until
from .situations import ASKING, GONE, STOPPED

# ---- Other sessions, other names ------------------------------------------------


def other_sessions(stage):
    person = stage.person()
    person.turn()
    first = person.own_entry()["sessionId"]
    person.paste("/clear")
    person.expect("/clear", "idle", since=time.monotonic() + 1)
    key = person.prompt("HOLD: {key}")
    person.expect("prompt after /clear", "busy")
    person.release(key)
    person.quiet()
    person.paste("/branch")
    person.expect("/branch", "idle", since=time.monotonic() + 1)
    person.paste(f"/resume {first}")
    person.expect("/resume", "idle", since=time.monotonic() + 1)
    key = person.prompt("HOLD: {key}")
    person.expect("prompt after /resume", "busy")
    person.release(key)
    return person.mistakes


def names(stage):
    person = stage.person()
    person.turn()
    person.paste("/rename Payments")
    person.expect_row("named", lambda row: row and row.get("name"), "Payments")
    person.expect("named", "idle")
    return person.mistakes


# ---- Ends -----------------------------------------------------------------------


def exits(stage):
    mistakes = []
    for way, keys in (("/exit", ["/exit", "Enter"]), ("ctrl-d", ["C-d", "C-d"])):
        person = stage.person()
        for key in keys:
            person.press(key)
            time.sleep(0.5)
        person.expect(way, GONE)
        mistakes += person.mistakes
    return mistakes


def terminated(stage):
    person = stage.person()
    person.prompt("HOLD: {key}")
    person.works()
    stage.box.run("kill", f"{person.pid}")
    person.expect("SIGTERM while the model thinks", GONE)
    asked = stage.person(*ASKING)
    asked.prompt("RUN: touch a")
    asked.see_dialog()
    asked.close()
    asked.expect("terminal closed while it waits", GONE)
    return person.mistakes + asked.mistakes


def killed(stage):
    person = stage.person()
    person.prompt("RUN: ./hold {key}")
    person.see("hold")
    person.expect("a tool runs", "busy")
    session_id = person.own_entry()["sessionId"]
    wait_until(lambda: has_answer(stage, session_id), "there is a turn to resume")
    person.kill()
    person.expect("kill -9", GONE)
    resumed = stage.person("--resume", session_id)
    resumed.expect("resumed after kill -9", "idle")
    return person.mistakes + resumed.mistakes


def has_answer(stage, session_id):
    """Whether the client has written down what the model said: else nothing resumes."""
    transcripts = stage.transcripts(session_id)
    return any('"assistant"' in path.read_text() for path in transcripts)


def stopped(stage):
    person = stage.person_at_shell()
    person.prompt("HOLD: {key}")
    person.works()
    person.press("C-z")
    person.expect("ctrl-z while the model thinks", STOPPED)
    person.write("fg")
    person.expect("fg, the model still thinks", "busy")
    person.press("Escape")
    person.expect("Esc", "idle")
    return person.mistakes


# ---- Without a screen -----------------------------------------------------------


def print_mode(stage):
    key = stage.new_key()
    run = stage.box.start_prompt(f"RUN: ./hold {key}")
    client = stage.observe(run.pid)
    client.expect("-p, a tool runs", "busy", since=time.monotonic() + 4)
    stage.release(key)
    run.finish()
    client.expect("-p is over", GONE)
    return client.mistakes


LIVES = [other_sessions, names, exits, terminated, killed, stopped, print_mode]
