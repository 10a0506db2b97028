"""The lives of clients that wait for a person; see `lives_of_turns`."""

from __future__ import annotations

import time

from .mcp_server import QUESTION
from .situations import ASK, ASKING, ELICIT, OPEN, PLAN, subagent

# A dialog stays until the client's own notice of it has come, 6 s later.
NOTICED = 6.0


# ---- Permission -----------------------------------------------------------------


def permission_accepted(stage):
    person = stage.person(*ASKING)
    key = person.prompt("RUN: touch a && ./hold {key}")
    person.see_dialog()
    person.expect("permission asked", "waiting", "permission", lasting=NOTICED)
    person.press("Enter")
    person.expect("accepted, the tool runs", "busy")
    person.expect_record("accepted, the tool runs", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet())
    key = person.prompt("RUN: touch b && ./fail {key}")
    person.see_dialog()
    person.expect("permission asked again", "waiting", "permission")
    person.press("Enter")
    person.expect("accepted, the tool runs and will fail", "busy")
    person.release(key)
    person.expect("turn over after a failure", "idle", since=person.quiet())
    return person.mistakes


def permission_rejected(stage):
    person = stage.person(*ASKING)
    person.prompt("RUN: touch a")
    person.see_dialog()
    person.press("Escape")
    person.expect("permission rejected with Esc", "idle", lasting=2)
    person.expect_record("permission rejected with Esc", "idle")
    person.press("C-u")
    person.prompt("RUN: touch b")
    person.see_dialog()
    person.choose("No")
    person.press("Enter")
    person.expect("permission rejected with No", "idle")
    return person.mistakes


def permission_with_words(stage):
    person = stage.person(*ASKING)
    person.prompt("RUN: touch a")
    person.see_dialog()
    person.press("Tab")
    key = stage.new_key()
    person.write(f"HOLD: {key}")
    person.expect("accepted with a remark, the model thinks", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet())
    person.prompt("RUN: touch b")
    person.see_dialog()
    person.choose("No")
    person.press("Tab")
    key = stage.new_key()
    person.write(f"HOLD: {key}")
    person.expect("rejected with words, the model thinks", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet())
    return person.mistakes


def permission_beside_other_tools(stage):
    person = stage.person(*ASKING)
    key = stage.new_key()
    person.paste(f"RUN: touch a\nRUN: ./hold {key}\nRUN: echo hello")
    person.see_dialog()
    person.expect(
        "permission asked while other tools run",
        "waiting",
        "permission",
        lasting=NOTICED,
    )
    person.press("Enter")
    person.expect("accepted, another tool runs", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet(1.0))
    return person.mistakes


# ---- Subagents ------------------------------------------------------------------


def subagent_in_the_turn(stage):
    person = stage.person(*ASKING)
    key = stage.new_key()
    person.call(subagent(f"RUN: touch a && ./hold {key}", background=False))
    person.see_dialog()
    person.expect("a subagent asks", "waiting", "permission", lasting=NOTICED)
    person.press("Enter")
    person.expect("accepted, the subagent works", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet(1.5))
    return person.mistakes


def subagent_in_the_background(stage):
    person = stage.person(*ASKING)
    key = stage.new_key()
    person.call(subagent(f"RUN: touch a && ./hold {key}", background=True))
    person.see_dialog()
    person.expect("a background subagent asks", "waiting", "permission", lasting=6)
    person.press("Enter")
    person.expect("accepted, the background subagent works", "busy", lasting=2)
    person.release(key)
    time.sleep(3)
    person.expect("the background subagent is done", "idle", since=person.quiet(2.0))
    return person.mistakes


# ---- Questions, plans, and what an MCP server asks ------------------------------


def question(stage):
    person = stage.person()
    person.call(ASK)
    person.see_dialog()
    person.expect("question asked", "waiting", "question", lasting=NOTICED)
    person.press("Enter")
    person.expect("question answered", "idle", since=person.quiet())
    person.call(ASK)
    person.see_dialog()
    person.press("3")
    key = stage.new_key()
    person.write(f"HOLD: {key}")
    person.expect("question answered in words, the model thinks", "busy")
    person.release(key)
    person.quiet()
    person.call(ASK)
    person.see_dialog()
    person.press("Escape")
    person.expect("question dismissed", "idle", lasting=2)
    return person.mistakes


def plan(stage):
    person = stage.person("--permission-mode", "plan")
    person.call(PLAN)
    person.see_dialog()
    person.expect("plan shown", "waiting", "plan", lasting=NOTICED)
    person.press("Escape")
    person.expect("plan rejected", "idle", lasting=2)
    person.press("C-u")
    person.call(PLAN)
    person.see_dialog()
    person.press("Enter")
    person.expect("plan approved", "idle", since=person.quiet(1.0))
    return person.mistakes


def elicitation(stage):
    person = stage.person("--mcp-config", stage.mcp_config())
    time.sleep(2)  # the server starts
    person.call(ELICIT)
    person.see_dialog(QUESTION)
    person.expect("a server asks", "waiting", "elicitation", lasting=NOTICED)
    person.press("Escape")
    person.expect("the request is cancelled", "idle", since=person.quiet(1.0))
    return person.mistakes


# ---- Dialogs of the client ------------------------------------------------------


def auto_mode(stage):
    person = stage.person("--permission-mode", "auto")
    person.prompt(f"RUN: touch {stage.box.root}/outside")
    person.see_dialog("stay in auto|can't check")
    person.expect("auto mode asks how to go on", "waiting", "dialog", lasting=NOTICED)
    person.press("Enter")
    person.see_dialog("needs your approval")
    person.expect("auto mode asks for permission", "waiting", "permission")
    return person.mistakes


def dialogs(stage):
    person = stage.person()
    person.turn()
    for command in ("/model", "/config", "/resume"):
        person.paste(command)
        person.see_dialog(OPEN)
        person.expect(f"{command} open between turns", "idle")
        person.leave(OPEN)
    key = person.prompt("HOLD: {key}")
    person.works()
    person.paste("/model")
    person.see_dialog(OPEN)
    person.expect("/model open in a turn", "busy")
    person.press("Escape")
    person.expect("closed, the model still thinks", "busy")
    person.release(key)
    person.expect("turn over", "idle", since=person.quiet())
    return person.mistakes


LIVES = [
    permission_accepted,
    permission_rejected,
    permission_with_words,
    permission_beside_other_tools,
    subagent_in_the_turn,
    subagent_in_the_background,
    question,
    plan,
    elicitation,
    auto_mode,
    dialogs,
]
