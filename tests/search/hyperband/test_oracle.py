"""Which trial next: invented scores, many workers, no training; and under a stock tuner."""

import collections
import dataclasses
import gc
import hashlib
import itertools
import json
import math

import keras
import keras_tuner
import numpy as np
import pytest

from search.hyperband import brackets
from search.hyperband.arm import Arm
from search.hyperband.oracle import StrategyHyperband
from search.hyperband.promotion import RUNNING, Outcome, TrialKey
from search.rows import TrialRow
from spaces import SequenceHyperModel

FAILED = Outcome("failed")


# An invented world: what trials come to, workers that finish in any order, and a plain Hyperband


def unit(*parts):
    """A number in [0, 1) that follows from the parts."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def judge(key, failures=0.2):
    """How a trial ends: some fail; scores are so coarse that ties are common."""
    if unit("fails", key.trial_id) < failures:
        return FAILED
    score, loss = int(8 * unit("score", key.trial_id)), int(3 * unit("loss", key.trial_id))
    return Outcome("completed", score / 8, loss / 3)


def reliable(key):
    return judge(key, failures=0)


def continuous():
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.0, 1.0)
    return space


def listed(*sizes):
    """A space of as many configurations as the product of the sizes."""
    space = keras_tuner.HyperParameters()
    for number, size in enumerate(sizes):
        space.Choice(f"choice {number}", list(range(size)))
    return space


def make_oracle(max_epochs=9, spaces=None, **options):
    spaces = spaces or {"first": continuous(), "second": continuous(), "a-third": continuous()}
    oracle = StrategyHyperband(
        max_epochs=max_epochs, spaces=spaces, keep_files=False, dataset="invented", **options
    )
    oracle.verbose = 0
    return oracle


def finish(oracle, trial, verdict=judge):
    """Ends a trial as a tuner does."""
    outcome = verdict(TrialKey.parse(trial.trial_id))
    trial.status = outcome.status.upper()
    if outcome.status == "completed":
        metrics = {"val_accuracy": outcome.score, "val_loss": outcome.val_loss}
        oracle.update_trial(trial.trial_id, metrics)
    oracle.end_trial(trial)


def simulate(oracle, verdict=judge, workers=1, order=0, started=None, ended=None):
    """Runs the search to its end; trials that run at the same time end in a random order.

    Returns:
        The trials in the order in which they ended.
    """
    generator = np.random.default_rng(order)
    running, history = {}, []
    while True:
        for worker in range(workers):
            if worker not in running:
                trial = oracle.create_trial(f"worker {worker}")
                if trial.status != "RUNNING":
                    break
                running[worker] = trial
                if started:
                    started(trial)
        if not running:
            assert trial.status == "STOPPED"
            return history
        trial = running.pop(list(running)[generator.integers(len(running))])
        finish(oracle, trial, verdict)
        history.append(trial)
        if ended:
            ended(trial)


def rank(outcomes):
    """Slots that completed, best first, by the rule that DESIGN.md states."""
    completed = [slot for slot, outcome in outcomes.items() if outcome.status == "completed"]
    return sorted(completed, key=lambda s: (-outcomes[s].score, outcomes[s].val_loss, s))


def arm_of(name, plan, drawn, table):
    """An arm of this table."""
    arm = Arm(name, plan, drawn)
    for key, outcome in table.items():
        arm.put(key, outcome)
    return arm


def offered(name, plan, drawn, table):
    """The promotions that can start now, however many workers there are."""
    arm = arm_of(name, plan, drawn, table)
    promotions = set()
    while key := arm.following():
        arm.put(key, RUNNING)
        if key.rung:
            promotions.add(key)
    return promotions


def plainly(oracle, verdict):
    """The table that rung after rung gives: nothing is begun before all of the last has ended."""
    table = {}
    for arm in oracle.arms:
        for (iteration, bracket), drawn in oracle.drawn(arm).items():
            contestants = list(range(drawn))
            for number, rung in enumerate(oracle.plan[bracket]):
                outcomes = {
                    slot: verdict(TrialKey(arm, iteration, bracket, number, slot))
                    for slot in contestants[: rung.size]
                }
                for slot, outcome in outcomes.items():
                    table[TrialKey(arm, iteration, bracket, number, slot)] = outcome
                contestants = rank(outcomes)
    return table


def values(oracle):
    """Each trial's configuration, and the rung by which a tuner trains it."""
    return {name: trial.hyperparameters.values for name, trial in oracle.trials.items()}


