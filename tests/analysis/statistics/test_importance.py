"""What matters within a strategy: planted effects, honest fits, odd values."""

import time

import numpy as np
import pandas as pd
import pytest

from analysis.statistics.budgets import at_equal, progress
from analysis.statistics.early_stopping import rank_correlations, shorter_searches
from analysis.statistics.importance import UNSET, encode, importance, without_epoch
from search.metric import ACCURACY


def planted(count, effect=1.0, noise=0.01, seed=0, strategies=1):
    """Returns trials in which `units` and `rate` matter, `a` and `b` together, `idle` does not."""
    generator = np.random.default_rng(seed)
    rows = []
    for i in range(count):
        hp = {
            "units": int(generator.choice([32, 64, 128])),
            "rate": float(10 ** generator.uniform(-4, -2)),
            "a": str(generator.choice(["left", "right"])),
            "b": bool(generator.random() < 0.5),
            "idle": int(generator.integers(0, 4)),
            "fixed": 3,
        }
        if hp["idle"] == 0:
            hp["depth"] = int(generator.integers(1, 3))
        quality = 0.2 * (hp["units"] == 64) - 0.1 * abs(np.log10(hp["rate"]) + 3)
        quality = 0.5 + effect * (quality + 0.1 * ((hp["a"] == "left") == hp["b"]))
        for rung, epoch in enumerate((1, 3, 9)[: 1 + (i % 3 == 0) + (i % 9 == 0)]):
            score = quality - 0.3 * np.exp(-epoch / 3) + generator.normal(0, noise)
            rows.append(
                {
                    "trial_id": f"{i}-{rung}", "configuration": f"c{i}", "status": "completed",
                    "strategy": f"s{i % strategies}", "score": score, "last_epoch": epoch,
                    "hyperparameters": hp, "val_loss": 1 - score, "train_seconds": 1.0,
                    "setup_seconds": 0.1, "multiply_adds": 1e6, "started": float(i),
                    "finished": float(i) + rung,
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_what_was_planted_is_found():
    found = importance(planted(300), "s0")
    assert found.trust == "good" and found.r2 > 0.5
    main = found.main.set_index("hyperparameter")
    assert set(main.index[:2]) == {"units", "rate"}
    assert "fixed" not in main.index
    assert main.share["idle"] < 0.02 and main.unseen["idle"] < 0.05
    assert (found.pairs.one[0], found.pairs.other[0]) in (("a", "b"), ("b", "a"))
    assert found.pairs.share[0] > 2 * found.pairs.share[1]
    units = found.dependence[found.dependence.hyperparameter == "units"]
    assert list(units.value) == [32, 64, 128]
    assert units.score.to_numpy().argmax() == 1
    assert main.share.sum() + found.pairs.share.sum() < 1.2


def test_noise_is_called_noise():
    for seed in range(3):
        found = importance(planted(100, effect=0.0, noise=0.05, seed=seed), "s0")
        assert found.trust == "none"
        assert found.reason == "fitted"


@pytest.mark.parametrize(
    ("trials", "reason"),
    [
        (planted(1), "too_few"), (planted(9), "too_few"),
        (planted(30).assign(status="failed", score=np.nan), "too_few"),
        (planted(30).assign(score=0.5), "equal_scores"),
        (planted(30).assign(hyperparameters=[{}] * 44), "one_value"),
        (planted(30).assign(strategy="other"), "too_few"),
    ],
)  # fmt: skip
def test_where_nothing_can_be_said_it_says_so(trials, reason):
    found = importance(trials, "s0")
    assert found.trust == "none" and np.isnan(found.r2)
    assert found.main.empty and found.pairs.empty and found.dependence.empty
    assert found.reason == reason


def test_the_same_trials_give_the_same_answer():
    one, two = (importance(planted(40), "s0") for _ in range(2))
    pd.testing.assert_frame_equal(one.main, two.main)
    pd.testing.assert_frame_equal(one.dependence, two.dependence)


def test_values_of_any_kind_have_a_place():
    kinds = [None, [1, 2], {"d": 1}, "x|y", False, 3]
    trials = (
        planted(6)
        .drop_duplicates("configuration")
        .assign(
            hyperparameters=[
                {"any": kind, "number": number} | ({"some": 1.5} if number else {})
                for kind, number in zip(kinds, [10, 9, 8, 0, 7, 8], strict=True)
            ]
        )
    )
    values, codes = encode(trials)
    assert values["number"] == [0, 7, 8, 9, 10]
    assert list(codes.number) == [4, 3, 2, 0, 1, 2]
    assert values["any"][0] == UNSET
    assert values["some"] == [UNSET, 1.5]
    assert codes["any"].nunique() == 6


def test_the_worth_of_an_epoch_is_that_of_configurations_that_did_both():
    trials = planted(90, noise=0.0)
    # Only the best go on: the mean of those that reached an epoch flatters it.
    first = trials[trials.last_epoch == 1].set_index("configuration").score
    adjusted = without_epoch(trials)
    expected = trials.configuration.map(first).to_numpy()
    assert adjusted == pytest.approx(expected, abs=1e-9)
    apart = trials[(trials.last_epoch == 1) | (trials.last_epoch == 9)].drop_duplicates(
        "configuration", keep="last"
    )
    assert np.isfinite(without_epoch(apart)).all()


def test_ten_thousand_trials_take_seconds():
    trials = planted(6900, strategies=5)
    assert len(trials) > 9900
    curves = [(row.trial_id, e) for row in trials.itertuples() for e in range(row.last_epoch)]
    epochs = pd.DataFrame(curves, columns=["trial_id", "epoch"])
    start = time.process_time()
    at_equal(progress(trials, epochs, 1000, ACCURACY), ACCURACY)
    shorter_searches(trials, ACCURACY)
    rank_correlations(trials)
    for name in sorted(set(trials.strategy)):
        assert importance(trials, name).trust == "good"
    assert time.process_time() - start < 25
