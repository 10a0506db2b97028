"""A stand-in of the Messages API: the real client talks to it, nobody thinks.

What it answers depends on the user's last message in the request alone:
    * a prompt with a line "RUN: <shell command>" gets a call of the Bash tool with
      this command, if the request offers the tool; with a line "FULL", too, the model
      says that its context is full then, so that the client compacts before it goes on;
    * everything else, the tool's result included, gets the text "done."

Every request body is appended to a JSON-lines file before it is answered, so that
a test can look at all that ever reached the model.

    python messages_api.py REQUESTS.jsonl    prints its port, serves until killed
"""

from __future__ import annotations

import itertools
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ANSWER = "done."
USAGE: Json = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}

# More than the context of any model holds.
FULL_USAGE: Json = {**USAGE, "input_tokens": 2_000_000}

_command = re.compile(r"^RUN: (.+)$", re.MULTILINE)
_full = re.compile(r"^FULL$", re.MULTILINE)
_numbers = itertools.count(1)


def content_for(request: Json) -> Json:
    """Return the one content block that answers *request*."""
    command = _asked_for(request)
    offered = [tool.get("name") for tool in request.get("tools") or []]
    if command is None or "Bash" not in offered:
        return {"type": "text", "text": ANSWER}
    return {
        "type": "tool_use",
        "id": f"toolu_{next(_numbers):024d}",
        "name": "Bash",
        "input": {"command": command, "description": "Run what the test says"},
    }


def message_for(request: Json, content: Json) -> Json:
    """Return the whole answer, as a request that does not stream gets it."""
    is_full = content["type"] == "tool_use" and _full.search(_last_words(request))
    return {
        "id": f"msg_{next(_numbers):024d}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "claude"),
        "content": [content],
        "stop_reason": "end_turn" if content["type"] == "text" else "tool_use",
        "stop_sequence": None,
        "usage": FULL_USAGE if is_full else USAGE,
    }


def events_for(message: Json) -> list[Json]:
    """Return *message* as the events of a stream."""
    (content,) = message["content"]
    if content["type"] == "text":
        empty: Json = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": content["text"]}
    else:
        empty = {**content, "input": {}}
        arguments = json.dumps(content["input"])
        delta = {"type": "input_json_delta", "partial_json": arguments}
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    opened = {**message, "content": [], "stop_reason": None}
    return [
        {"type": "message_start", "message": opened},
        {"type": "content_block_start", "index": 0, "content_block": empty},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": stop, "usage": message["usage"]},
        {"type": "message_stop"},
    ]


def _asked_for(request: Json) -> str | None:
    found = _command.findall(_last_words(request))
    return found[-1] if found else None


def _last_words(request: Json) -> str:
    """Return what the user said last; nothing if it is a tool's result."""
    # Newer clients append reminders of their own, with the role "system".
    turns = [each for each in request.get("messages") or [] if each["role"] == "user"]
    content = turns[-1]["content"] if turns else []
    if isinstance(content, str):
        content = [{"type": "text", "text": content}]
    if any(block["type"] == "tool_result" for block in content):
        return ""
    return "\n".join(block.get("text", "") for block in content)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests_path: Path
    log_lock = threading.Lock()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = json.loads(body or b"{}")
        self._log(request)
        if "/v1/messages" not in self.path:
            self._send_json(404, {"type": "error"})
        elif "/count_tokens" in self.path:
            self._send_json(200, {"input_tokens": USAGE["input_tokens"]})
        else:
            self._answer(request)

    def do_GET(self) -> None:
        self._send_json(404, {"type": "error"})

    def do_HEAD(self) -> None:
        self._send_json(404, {})

    def log_message(self, *_: object) -> None:
        """Say nothing: the log of requests is the record."""

    def _answer(self, request: Json) -> None:
        message = message_for(request, content_for(request))
        if not request.get("stream"):
            self._send_json(200, message)
            return
        lines = (
            f"event: {event['type']}\ndata: {json.dumps(event)}\n\n"
            for event in events_for(message)
        )
        self._send(200, "text/event-stream", "".join(lines).encode())

    def _send_json(self, status: int, body: Json) -> None:
        self._send(status, "application/json", json.dumps(body).encode())

    def _send(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _log(self, request: Json) -> None:
        line = json.dumps({"path": self.path, "body": request}) + "\n"
        with self.log_lock, self.requests_path.open("a", encoding="utf-8") as log:
            log.write(line)


def main(requests_path: str) -> None:
    """Serve on a free port of the loopback interface until killed."""
    _Handler.requests_path = Path(requests_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
