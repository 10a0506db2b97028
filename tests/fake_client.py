"""Stands in for Claude Code where a test needs its place in the process tree only.

Calls itself `claude`, reads a JSON request a line, runs its command through `sh -c` as
the client does (a session of its own, pipes for the three streams), answers a line. It
does not wait for an `async` one, and answers with its pid, by which a later request can
`finish` it.
"""

from __future__ import annotations

import contextlib
import json
import pathlib
import subprocess
import sys
from typing import Any


def start(request: dict[str, Any]) -> subprocess.Popen[bytes]:
    hook = subprocess.Popen(
        ["/bin/sh", "-c", request["command"]],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=request["env"],
        cwd=request["cwd"],
        start_new_session=True,
    )
    assert hook.stdin is not None
    with contextlib.suppress(BrokenPipeError):
        hook.stdin.write(request["stdin"].encode())
        hook.stdin.close()
    hook.stdin = None
    return hook


def finish(hook: subprocess.Popen[bytes]) -> dict[str, object]:
    stdout, stderr = hook.communicate()
    return {
        "status": hook.returncode,
        "stdout": stdout.decode("utf-8", "replace"),
        "stderr": stderr.decode("utf-8", "replace"),
    }


pathlib.Path("/proc/self/comm").write_text(sys.argv[1])
print("ready", flush=True)
hooks: dict[int, subprocess.Popen[bytes]] = {}
for line in sys.stdin:
    request = json.loads(line)
    if request.get("async"):
        hook = start(request)
        hooks[hook.pid] = hook
        answer: dict[str, object] = {"pid": hook.pid}
    elif "finish" in request:
        answer = finish(hooks.pop(request["finish"]))
    else:
        answer = finish(start(request))
    print(json.dumps(answer), flush=True)
