#!/usr/bin/env python3
"""An MCP server with a tool `ask`: it puts a question to the person, and waits.

    claude mcp add ask -- /path/to/ask_server.py

The question is an entry of the session that the server runs under. Whoever sees it
answers it, here from a shell:

    headcount append SESSION answer '{"question_id": "1", "by": "ada", "value": "yes"}'

It needs the packages headcount and mcp.
"""

from __future__ import annotations

import asyncio
import time
import uuid

import headcount
from headcount.record import questions, timestamps
from mcp.server import MCPServer

server = MCPServer("ask")
PAUSE = 0.5  # seconds between two looks at the file


@server.tool()
async def ask(text: str, options: list[str] | None = None, minutes: float = 60) -> str:
    """Ask the person a question, and return the answer, or why nobody answered."""
    session = headcount.current()
    if session is None:
        return "Nobody was asked: this session is not on record."
    question_id = uuid.uuid4().hex
    question = {
        "type": "question",
        "question_id": question_id,
        "text": text,
        "expires": timestamps.from_epoch(time.time() + 60 * minutes),
    }
    if options:
        question["options"] = options
    headcount.append(session["session_id"], question)
    return await answer(session["session_id"], question_id)


async def answer(session_id: str, question_id: str) -> str:
    """Wait for the answer, until the question has expired or the session has ended."""
    while True:
        asked = questions.questions(headcount.entries(session_id))[question_id]
        if asked.answer is not None:
            return f"{asked.answer['by']} answers: {asked.answer['value']}"
        if not asked.is_open(time.time()):
            return "Nobody has answered."
        await asyncio.sleep(PAUSE)


if __name__ == "__main__":
    server.run()
