"""At what level each look decides, when there are several."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from search import looks


@pytest.mark.parametrize("number", range(1, 11))
def test_all_looks_together_err_in_five_of_a_hundred(number):
    """Pocock's constants: of a sum of normal numbers, looked at after each."""
    generator = np.random.default_rng(number)
    sums = generator.normal(size=(40_000, number)).cumsum(axis=1)
    z = abs(sums) / np.sqrt(np.arange(1, number + 1))
    level = looks.level(3, 3 * number)
    assert (2 * stats.norm.sf(z) < level).any(axis=1).mean() == pytest.approx(0.05, abs=0.004)
