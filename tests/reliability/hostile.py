"""Payloads that nobody should send, made by chance from those that the client sent."""

from __future__ import annotations

import json
import pathlib

PAYLOADS = pathlib.Path(__file__).parents[1] / "payloads"
# What a valid id may be here: few, lest the store grow without end.
KNOWN_IDS = [f"session-{number}" for number in range(20)]
_ID_PARTS = [
    *(
        "..",
        "/",
        "\\",
        "\0",
        ".",
        "a",
        "é",
        "e\u0301",
        "CON",
        "nul",
        "\n",
        "~",
        "$HOME",
    ),
    *("%2e%2e%2f", " ", "-", "_", "\ud800", "\u202e", "archive/", "C:", "*", "jsonl"),
    *("../../decoy/secret", "/etc/passwd", "x" * 200, "'", '"', "|", ";", "-rf", "\r"),
]
_VALUES = [
    *(None, True, 0, -1, 2**31, 2**63, 10**400, 1e308, 1.5, [], {}, "", "\0", "x" * 99),
    *(
        "\ud83d",
        "\u202e\x1b[31m\n",
        "../../decoy/secret",
        "/dev/zero",
        "/proc/self/mem",
    ),
    *([[[[]]]], {"a": {"b": []}}, ["../"] * 50, "\ufeff", "9" * 5000, {"status": None}),
    *(["x"], [{"status": ["running"]}], {"session_id": "session-1"}, "y" * 70_000),
]
_BYTES = [
    b"\0",
    b"\xff",
    b"\n",
    b'"',
    b"\\",
    b"{",
    b"[" * 2000,
    b"NaN",
    b"\xef\xbb\xbf",
]
_CODES = ["utf-16", "utf-32", "utf-8-sig", "utf-16-le", "latin-1"]


class Hostile:
    """An endless source of payloads, as bytes on stdin."""

    def __init__(self, chance, known=0.05):
        self._chance = chance
        self._known = known
        recorded = sorted(PAYLOADS.glob("[!_]*.json"))
        self._seeds = [json.loads(path.read_text())["payload"] for path in recorded]

    def payload(self):
        """Return one; a share of *known* of them name a session that may be."""
        chance = self._chance
        value = dict(chance.choice(self._seeds))
        value["session_id"] = self._session_id()
        for _ in range(chance.randrange(3)):
            value[chance.choice([*value, "agent_id", "label"])] = self._value()
        if chance.random() < 0.1:
            del value[chance.choice(list(value))]
        return self._spoilt(value)

    def _session_id(self):
        chance = self._chance
        if chance.random() < self._known:
            return chance.choice(KNOWN_IDS)
        if chance.random() < 0.2:
            return chance.choice(_VALUES)
        return "".join(chance.choices(_ID_PARTS, k=chance.randrange(1, 5)))

    def _value(self):
        chance = self._chance
        if chance.random() < 0.5:
            return chance.choice(_VALUES)
        return "".join(chance.choices(_ID_PARTS, k=chance.randrange(20)))

    def _spoilt(self, value):
        chance = self._chance
        text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
        kind = chance.random()
        if kind < 0.03:
            return text.encode(chance.choice(_CODES), "replace")
        raw = text.encode("utf-8", "surrogatepass")
        if kind < 0.06:
            return raw[: chance.randrange(len(raw))]
        if kind < 0.12:
            place = chance.randrange(len(raw))
            return raw[:place] + chance.choice(_BYTES) + raw[place:]
        return raw
