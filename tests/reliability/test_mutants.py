"""The mutants are still of this code; `mutants.py` itself runs them."""

from __future__ import annotations

import pytest
from reliability import mutants


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_takes_away_is_there_exactly_once(mutant):
    assert (mutants.ROOT / mutant.file).read_text().count(mutant.old) == 1
    for name in mutant.tests.split():
        assert (mutants.ROOT / "tests/reliability" / name).exists()