# Rounds: more searches for those that may be the best


def close(key):
    """Two arms are alike, and the third far behind."""
    if unit("fails", key.trial_id) < 0.1:
        return FAILED
    level = 0.2 if key.strategy == "a-third" else 0.8
    return Outcome("completed", level + 0.1 * unit("score", key.trial_id), 1.0)


def granting(**options):
    return make_oracle(max_epochs=3, iterations=3, **options)


def test_those_that_may_be_the_best_are_searched_more():
    oracle = granting(most_iterations=9)
    simulate(oracle, close)
    assert oracle.granted == {"first": 9, "second": 9, "a-third": 3}
    searched = collections.defaultdict(set)
    for key in oracle.table:
        searched[key.strategy].add(key.iteration)
    assert {arm: len(found) for arm, found in searched.items()} == oracle.granted
    trials, _ = oracle.totals()["first"]
    failed = sum(outcome == FAILED for outcome in oracle.table.values())
    assert 0 <= trials - sum(key.strategy == "first" for key in oracle.table) <= failed
    assert all(oracle.whole().values())


def test_the_first_round_is_what_it_is_without_the_others():
    oracle, alone = granting(most_iterations=9), granting()
    simulate(oracle, close), simulate(alone, close)
    assert {key: oracle.table[key] for key in oracle.table if key.iteration < 3} == alone.table


@pytest.mark.parametrize(("workers", "order"), [(1, 1), (4, 0), (16, 1), (1000, 0)])
def test_workers_and_their_order_change_nothing_in_any_round(workers, order):
    one, many = granting(most_iterations=9), granting(most_iterations=9)
    simulate(one, close), simulate(many, close, workers=workers, order=order)
    assert many.table == one.table and many.granted == one.granted


@pytest.mark.parametrize("share", [0.1, 0.5, 0.62, 0.9])
def test_a_search_that_was_stopped_in_any_round_goes_on_as_if_it_had_not(share):
    whole, rows = granting(most_iterations=9), []

    def keep(trial):
        key = TrialKey.parse(trial.trial_id)
        outcome, rung = whole.table[key], whole.rung(key)
        place = {name: getattr(key, name) for name in ("iteration", "bracket", "rung", "slot")}
        rows.append(
            TrialRow(
                key.trial_id, "invented", key.strategy, **place, seed=0, hyperparameters="{}",
                first_epoch=rung.first_epoch, last_epoch=rung.last_epoch, status=outcome.status,
                score=outcome.score, val_loss=outcome.val_loss,
            )
        )  # fmt: skip

    simulate(whole, close, workers=4, ended=keep)
    resumed = granting(most_iterations=9)
    resumed.restore(rows[: int(share * len(rows))])
    simulate(resumed, close, workers=2, order=3)
    assert resumed.table == whole.table and resumed.granted == whole.granted
    assert values(resumed) == values(whole)


def test_where_one_is_left_or_all_have_failed_there_is_no_other_round():
    def apart(key):
        level = {"first": 0.9, "second": 0.5, "a-third": 0.2}[key.strategy]
        return Outcome("completed", level + 0.01 * unit("score", key.trial_id), 1.0)

    for verdict in (apart, lambda key: FAILED):
        oracle = granting(most_iterations=9)
        simulate(oracle, verdict)
        assert set(oracle.granted.values()) == {3}


# The search is a function of its table


@pytest.fixture(scope="module")
def reference():
    """A search of three arms by one worker."""
    oracle = make_oracle(max_epochs=27)
    simulate(oracle)
    return oracle


def test_equals_plain_hyperband(reference):
    """Whom it promotes: the best of those that completed, as many as the rung holds."""
    assert reference.table == plainly(reference, judge)


@pytest.mark.parametrize(
    ("workers", "order"), [(1, 1), (4, 0), (4, 1), (4, 2), (16, 0), (16, 1), (16, 2), (1000, 0)]
)
def test_workers_and_their_order_change_nothing(reference, workers, order):
    oracle = make_oracle(max_epochs=27)
    history = simulate(oracle, workers=workers, order=order)
    assert oracle.table == reference.table
    assert values(oracle) == values(reference)
    if workers > 1:  # and yet it happened in another order
        assert [trial.trial_id for trial in history] != reference.end_order


