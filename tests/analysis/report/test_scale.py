"""Ten thousand trials fit in two gigabytes, and none is left out.

How long their report takes is measured by `benchmarks/report.py`.
"""

import pandas as pd
import pytest

from benchmarks.report import grow, measure
from tests.support.synthetic_runs import make_run

TRIALS = 10_000
NAMES = [f"strategy_{i}" for i in range(11)]


@pytest.mark.slow
def test_ten_thousand_trials(tmp_path):
    path = make_run(tmp_path / "run", NAMES)
    grow(path, TRIALS)
    _, _, peak = measure(path)
    assert peak < 2 * 2**30
    assert len(pd.read_csv(path / "report" / "tables" / "trials.csv")) == TRIALS
