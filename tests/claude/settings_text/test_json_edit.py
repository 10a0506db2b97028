"""The JSON scanner against the standard library's parser."""

from __future__ import annotations

import json
import random

import pytest
from settings_files import RandomSettings

from lib.claude.settings_text import json_edit


def test_json_scanner_agrees_with_the_standard_library():
    chance = random.Random(7)
    texts = [RandomSettings(random.Random(seed)).text() for seed in range(100)]
    for text in texts + [mutated(text, chance) for text in texts for _ in range(20)]:
        try:
            expected = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
        except (ValueError, RecursionError):
            with pytest.raises(json_edit.JsonTextError):
                json_edit.parse(text)
        else:
            assert repr(json_edit.parse(text).value) == repr(expected), text


def mutated(text, chance):
    at = chance.randrange(len(text))
    return (
        text[:at] + chance.choice(["", '"', ",", "}", "1", "\\", "\t"]) + text[at + 1 :]
    )


def unique(pairs):
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError
    return dict(pairs)


def refuse(word):
    raise ValueError(word)
