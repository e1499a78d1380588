"""Whether recurrence helps, against one control and against several."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis import load_run
from analysis.statistics.budgets import costs
from analysis.statistics.comparisons import by_strategy
from analysis.statistics.control import against_controls, hardest, recurrence
from analysis.statistics.intervals import difference, holm
from search.metric import ACCURACY
from tests.support.synthetic_runs import finals, make_run, outcomes


@pytest.mark.parametrize(("level", "helps"), [(0.6, "yes"), (0.9, "unclear"), (0.99, "no")])
def test_whether_recurrence_helps(tmp_path, level, helps):
    path = make_run(
        tmp_path / "run", strategies=["lines", "cnn_control", "line_cnn"], images=2000,
        accuracies={"lines": 0.9, "cnn_control": level, "line_cnn": 0.8}, seed_spread=0.02,
    )  # fmt: skip
    run = load_run(path)
    labels = run.datasets.test_labels[0]
    names = run.experiment.strategies
    bill = costs(run, by_strategy(run.finals, labels, names, ACCURACY))
    rows = against_controls(run.finals, labels, run.strategies, bill, ACCURACY)
    found = hardest(rows)
    assert list(found.index) == ["lines", "line_cnn"]
    assert found.helps["lines"] == helps
    assert ((found.low < found.difference) & (found.difference < found.high)).all()
    assert found.parameters["line_cnn"] == pytest.approx(10)
    answer = recurrence(rows)
    assert (answer.helps, answer.best, answer.control) == (helps, "lines", "cnn_control")
    assert answer.comparisons == 2
    assert set(answer.ratios) == {"parameters", "multiply_adds", "train_seconds", "latency_ms"}
    assert not any(map(math.isnan, answer.ratios.values()))
    # One seed: a difference, and no claim. No control, or nothing else: nothing to compare.
    few = against_controls(run.finals[run.finals.seed == 0], labels, run.strategies, bill, ACCURACY)
    assert set(few.helps) == {"unknown"}
    assert few.difference.notna().all() and few.p.isna().all()
    assert recurrence(few).helps == "unknown"
    unknown = against_controls(run.finals, None, run.strategies, bill, ACCURACY)
    assert set(unknown.helps) == {"unknown"}
    for kept in (["lines", "line_cnn"], ["cnn_control"]):
        nothing = against_controls(run.finals, labels, run.strategies.loc[kept], bill, ACCURACY)
        assert nothing.empty
        assert recurrence(nothing).helps == "unknown"


def strategies(controls, recurrent):
    names = [*recurrent, *controls]
    return pd.DataFrame({"recurrent": [name not in controls for name in names]}, index=names)


@pytest.mark.parametrize("seed", range(5))
def test_with_several_controls_all_comparisons_are_corrected_together(seed):
    names = ["a", "b", "cnn", "mlp"]
    labels, found = outcomes([0.9, 0.85, 0.8, 0.7], 3, 600, np.random.default_rng(seed), 0.02)
    known = strategies(["cnn", "mlp"], ["a", "b"])
    nothing = pd.DataFrame(np.nan, names, ["parameters", "multiply_adds"]).assign(
        train_seconds=np.nan, latency_ms=np.nan
    )
    rows = against_controls(finals(names, labels, found), labels, known, nothing, ACCURACY)
    assert len(rows) == 4
    correct = dict(zip(names, found == labels, strict=True))
    own = [difference(correct[row.strategy], correct[row.control]).p for row in rows.itertuples()]
    assert list(rows.p) == pytest.approx(list(holm(np.array(own))))
    shown = hardest(rows)
    for name, row in shown.iterrows():
        mine = rows[rows.strategy == name]
        # It helps where it beats every control, and the one that is shown says so for all.
        assert (row.helps == "yes") is bool((mine.helps == "yes").all())
        assert (row.helps == "no") is bool((mine.helps == "no").any())
    assert list(shown.index) == list(dict.fromkeys(rows.strategy))


def test_of_several_controls_the_one_that_is_hardest_to_beat_counts():
    rows = pd.DataFrame(
        {
            "strategy": ["a"] * 3 + ["b"] * 2, "control": ["x", "y", "z", "x", "y"],
            "difference": [0.1, 0.2, -0.1, 0.1, 0.3], "p": [0.2, 0.01, 0.01, np.nan, np.nan],
            "helps": ["unclear", "yes", "no", "unclear", "unclear"],
        }
    )  # fmt: skip
    assert hardest(rows).control.to_dict() == {"a": "z", "b": "x"}
    assert hardest(rows[rows.control != "z"]).control["a"] == "x"


def test_controls_alike_do_not_make_recurrence_look_good():
    """Two controls and a recurrent copy of them: seldom declared different, in 200 experiments."""
    generator = np.random.default_rng(5)
    names = ["a", "cnn", "mlp"]
    known = strategies(["cnn", "mlp"], ["a"])
    nothing = pd.DataFrame(
        np.nan, names, ["parameters", "multiply_adds", "train_seconds", "latency_ms"]
    )
    different = 0
    for _ in range(200):
        labels, found = outcomes([0.9] * 3, 3, 200, generator)
        rows = against_controls(finals(names, labels, found), labels, known, nothing, ACCURACY)
        different += hardest(rows).helps["a"] != "unclear"
    assert different <= 0.05 * 200
