"""The mutants are still of this code; `mutants.py` itself runs them."""

from __future__ import annotations

import pytest
from reliability import mutants


@pytest.mark.parametrize("mutant", mutants.MUTANTS, ids=lambda mutant: mutant.name)
def test_mutant_text_occurs_exactly_once_in_its_file(mutant):
    assert (mutants.ROOT / mutant.file).read_text().count(mutant.old) == 1
    for name in mutant.tests.split():
        assert (mutants.ROOT / "tests/reliability" / name).exists()
