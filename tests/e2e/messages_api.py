"""A stand-in of the Messages API: the real client talks to it, nobody thinks.

What it answers depends on what the user said last in the request. These lines of a
prompt say what to do; several may stand in one prompt:

    RUN: <shell command>     call the Bash tool, once for each such line
    CALL: <name>             call the tools in <script folder>/<name>.json, a list of
                             [tool, input]
    FULL                     say that the context is full: the client compacts
    HOLD: <key>              answer when <script folder>/<key> exists; in the result of
                             a tool this may stand anywhere, so a person can answer it
    STREAM: <key>            stream words until <script folder>/<key> exists
    ERROR: <status> [times]  fail with this HTTP status, each time or so many times

Tools are called only if the request offers any. Everything else, the tool's result
included, gets the text "done.".

Every request body is appended to a JSON-lines file before it is answered, so that
a test can look at all that ever reached the model. The script folder is beside it.

    python messages_api.py REQUESTS.jsonl    prints its port, serves until killed
"""

from __future__ import annotations

import collections
import contextlib
import itertools
import json
import re
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Json = dict[str, Any]

ANSWER = "done."
SCRIPT_FOLDER = "script"
USAGE: Json = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_creation_input_tokens": 0,
    "cache_read_input_tokens": 0,
}

# More than the context of any model holds.
FULL_USAGE: Json = {**USAGE, "input_tokens": 2_000_000}
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}
WORD_SECONDS = 0.5

_directive = re.compile(r"^(RUN|CALL|HOLD|STREAM|ERROR): (.+)$|^FULL$", re.MULTILINE)
_hold_in_result = re.compile(r"\bHOLD: ([\w-]+)")
_reminder = "<system-reminder>"
_numbers = itertools.count(1)


class Wish:
    """What the user's last words ask the stand-in to do."""

    def __init__(self, request: Json) -> None:
        blocks = _last_blocks(request)
        prompts = [text for text in _texts(blocks) if _directive.search(text)]
        self.text = prompts[-1] if prompts else ""
        self.is_full = re.search("^FULL$", self.text, re.MULTILINE) is not None
        results = " ".join(_texts_of_results(blocks))
        self.holds = self.all("HOLD") or _hold_in_result.findall(results)

    def all(self, word: str) -> list[str]:
        """Return what follows *word*, for each of its lines."""
        found = _directive.findall(self.text)
        return [rest.strip() for name, rest in found if name == word]


def content_for(request: Json, wish: Wish, script: Path) -> list[Json]:
    """Return the content blocks that answer *request*."""
    # Not all that it may call is in the request: tools of MCP servers come later.
    calls = list(_calls(wish, script)) if request.get("tools") else []
    return calls or [{"type": "text", "text": ANSWER}]


def _calls(wish: Wish, script: Path) -> Iterator[Json]:
    for command in wish.all("RUN"):
        about = {"command": command, "description": "Run what the test says"}
        yield _tool_use("Bash", about)
    for name in wish.all("CALL"):
        text = (script / f"{name}.json").read_text(encoding="utf-8")
        for tool, arguments in json.loads(text):
            yield _tool_use(tool, arguments)


def _tool_use(name: str, arguments: Json) -> Json:
    number = f"toolu_{next(_numbers):024d}"
    return {"type": "tool_use", "id": number, "name": name, "input": arguments}


def message_for(request: Json, content: list[Json], *, is_full: bool) -> Json:
    """Return the whole answer, as a request that does not stream gets it."""
    is_full = is_full and bool(request.get("tools"))
    return {
        "id": f"msg_{next(_numbers):024d}",
        "type": "message",
        "role": "assistant",
        "model": request.get("model", "claude"),
        "content": content,
        "stop_reason": "end_turn" if content[0]["type"] == "text" else "tool_use",
        "stop_sequence": None,
        "usage": FULL_USAGE if is_full else USAGE,
    }


def events_for(message: Json) -> list[Json]:
    """Return *message* as the events of a stream."""
    stop = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    opened = {**message, "content": [], "stop_reason": None}
    blocks = [_block_events(*each) for each in enumerate(message["content"])]
    return [
        {"type": "message_start", "message": opened},
        *itertools.chain.from_iterable(blocks),
        {"type": "message_delta", "delta": stop, "usage": message["usage"]},
        {"type": "message_stop"},
    ]