def test_the_simulation_holds_what_it_should(reference):
    """Failures in every arm and rung, ties at the border of a promotion, whole brackets."""
    failed = collections.Counter(
        (key.strategy, key.rung) for key, outcome in reference.table.items() if outcome == FAILED
    )
    assert all(failed[arm, 0] >= 5 for arm in reference.arms) and any(r > 1 for _, r in failed)
    borders = 0
    for arm in reference.arms:
        for (iteration, bracket), _ in reference.drawn(arm).items():
            for number, rung in enumerate(reference.plan[bracket][1:]):
                outcomes = {
                    key.slot: outcome
                    for key, outcome in reference.table.items()
                    if (key.strategy, key.iteration, key.bracket, key.rung)
                    == (arm, iteration, bracket, number)
                }
                ranking = rank(outcomes)
                if len(ranking) > rung.size:
                    last, out = outcomes[ranking[rung.size - 1]], outcomes[ranking[rung.size]]
                    borders += last.score == out.score
    assert borders >= 3


def test_a_trial_says_what_to_train(reference):
    for key, trial in ((TrialKey.parse(name), t) for name, t in reference.trials.items()):
        assert key.trial_id == trial.trial_id
        said, rung = trial.hyperparameters.values, reference.plan[key.bracket][key.rung]
        assert said["tuner/initial_epoch"] == rung.first_epoch
        assert said["tuner/epochs"] == rung.last_epoch
        assert (said["tuner/bracket"], said["tuner/round"]) == (key.bracket, key.rung)
        if key.rung == 0:
            assert "tuner/trial_id" not in said
        else:
            parent = reference.trials[said["tuner/trial_id"]]
            assert parent.trial_id == dataclasses.replace(key, rung=key.rung - 1).trial_id
            assert parent.status == "COMPLETED"
            assert parent.hyperparameters.values["rate"] == said["rate"]
            assert reference.trial_seed(TrialKey.parse(parent.trial_id)) == reference.trial_seed(
                key
            )


def test_seeds_of_configurations_differ(reference):
    first_rungs = [key for key in reference.table if key.rung == 0]
    assert len({reference.trial_seed(key) for key in first_rungs}) == len(first_rungs)


def test_seed_zero_is_a_seed():
    tables = []
    for seed in (0, 0, 1):
        oracle = make_oracle(seed=seed)
        assert oracle.seed == seed
        simulate(oracle)
        tables.append(values(oracle))
    assert tables[0] == tables[1]
    assert all(
        tables[0][name]["rate"] != tables[2][name]["rate"] for name in tables[2].keys() & tables[0]
    )


def test_iterations_run_all_brackets_again_with_new_configurations():
    oracle = make_oracle(iterations=2)
    simulate(oracle, workers=4)
    assert oracle.table == plainly(oracle, judge)
    for arm in oracle.arms:
        drawn = oracle.configurations(arm)
        assert {iteration for iteration, _, _ in drawn} == {0, 1}
        assert len({v["rate"] for v in drawn.values()}) == len(drawn) == 2 * (9 + 5 + 3)
        assert oracle.drawn(arm) == {(i, b): n for i in (0, 1) for b, n in ((2, 9), (1, 5), (0, 3))}


# Failures, ties, not a number


def failing(places):
    return lambda key: FAILED if (key.rung, key.slot) in places else reliable(key)


@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize(
    ("verdict", "sizes"),
    [  # of the rungs of bracket 2, which hold 9, 3 and 1
        (reliable, [9, 3, 1]),
        (lambda key: FAILED, [9, 0, 0]),
        (failing({(0, slot) for slot in range(7)}), [9, 2, 1]),  # two survive, where three fit
        (failing({(0, slot) for slot in range(6)}), [9, 3, 1]),  # just as many as fit
        (failing({(1, slot) for slot in range(9)}), [9, 3, 0]),
        (failing({(2, slot) for slot in range(9)}), [9, 3, 1]),
    ],
)
def test_the_failed_take_no_place(workers, verdict, sizes):
    oracle = make_oracle(spaces={"only": continuous()})
    simulate(oracle, verdict, workers)
    assert oracle.table == plainly(oracle, verdict)
    counted = collections.Counter(key.rung for key in oracle.table if key.bracket == 2)
    assert [counted[rung] for rung in range(3)] == sizes


