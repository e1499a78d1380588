"""Decisions as values: what each kind rests on."""

import math

import numpy as np
import pytest

from analysis import load_run
from analysis.statistics.comparisons import compare
from analysis.statistics.decision import Evidence, Failed, Unfinished, decide, earned
from tests.support.synthetic_runs import finals, make_run, outcomes, with_finals


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished search whose finals the tests fill in."""
    names = ["lines", "cnn_control", "patches"]
    path = tmp_path_factory.mktemp("decision") / "run"
    return load_run(make_run(path, names, seeds=0, configurations=2))


def drawn(run, accuracies, seeds=3, images=2000, seed=2):
    labels, found = outcomes(accuracies, seeds, images, np.random.default_rng(seed), 0.02)
    return with_finals(run, finals(run.experiment.strategies, labels, found), labels, seeds)


def test_a_winner_rests_on_its_lead(run):
    known = drawn(run, [0.95, 0.8, 0.5])
    decision, compared = decide(known), compare(known)
    assert (decision.kind, decision.best, decision.group) == ("wins", "lines", ("lines",))
    why = decision.why
    assert isinstance(why, Evidence)
    against = compared.against_best.loc["cnn_control"]
    assert why.lead.over == "cnn_control"
    assert (why.lead.gap, why.lead.low, why.lead.high) == (
        -against.difference, -against.high, -against.low
    )  # fmt: skip
    assert why.lead.largest_p == compared.against_best.p.max()
    assert why.needed == 0 and why.more_replicates == {} and why.untested == ()
    assert why.worse == ("cnn_control", "patches")
    for name, score in why.scores.items():
        assert score.mean == compared.summary["mean"][name]
        assert score.low < score.mean < score.high and score.seeds == 3
    assert why.earned == "yes"
    assert decide(known, compared) == decision


def test_a_tie_rests_on_what_would_settle_it(run):
    decision = decide(drawn(run, [0.9, 0.9, 0.5]))
    assert decision.kind in ("ties", "too_close")
    assert set(decision.group) == {"lines", "cnn_control"}
    assert set(decision.why.more_replicates) == set(decision.group[1:])
    assert math.isinf(decision.why.needed) is (decision.kind == "ties")
    assert decision.why.worse == ("patches",)
    assert set(decision.why.multiply_adds) == set(decision.group)
    assert decision.why.earned == "not_shown"


def test_one_seed_leaves_everything_open(run):
    decision = decide(drawn(run, [0.9, 0.1, 0.5], seeds=1))
    assert decision.kind == "too_few" and decision.best == "lines"
    assert set(decision.why.too_few) == set(run.experiment.strategies)
    assert decision.why.lead is None and decision.why.earned == "unknown"


def test_who_had_too_few_seeds_is_named_and_the_others_are_compared(run):
    known = drawn(run, [0.95, 0.8, 0.9])
    kept = (known.finals.strategy != "patches") | (known.finals.seed < 2)
    decision = decide(with_finals(known, known.finals[kept], known.test_labels, 2))
    assert decision.kind == "wins" and decision.best == "lines"
    assert decision.why.too_few == ("patches",) and decision.why.worse == ("cnn_control",)


def test_before_the_finals_validation_leads(run):
    decision = decide(run)
    assert decision.kind == "interim" and decision.group == ()
    labels, found = outcomes([0.9] * 3, 3, 100, np.random.default_rng(1))
    asked = with_finals(run, finals(run.experiment.strategies, labels, found), labels, 4)
    why = decide(asked).why
    assert isinstance(why, Unfinished)
    assert (why.done, why.wanted, why.untried) == (9, 12, ())
    best = run.trials.loc[run.trials.score.idxmax()]
    assert (decide(asked).best, why.score, why.epoch) == (best.strategy, best.score, 9)


def test_the_most_frequent_first_line_is_the_reason(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], broken=["lines"], message="no memory\nat 0x1")
    why = decide(load_run(path)).why
    assert why == Failed("trial", 4, "no memory")


@pytest.mark.parametrize(
    ("group", "answer"),
    [
        (["lines"], "yes"), (["lines", "patches"], "yes"), (["cnn"], "no"), (["cnn", "mlp"], "no"),
        (["lines", "mlp"], "not_shown"), (["mlp", "patches", "cnn"], "not_shown"),
    ],
)  # fmt: skip
def test_recurrence_earns_its_place_only_above_every_control(group, answer):
    tested = ["lines", "patches", "cnn", "mlp"]
    assert earned(tested, tuple(group), ("cnn", "mlp")) == answer
    assert earned(["lines", "patches"], ("lines",), ("cnn", "mlp")) == "unknown"
    assert earned(["cnn", "mlp"], ("cnn", "mlp"), ("cnn", "mlp")) == "unknown"
