"""The examples of `contrib/examples` do what they promise."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys

import pytest
from support import ID, ROOT

from lib import api, sessions

EXAMPLES = ROOT / "contrib/examples"


@pytest.fixture
def installed(store, tmp_path):
    """The environment of a program for which the package headcount is installed."""
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "headcount").symlink_to(ROOT / "lib")
    return {**os.environ, "PYTHONPATH": str(packages)}


def answered(arguments, environ, answer):
    """Call the tool `ask`, meanwhile *answer*; return what the tool returns."""
    from mcp import ClientSession, StdioServerParameters, stdio_client

    server = StdioServerParameters(
        command=sys.executable, args=[str(EXAMPLES / "ask_server.py")], env=environ
    )

    async def call():
        async with (
            stdio_client(server) as streams,
            ClientSession(*streams) as session,
        ):
            await session.initialize()
            asking = asyncio.create_task(session.call_tool("ask", arguments))
            await asyncio.to_thread(answer)
            return (await asking).content[0].text

    return asyncio.run(call())


def question_asked():
    """Wait for the question, as a bot does; return it."""
    while True:
        for entry in api.entries(ID, types=["question"]):
            return entry


@pytest.fixture
def environ(installed):
    """The server runs under this process, which has a session on record."""
    sessions.create_session(session_id=ID)
    return {**installed, "CLAUDE_PID": str(os.getpid())}


def test_ask_server_returns_the_first_answer(environ):
    def answer():
        key = question_asked()["question_id"]
        for value in ("maybe", "no", "yes"):
            sessions.append_to_session(
                ID,
                {"type": "answer", "question_id": key, "by": "ada", "value": value},
            )

    arguments = {"text": "Deploy?", "options": ["yes", "no"]}
    assert answered(arguments, environ, answer) == "ada answers: no"


def test_ask_server_says_so_if_the_session_ends(environ):
    def end():
        question_asked()
        sessions.close_session(ID)

    assert answered({"text": "Deploy?"}, environ, end) == "Nobody has answered."


def test_ask_server_without_a_session_asks_nobody(installed):
    said = answered({"text": "Deploy?"}, installed, lambda: None)
    assert said == "Nobody was asked: this session is not on record."


def test_waybar_prints_a_line_whenever_another_session_waits(installed):
    sessions.create_session("<deploy>", session_id=ID)
    waybar = subprocess.Popen(
        [sys.executable, EXAMPLES / "waybar.py"],
        env=installed,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        quiet = json.loads(waybar.stdout.readline())
        assert (quiet["text"], quiet["class"]) == ("0/1", "quiet")
        sessions.update_heartbeat(ID, state="waiting")
        waiting = json.loads(waybar.stdout.readline())
        assert (waiting["text"], waiting["class"]) == ("1/1", "waiting")
        assert waiting["tooltip"] == "&lt;deploy&gt;"
    finally:
        waybar.kill()
        waybar.communicate()