def test_a_tie_goes_to_the_lower_loss_then_the_lower_slot():
    losses = {0: 0.5, 1: 0.2, 2: 0.5, 3: 0.5, 4: 0.2, 5: None, 6: math.nan, 7: 0.9, 8: 0.9}
    table = {
        TrialKey("", 0, 2, 0, slot): Outcome("completed", 0.75, loss)
        for slot, loss in losses.items()
    }
    promoted = offered("", brackets.plan(9, 3), {(0, 2): 9}, table)
    assert promoted == {TrialKey("", 0, 2, 1, slot) for slot in (1, 4, 0)}


@pytest.mark.parametrize("arrangement", range(20))
def test_a_loss_that_is_no_number_ranks_last_among_equals(arrangement):
    """NaN is neither more nor less than a number: sorted as it is, it would hide the best."""
    losses = np.random.default_rng(arrangement).permutation([math.nan] * 5 + [0.1, 0.2, 0.3, 0.4])
    table = {
        TrialKey("", 0, 2, 0, slot): Outcome("completed", 0.1, float(loss))
        for slot, loss in enumerate(losses)
    }
    promoted = offered("", brackets.plan(9, 3), {(0, 2): 9}, table)
    assert {losses[key.slot] for key in promoted} == {0.1, 0.2, 0.3}


@pytest.mark.filterwarnings("ignore:All-NaN")
@pytest.mark.parametrize("workers", [1, 4])
def test_a_score_that_is_no_number_is_a_failure(workers):
    def verdict(key):
        outcome = reliable(key)
        broken = unit("nan", key.trial_id) < 0.3
        return dataclasses.replace(outcome, score=math.nan) if broken else outcome

    oracle = make_oracle()
    simulate(oracle, verdict, workers)
    broken = {key for key in oracle.table if math.isnan(verdict(key).score)}
    assert len(broken) > 10
    assert {key for key, outcome in oracle.table.items() if outcome == FAILED} == broken
    for key in broken:
        assert dataclasses.replace(key, rung=key.rung + 1) not in oracle.table


@pytest.mark.parametrize("workers", [1, 4])
def test_an_objective_to_minimise(workers):
    """The lowest loss is promoted, whatever the accuracy says; the trial's score stays the loss."""

    def verdict(key):
        outcome = judge(key)
        return outcome if outcome == FAILED else dataclasses.replace(outcome, val_loss=unit(key))

    def by_loss(key):
        outcome = verdict(key)
        return (
            outcome if outcome == FAILED else dataclasses.replace(outcome, score=-outcome.val_loss)
        )

    oracle = make_oracle(objective=keras_tuner.Objective("val_loss", "min"))
    simulate(oracle, verdict, workers)
    assert oracle.table == plainly(oracle, by_loss)
    best = oracle.get_best_trials()[0]
    assert best.score == min(o.val_loss for o in oracle.table.values() if o.val_loss is not None)
    again = make_oracle(objective=keras_tuner.Objective("val_loss", "min"))
    again.restore(rows(oracle))
    assert again.table == oracle.table


# Turns and totals


@pytest.mark.parametrize("verdict", [reliable, judge])
@pytest.mark.parametrize("workers", [1, 4])
def test_arms_take_turns_by_time(verdict, workers):
    """Whenever it is stopped, each arm that has trials left has had as many seconds."""
    now, spent = 0.0, collections.Counter()
    oracle = make_oracle(max_epochs=27, clock=lambda: now)
    pace = dict(zip(oracle.arms, (0.1, 2.0, 0.5), strict=True))

    def takes(key):
        rung = oracle.rung(key)
        return 3 * pace[key.strategy] + pace[key.strategy] * rung.epochs

    to_come = collections.Counter(key.strategy for key in plainly(oracle, verdict))
    longest = max(takes(key) for key in plainly(oracle, verdict))
    running = []
    while True:
        while len(running) < workers:
            trial = oracle.create_trial(f"{len(oracle.start_order)}")
            if trial.status != "RUNNING":
                break
            key = TrialKey.parse(trial.trial_id)
            running.append((now + takes(key), trial))
            to_come[key.strategy] -= 1
        if not running:
            break
        now, trial = running.pop(min(range(len(running)), key=lambda place: running[place][0]))
        key = TrialKey.parse(trial.trial_id)
        spent[key.strategy] += takes(key)
        finish(oracle, trial, verdict)
        unfinished = [spent[arm] for arm in oracle.arms if to_come[arm]]
        assert not unfinished or max(unfinished) - min(unfinished) <= (1 + workers) * longest
    assert oracle.table == plainly(oracle, verdict)


