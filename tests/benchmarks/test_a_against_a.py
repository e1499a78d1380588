"""A strategy against its copy, by resampling finals as a search records them."""

import numpy as np
import pytest

from analysis import load_run
from benchmarks.a_against_a import (
    COPY,
    SEEDS,
    Contest,
    contests,
    declared,
    recorded,
    repetition,
    spoilt,
    table,
)
from tests.support.synthetic_runs import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """48 seeds of two strategies, as the benchmark trains them."""
    return load_run(
        make_run(
            tmp_path_factory.mktemp("recorded") / "run", ["lines", "cnn_lines"],
            accuracies={"lines": 0.95, "cnn_lines": 0.8}, seeds=48, images=400,
            configurations=2, seed_spread=0.15,
        )
    )  # fmt: skip


def test_the_two_sides_are_different_trainings_of_one_design(run):
    known = {bytes(classes) for classes in recorded(run.finals, "lines")}
    orders = set()
    for seed in range(10):
        drawn = repetition(run, Contest("lines"), np.random.default_rng(seed))
        orders.add(drawn.experiment.strategies)
        sides = {bytes(classes) for classes in drawn.finals.predictions}
        assert len(sides) == 2 * SEEDS and sides <= known
        assert (drawn.finals.groupby("strategy").size() == SEEDS).all()
        accuracies = [np.mean(named == run.test_labels) for named in drawn.finals.predictions]
        assert drawn.finals.test_score.to_list() == accuracies
    assert orders == {("lines", COPY), (COPY, "lines")}


def test_what_is_spoilt_loses_the_gap_and_nothing_else(run):
    named = recorded(run.finals, "lines")
    worse = spoilt(named, run.test_labels, 0.1, np.random.default_rng(1))
    right = named == run.test_labels
    assert (worse[~right] == named[~right]).all()
    assert right.mean() - (worse == run.test_labels).mean() == pytest.approx(0.1, abs=0.01)
    same = spoilt(named, run.test_labels, 0.0, np.random.default_rng(1))
    assert (same == named).all()


def test_a_copy_is_seldom_declared_different_and_a_worse_one_often(run):
    repetitions = 60
    named = {
        gap: declared(run, Contest("lines", None, gap), repetitions) for gap in (0.0, 0.02, 0.15)
    }
    different = {gap: sum(name is not None for name in names) for gap, names in named.items()}
    assert different[0.0] <= 0.05 * repetitions
    assert different[0.15] >= 0.9 * repetitions
    assert different[0.0] <= different[0.02] <= different[0.15]
    assert named[0.15].count(COPY) == 0
    real = declared(run, Contest("lines", "cnn_lines"), 20)
    assert real.count("lines") >= 18 and real.count("cnn_lines") == 0


def test_the_table_has_every_contest(run):
    text = table(run, 2)
    assert all(title in text for title in contests(run))
    assert "lines against its copy | " in text and " of 2 | " in text
