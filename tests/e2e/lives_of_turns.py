"""The lives of clients whose turns run, fail, are interrupted, or leave work behind.

Each function leads a client through several situations on a `Stage`, and returns what
was listed wrongly.
"""

from __future__ import annotations

import time

from .situations import ASKING, OPEN, background_shell, subagent

# ---- Turns ----------------------------------------------------------------------


def turns(stage):
    person = stage.person()
    person.expect("started, no prompt yet", "idle")
    key = person.prompt("HOLD: {key}")
    person.expect("the model thinks", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet())
    key = person.prompt("STREAM: {key}")
    person.expect("the model streams", "busy")
    person.release(key)
    person.quiet()
    key = person.prompt("RUN: ./hold {key}")
    person.expect("a tool runs", "busy", lasting=3)
    second = person.prompt("HOLD: {key}")
    person.expect("a prompt is queued", "busy")
    person.release(key)
    person.expect("the queued prompt is answered", "busy")
    person.release(second)
    person.expect("both turns over", "idle", since=person.quiet(1.5))
    return person.mistakes


def interrupted_thinking(stage):
    person = stage.person()
    person.prompt("HOLD: {key}")
    person.works()
    person.press("Escape")
    person.expect("Esc while the model thinks", "idle", lasting=2)
    person.expect_record("Esc while the model thinks", "idle")
    person.press("C-u")
    person.prompt("HOLD: {key}")
    person.expect("prompt after Esc", "busy")
    person.press("C-c")
    person.expect("ctrl-c while the model thinks", "idle")
    return person.mistakes


def interrupted_working(stage):
    person = stage.person()
    person.prompt("STREAM: {key}")
    person.see("word word")
    person.press("Escape")
    person.expect("Esc while the model streams", "idle")
    person.press("C-u")
    person.prompt("RUN: ./hold {key}")
    person.see("Running|hold")
    person.expect("a tool runs after Esc", "busy")
    person.press("Escape")
    person.expect("Esc in a tool", "idle", lasting=2)
    person.expect_record("Esc in a tool", "idle")
    person.press("C-u")
    person.paste("/clear")
    person.expect("Esc, then /clear", "idle")
    return person.mistakes


# ---- Errors ---------------------------------------------------------------------


def api_errors(stage):
    person = stage.person(env={"CLAUDE_CODE_MAX_RETRIES": "1"})
    for status in (401, 429, 500):
        person.prompt(f"ERROR: {status}")
        person.works()
        person.expect(f"gave up after HTTP {status}", "idle", since=person.quiet(1.0))
    return person.mistakes


def api_retries(stage):
    person = stage.person()
    person.prompt("ERROR: 500 4")  # after three times 529 it gives up
    person.expect("the API fails, the client tries again", "busy")
    person.expect("answered at last", "idle", since=person.quiet(1.0))
    person.prompt("ERROR: 500")
    person.works()
    person.press("Escape")
    person.expect("Esc while it tries again", "idle")
    return person.mistakes


# ---- Work in the background -----------------------------------------------------


def shell_in_the_background(stage):
    person = stage.person()
    key = stage.new_key()
    person.call(background_shell(f"./hold {key}"))
    person.see("done")
    since = person.quiet()
    person.expect("turn over, a shell runs on", "busy", since=since)
    person.expect("the same after 65 s", "busy", since=since + 65)
    person.release(key)
    person.expect("the shell is done", "idle", since=person.quiet(4.0) + 3)
    return person.mistakes


def failed_beside_a_shell(stage):
    person = stage.person(env={"CLAUDE_CODE_MAX_RETRIES": "0"})
    key = stage.new_key()
    person.call(background_shell(f"./hold {key}"))
    person.see("done")
    person.quiet()
    person.prompt("ERROR: 500")
    person.see("API Error")
    person.expect("a turn failed, a shell runs on", "busy", lasting=2)
    person.expect_record("a turn failed, a shell runs on", "busy")
    person.paste("/model")
    person.see_dialog(OPEN)
    person.expect("/model open while a shell runs", "busy", lasting=2)
    person.leave(OPEN)
    person.release(key)
    person.expect("the shell is done", "idle", since=person.quiet(4.0) + 3)
    return person.mistakes


def failed_beside_a_subagent(stage):
    person = stage.person(*ASKING, env={"CLAUDE_CODE_MAX_RETRIES": "0"})
    key = stage.new_key()
    person.call(subagent(f"RUN: ./hold {key}", background=True))
    person.see("done")
    person.prompt("ERROR: 500")
    person.see("API Error")
    person.expect("a turn failed, a subagent works on", "busy", lasting=2)
    person.expect_record("a turn failed, a subagent works on", "busy")
    person.release(key)
    person.expect("the subagent is done", "idle", since=time.monotonic() + 5)
    person.expect_record("the subagent is done", "idle")
    return person.mistakes


def sent_to_the_background(stage):
    person = stage.person()
    key = person.prompt("RUN: ./hold {key}")
    person.see("ctrl\\+b")
    person.press("C-b")
    time.sleep(1)
    person.press("C-b")
    person.expect("ctrl-b: the tool goes on", "busy", since=person.quiet())
    person.paste("/clear")
    person.expect("/clear while a shell runs", "busy", since=time.monotonic() + 1)
    person.release(key)
    return person.mistakes


# ---- Commands -------------------------------------------------------------------


def command_of_the_person(stage):
    person = stage.person()
    person.write("!./hold " + (key := stage.new_key()))
    person.expect("a ! command runs", "busy")
    person.release(key)
    person.expect("the ! command is over", "idle", since=person.quiet())
    person.write("!./hold " + stage.new_key())
    time.sleep(2)
    person.press("Escape")
    person.expect("Esc in a ! command", "idle")
    return person.mistakes


def compact(stage):
    person = stage.person()
    person.turn()
    person.turn()
    key = person.prompt("/compact HOLD: {key}")
    person.see("Compacting")
    person.expect("/compact at work", "busy")
    person.release(key)
    person.see("Compacted|compacted")
    person.expect("/compact over", "idle", since=person.quiet())
    return person.mistakes


def automatic_compaction(stage):
    person = stage.person()
    person.turn()
    person.paste("FULL\nhello")
    person.quiet()
    key = person.prompt("HOLD: {key}")
    person.expect("the client compacts before a turn", "busy", lasting=2)
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet(1.5))
    return person.mistakes


LIVES = [
    shell_in_the_background,
    failed_beside_a_shell,
    failed_beside_a_subagent,
    turns,
    interrupted_thinking,
    interrupted_working,
    api_errors,
    api_retries,
    sent_to_the_background,
    command_of_the_person,
    compact,
    automatic_compaction,
]