@pytest.mark.parametrize(
    ("max_epochs", "spaces"), [(9, None), (27, {"a": listed(6, 6), "b": continuous()}), (1, None)]
)
def test_totals_are_what_runs_if_none_fails(max_epochs, spaces):
    oracle = make_oracle(max_epochs, spaces, iterations=2)
    promised = oracle.totals()
    simulate(oracle, reliable, workers=3)
    for arm in oracle.arms:
        rungs = [oracle.rung(key) for key in oracle.table if key.strategy == arm]
        epochs = sum(rung.last_epoch - rung.first_epoch for rung in rungs)
        assert promised[arm] == (len(rungs), epochs)


# Spaces smaller than a bracket


@pytest.mark.parametrize("workers", [1, 16])
@pytest.mark.parametrize("sizes", [(6, 6), (5,), (1,)])
def test_a_space_smaller_than_a_bracket(workers, sizes):
    oracle = make_oracle(27, {"small": listed(*sizes), "other": continuous()})
    simulate(oracle, reliable, workers)
    assert oracle.table == plainly(oracle, reliable)
    tried = [
        tuple(oracle.values(key).values())
        for key in oracle.table
        if key.strategy == "small" and key.rung == 0
    ]
    assert sorted(tried) == sorted(itertools.product(*map(range, sizes)))  # each of them, once
    for arm in oracle.arms:
        assert any(oracle.rung(key).last_epoch == 27 for key in oracle.table if key.strategy == arm)
    others = [key for key in oracle.table if key.strategy == "other"]
    assert len(others) == sum(rung.size for rungs in oracle.plan.values() for rung in rungs)


# Starting again, and what is kept for it


def rows(oracle, names=None):
    """The trial table as the run directory gives it, with these trials finished."""
    finished = []
    for name in oracle.end_order if names is None else names:
        trial, outcome = oracle.trials[name], oracle.table[TrialKey.parse(name)]
        score = None if outcome == FAILED else trial.score
        finished.append(row(name, outcome.status, score, outcome.val_loss, trial.message))
    return finished


def row(name, status, score=None, val_loss=None, message=None):
    key = TrialKey.parse(name)
    return TrialRow(
        **dataclasses.asdict(key), trial_id=name, dataset="", seed=0, hyperparameters="{}",
        first_epoch=0, last_epoch=1, status=status, score=score, val_loss=val_loss,
        message=message,
    )  # fmt: skip


@pytest.mark.parametrize("workers", [1, 4])
def test_goes_on_from_any_prefix_of_the_table(workers):
    whole = make_oracle()
    simulate(whole, workers=workers, order=3)
    for count in range(len(whole.end_order) + 1):
        oracle = make_oracle()
        running = [row(name, "running") for name in whole.end_order[count : count + workers]]
        oracle.restore([*rows(whole, whole.end_order[:count]), *running])
        assert len(oracle.table) == count
        history = simulate(oracle, workers=workers, order=count)
        assert len(history) == len(whole.table) - count  # nothing is done twice
        assert oracle.table == whole.table
        assert values(oracle) == values(whole)
        assert oracle.get_best_trials()[0].score == whole.get_best_trials()[0].score


@pytest.mark.parametrize("workers", [1, 4, 16])
def test_every_checkpoint_that_is_needed_is_kept_and_no_other(workers):
    oracle = make_oracle(max_epochs=27, iterations=2)
    kept, running = set(), set()
    used = plainly(oracle, judge)

    def started(trial):
        parent = TrialKey.parse(trial.trial_id).parent
        assert parent is None or parent.trial_id in kept
        running.add(trial.trial_id)

    def ended(trial):
        running.remove(trial.trial_id)
        if trial.status == "COMPLETED":
            kept.add(trial.trial_id)
        kept.intersection_update(oracle.promotable())
        for name in running:  # killed now, these would start again from their parents
            parent = TrialKey.parse(name).parent
            assert parent is None or parent.trial_id in kept
        for name in kept:
            key = TrialKey.parse(name)
            child = oracle.table.get(dataclasses.replace(key, rung=key.rung + 1), RUNNING)
            assert child == RUNNING

    simulate(oracle, workers=workers, started=started, ended=ended)
    assert oracle.table == used
    assert oracle.promotable() == set()


