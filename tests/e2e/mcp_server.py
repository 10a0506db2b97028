"""An MCP server whose one tool, `ask`, asks the person for a colour (elicitation).

It speaks JSON-RPC on stdin and stdout, a message a line.
"""

from __future__ import annotations

import json
import sys
from typing import Any

NAME = "asker"
TOOL = f"mcp__{NAME}__ask"
QUESTION = "Which colour do you like?"
FORM = {
    "type": "object",
    "properties": {"colour": {"type": "string", "enum": ["red", "blue"]}},
    "required": ["colour"],
}
TOOLS = [{"name": "ask", "description": "Ask", "inputSchema": {"type": "object"}}]

Json = dict[str, Any]


def reply(number: object, result: Json) -> Json:
    """Return the answer to request *number*."""
    return {"jsonrpc": "2.0", "id": number, "result": result}


def answer(message: Json, asked: dict[int, object]) -> Json | None:
    """Return what to send after *message*; *asked* maps our requests to the calls."""
    method, number = message.get("method"), message.get("id")
    if method == "initialize":
        version = message["params"]["protocolVersion"]
        about = {"name": NAME, "version": "1"}
        can = {"tools": {}}
        result = {"protocolVersion": version, "capabilities": can, "serverInfo": about}
        return reply(number, result)
    if method == "tools/list":
        return reply(number, {"tools": TOOLS})
    if method == "tools/call":
        asked[len(asked)] = number
        params = {"message": QUESTION, "requestedSchema": FORM}
        request = {"method": "elicitation/create", "params": params}
        return {"jsonrpc": "2.0", "id": len(asked) - 1, **request}
    if method is None and number in asked:
        text = json.dumps(message.get("result"))
        return reply(asked[number], {"content": [{"type": "text", "text": text}]})
    return reply(number, {}) if method and number is not None else None


def main() -> None:
    """Serve until stdin ends."""
    asked: dict[int, object] = {}
    for line in sys.stdin:
        if (sent := answer(json.loads(line), asked)) is not None:
            print(json.dumps(sent), flush=True)


if __name__ == "__main__":
    main()