def _block_events(index: int, content: Json) -> list[Json]:
    if content["type"] == "text":
        empty: Json = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": content["text"]}
    else:
        empty = {**content, "input": {}}
        arguments = json.dumps(content["input"])
        delta = {"type": "input_json_delta", "partial_json": arguments}
    return [
        {"type": "content_block_start", "index": index, "content_block": empty},
        {"type": "content_block_delta", "index": index, "delta": delta},
        {"type": "content_block_stop", "index": index},
    ]


def _last_blocks(request: Json) -> list[Json]:
    """Return what the user has said since the last answer, the results included."""
    # Newer clients append reminders of their own, with the role "system".
    turns = [m for m in request.get("messages") or [] if m["role"] != "system"]
    last = itertools.takewhile(lambda m: m["role"] == "user", reversed(turns))
    contents = [_blocks(message["content"]) for message in last]
    return list(itertools.chain.from_iterable(reversed(contents)))


def _blocks(content: str | list[Json] | None) -> list[Json]:
    return (
        [{"type": "text", "text": content}]
        if isinstance(content, str)
        else content or []
    )


def _texts(blocks: Iterable[Json]) -> list[str]:
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    return [text for text in texts if not text.lstrip().startswith(_reminder)]


def _texts_of_results(blocks: list[Json]) -> list[str]:
    results = [block for block in blocks if block["type"] == "tool_result"]
    return [text for block in results for text in _texts(_blocks(block.get("content")))]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests_path: Path
    lock = threading.Lock()
    failures: ClassVar[collections.Counter[str]] = collections.Counter()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        request = json.loads(body or b"{}")
        self._log(request)
        if "/v1/messages" not in self.path:
            self._send_json(404, {"type": "error"})
        elif "/count_tokens" in self.path:
            self._send_json(200, {"input_tokens": USAGE["input_tokens"]})
        else:
            with contextlib.suppress(OSError):  # the client has interrupted it
                self._answer(request)

    def do_GET(self) -> None:
        self._send_json(404, {"type": "error"})

    def do_HEAD(self) -> None:
        self._send_json(404, {})

    def log_message(self, *_: object) -> None:
        """Say nothing: the log of requests is the record."""

    @property
    def _script(self) -> Path:
        return self.requests_path.with_name(SCRIPT_FOLDER)

    def _answer(self, request: Json) -> None:
        wish = Wish(request)
        for key in wish.holds[-1:]:
            self._wait_for(key)
        offers = bool(request.get("tools"))
        if offers and (status := self._failure(wish)):
            self._send_json(status, _error(status))
            return
        content = content_for(request, wish, self._script)
        message = message_for(request, content, is_full=wish.is_full)
        if not request.get("stream"):
            self._send_json(200, message)
            return
        events = list(map(_as_event, events_for(message)))
        if offers and (keys := wish.all("STREAM")):
            self._stream(events, keys[-1])
        else:
            self._send(200, "text/event-stream", b"".join(events))

    def _failure(self, wish: Wish) -> int:
        """Return the status to fail with; 0 for none, or no more."""
        for words in wish.all("ERROR"):
            status, _, times = words.partition(" ")
            with self.lock:
                self.failures[wish.text] += 1
                if not times or self.failures[wish.text] <= int(times):
                    return int(status)
        return 0

    def _stream(self, events: list[bytes], key: str) -> None:
        """Send the first word, then more until *key* exists, then the rest."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        begun, word, rest = events[:2], events[2], events[3:]
        self.wfile.write(b"".join(begun))
        while not (self._script / key).exists():
            self.wfile.write(word.replace(ANSWER.encode(), b"word "))
            self.wfile.flush()
            time.sleep(WORD_SECONDS)
        self.wfile.write(b"".join([word, *rest]))

    def _wait_for(self, key: str) -> None:
        while not (self._script / key).exists():
            time.sleep(0.1)

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
        with self.lock, self.requests_path.open("a", encoding="utf-8") as log:
            log.write(line)


def _as_event(event: Json) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


def _error(status: int) -> Json:
    kind = ERROR_TYPES.get(status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": "as the test says"}}


def main(requests_path: str) -> None:
    """Serve on a free port of the loopback interface until killed."""
    _Handler.requests_path = Path(requests_path)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