# Under a stock tuner


class Invented(keras_tuner.HyperModel):
    """Two strategies whose scores are invented; one parameter shows itself only when tried."""

    def __init__(self, interrupt_at=None):
        super().__init__()
        self.calls, self.interrupt_at = [], interrupt_at

    def build(self, hp):
        strategy = hp.Choice("strategy", ["one", "two"])
        with hp.conditional_scope("strategy", ["one"]):
            hp.Float("one/rate", 0.0, 1.0)
        with hp.conditional_scope("strategy", ["two"]):
            hp.Float("two/rate", 0.0, 1.0)
        if hp.Boolean(f"{strategy}/deep", parent_name="strategy", parent_values=[strategy]):
            hp.Int("units", 1, 1000)  # in no scope: known from the first trial that is deep
        return keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])

    def fit(self, hp, model, *arguments, **options):
        if len(self.calls) == self.interrupt_at:
            raise KeyboardInterrupt
        self.calls.append(dict(hp.values))
        rate = hp.get(f"{hp.get('strategy')}/rate")
        return {"val_accuracy": rate * hp.get("tuner/epochs"), "val_loss": 1 - rate}


@pytest.fixture(autouse=True, scope="module")
def quick_collections():
    """A stock tuner collects garbage before every trial; TensorFlow's modules are none."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def stock_tuner(oracle, hypermodel, directory):
    return keras_tuner.Tuner(oracle, hypermodel, directory=directory, project_name="stock")


def test_a_second_stock_tuner_goes_on(tmp_path):
    """Interrupted three times, it ends as it would have at a stretch, and does nothing twice."""
    whole = Invented()
    tuner = stock_tuner(StrategyHyperband(max_epochs=3), whole, tmp_path / "whole")
    tuner.search(verbose=0)
    expected = tuner.oracle
    assert expected.table.keys() == {TrialKey.parse(name) for name in expected.trials}
    calls = []
    for pieces in (1, 4, 3, None):
        part = Invented(interrupt_at=pieces)
        tuner = stock_tuner(StrategyHyperband(max_epochs=3), part, tmp_path / "parts")
        if pieces is None:
            tuner.search(verbose=0)
        else:
            with pytest.raises(KeyboardInterrupt):
                tuner.search(verbose=0)
        calls += part.calls
    assert tuner.oracle.table == expected.table
    assert values(tuner.oracle) == values(expected)
    assert sorted(map(repr, calls)) == sorted(map(repr, whole.calls))  # by turns, not in one order


def test_a_trial_lost_between_two_of_kerastuners_files_starts_again(tmp_path):
    """It writes a trial's file before its own: a kill in between leaves one that nobody runs."""
    part = Invented(interrupt_at=5)
    tuner = stock_tuner(StrategyHyperband(max_epochs=3), part, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        tuner.search(verbose=0)
    file = tmp_path / "stock" / "oracle.json"
    state = json.loads(file.read_text())
    assert len(state["ongoing_trials"]) == 1
    lost = state["start_order"].pop()
    state["ongoing_trials"] = {}
    file.write_text(json.dumps(state))
    again = stock_tuner(StrategyHyperband(max_epochs=3), Invented(), tmp_path)
    again.search(verbose=0)
    assert again.oracle.trials[lost].status == "COMPLETED"
    assert {outcome.status for outcome in again.oracle.table.values()} == {"completed"}
    assert again.oracle.start_order.count(lost) == 1
    counts = collections.Counter(key.strategy for key in again.oracle.table)
    assert counts == {"one": 6, "two": 6}


def test_tuners_leave_when_all_is_done():
    """KerasTuner's chief ends only when the last of its tuners has left."""
    oracle = make_oracle()
    simulate(oracle, workers=4)
    for worker in range(4):
        assert oracle.create_trial(f"worker {worker}").status == "STOPPED"
    assert oracle.tuner_ids == set()


def test_a_worker_that_must_wait_is_told_so():
    oracle = make_oracle(spaces={"only": listed(1)})
    trial = oracle.create_trial("busy")
    assert oracle.create_trial("waiting").status == "IDLE"
    assert oracle.create_trial("busy").trial_id == trial.trial_id  # asked twice, the same
    finish(oracle, trial, reliable)
    assert oracle.create_trial("waiting").trial_id == "only-0-2-1-0"


def test_a_stock_tuner_runs_a_plain_function(tmp_path):
    """No `strategy`, no hypermodel of ours: one arm without a name."""

    def build(hp):
        model = keras.Sequential(
            [keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 100)), keras.layers.Dense(1)]
        )
        model.compile("sgd", "mse", run_eagerly=True)
        return model

    oracle = StrategyHyperband("val_loss", max_epochs=3, seed=0)
    x = np.ones((4, 2), "float32")
    tuner = stock_tuner(oracle, build, tmp_path)
    tuner.search(x, x[:, :1], validation_data=(x, x[:, :1]), epochs=1, verbose=0)
    assert oracle.arms == [""]
    assert oracle.totals() == {"": (6, 3 + 2 + 6)}
    assert len(oracle.table) == 6
    assert {trial.status for trial in oracle.trials.values()} == {"COMPLETED"}
    finals = [key.slot for key in oracle.table if (key.bracket, key.rung) == (1, 1)]
    first = {p.slot: o for p, o in oracle.table.items() if (p.bracket, p.rung) == (1, 0)}
    assert finals == rank(first)[:1]


