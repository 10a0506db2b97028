"""Stands in for Claude Code where a test needs its place in the process tree only.

Calls itself `claude`, reads a JSON request a line, runs its command through `sh -c` as
the client does (a session of its own, pipes for the three streams), answers a line.
"""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

pathlib.Path("/proc/self/comm").write_text(sys.argv[1])
print("ready", flush=True)
for line in sys.stdin:
    request = json.loads(line)
    done = subprocess.run(
        ["/bin/sh", "-c", request["command"]],
        input=request["stdin"].encode(),
        capture_output=True,
        env=request["env"],
        cwd=request["cwd"],
        start_new_session=True,
        check=False,
    )
    answer = {
        "status": done.returncode,
        "stdout": done.stdout.decode("utf-8", "replace"),
        "stderr": done.stderr.decode("utf-8", "replace"),
    }
    print(json.dumps(answer), flush=True)
