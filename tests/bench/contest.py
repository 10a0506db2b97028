"""The contenders: who is on this machine, and how each is called."""

from __future__ import annotations

import copy
import json
import os
import shlex
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from measure import Command
from place import payload

if TYPE_CHECKING:
    from place import Place

HERE = os.path.dirname(os.path.abspath(__file__))
ID = "8ee1f931-8a2e-4bc2-841e-e420ad80648c"
ROUNDS, QUICK_ROUNDS, FEWEST_ROUNDS = 40, 5, 3
_HEAVY = 4
_MANY_SESSIONS = 1000
_NEEDS = {"node": "node", "jq": "jq", "flock": "flock"}
# As limits: one line appended by the shell, with and without a lock.
_SHELL = {
    "flock": "exec 9>>{path}; flock 9; cat >&9",
    "append": "exec cat >>{path}",
}


class Bench:
    """One run: the place, the rounds, and the contenders that are there."""

    def __init__(self, place: Place, *, rounds: int | None, quick: bool) -> None:
        self.place = place
        self.quick = quick
        self.rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
        self.few_rounds = max(FEWEST_ROUNDS, self.rounds // _HEAVY)
        self.missing = _missing()

    def without_proc(self) -> Bench:
        """Return the same with our hooks as they are on a machine without /proc."""
        bench = copy.copy(self)
        bench.place = self.place.without_proc()
        return bench

    def rounds_for(self, sessions: int) -> int:
        """Return how often to try what looks at so many *sessions*."""
        return self.rounds if sessions < _MANY_SESSIONS else self.few_rounds

    def size(self, whole: int) -> int:
        return whole // 10 if self.quick else whole

    def present(self, *names: str) -> list[str]:
        """Return those of *names* that this machine has."""
        return [name for name in names if name not in self.missing]

    def hook(
        self, name: str, store: str, event: str, session_id: str = ID, **fields: object
    ) -> Command:
        """Return the hook of contender *name* for *event*."""
        words = self.place.commands[event]
        if name != "ours":
            path = shlex.quote(os.path.join(store, f"{session_id}.jsonl"))
            words = self._other(name, "hook", path)
        given = payload(event, session_id, **fields)
        return Command(words, given, self.place.environ(store))

    def listing(self, name: str, store: str) -> Command:
        """Return what contender *name* lists its sessions with."""
        words = f"{self.place.headcount} list --json"
        if name != "ours":
            words = self._other(name, "list")
        return Command(words, b"", self.place.environ(store))

    def command(self, name: str, store: str, words: str) -> Command:
        """Return the `headcount` command *words*, or the bare interpreter."""
        ours = f"{self.place.headcount} {words}"
        text = ours if name == "ours" else self._other(name, words)
        return Command(text, b"", self.place.environ(store))

    def job(self, name: str, store: str, *words: str) -> dict[str, Any]:
        """Run a job of `jobs.py`, or of the Node hook; return what it says."""
        done = subprocess.run(
            self.job_command(name, *words),
            env=self.place.environ(store),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            check=True,
        )
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    def job_command(self, name: str, *words: str) -> list[str]:
        if name == "node":
            return ["node", os.path.join(HERE, "others/hook.js"), *words]
        return [self.place.python, "-B", os.path.join(HERE, "jobs.py"), name, *words]

    def _other(self, name: str, command: str, path: str = "") -> str:
        python, others = self.place.python, os.path.join(HERE, "others")
        return {
            "bare": f"{python} -I -c pass",
            "naive": f"{python} -B {others}/naive.py {command}",
            "node": f"node {others}/hook.js {command}",
            "jq": f"bash {others}/hook.sh {command}",
            **{key: words.format(path=path) for key, words in _SHELL.items()},
        }[name]


def _missing() -> dict[str, str]:
    missing = {
        name: f"there is no {tool} on PATH"
        for name, tool in _NEEDS.items()
        if shutil.which(tool) is None
    }
    package = os.path.join(os.environ.get("NODE_PATH", ""), "proper-lockfile")
    if "node" not in missing and not os.path.isdir(package):
        missing["node"] = "npm could not install proper-lockfile"
    return missing