class Recording(SequenceHyperModel):
    """Notes how many epochs each trial was trained; untraced, which would outlast two steps."""

    def build(self, hp):
        model = super().build(hp)
        model.run_eagerly = True
        return model

    def fit(self, hp, *arguments, **options):
        history = super().fit(hp, *arguments, **options)
        recorded.append((dict(hp.values), len(history.epoch)))
        return history


recorded = []


def test_a_stock_tuner_runs_the_joint_space(tmp_path):
    """Every strategy gets as many trials and epochs, and the rung's, not the search's, count."""
    recorded.clear()
    strategies = ["lines", "cnn_control"]
    generator = np.random.default_rng(0)
    x = generator.integers(0, 256, (60, 6, 6, 1), dtype=np.uint8)
    y = np.arange(60) % 3
    oracle = StrategyHyperband(max_epochs=3, seed=0)
    tuner = stock_tuner(oracle, Recording((6, 6, 1), 3, strategies), tmp_path)
    assert oracle.arms == strategies
    tuner.search(x[:48], y[:48], validation_data=(x[48:], y[48:]), epochs=50, verbose=0)
    assert {t.status for t in oracle.trials.values()} == {"COMPLETED"}, [
        t.message for t in oracle.trials.values()
    ]
    counted = collections.Counter(key.strategy for key in oracle.table)
    assert counted == dict.fromkeys(strategies, 6)
    planned = collections.Counter(
        (key.strategy, oracle.rung(key).last_epoch) for key in oracle.table
    )
    assert collections.Counter((said["strategy"], epochs) for said, epochs in recorded) == planned
    for said, _ in recorded:
        assert {n.split("/")[0] for n in said if "/" in n} == {said["strategy"], "tuner"}


def test_no_trial_but_the_one_that_ends_is_looked_at_for_failures_in_a_row():
    """KerasTuner goes through all that have ended, at every end; where a limit is set, so do we."""

    class Watched(dict):
        reads = 0

        def __getitem__(self, name):
            Watched.reads += 1
            return super().__getitem__(name)

    def end_all(oracle):
        oracle.trials, reads = Watched(oracle.trials), []
        while (trial := oracle.create_trial("tuner")).status == "RUNNING":
            Watched.reads = 0
            trial.status = "FAILED"
            oracle.end_trial(trial)
            reads.append(Watched.reads)
        return reads

    options = {"max_epochs": 9, "spaces": {"lines": continuous()}, "keep_files": False}
    assert len({*end_all(StrategyHyperband(**options))}) == 1
    with pytest.raises(RuntimeError, match="consecutive failures"):
        end_all(StrategyHyperband(**options, max_consecutive_failed_trials=3))
