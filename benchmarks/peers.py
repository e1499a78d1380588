"""Other ways of searching the same space, each through its own public interface.

`requirements-bench.txt` installs them. Each is asked for a trial, told its epochs, and left to
decide; none is told anything that another is not.
"""

from __future__ import annotations

import itertools
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.engine import hyperparameters as kinds

from benchmarks.simulated import Searcher, Start, World
from spaces.values import active

OBJECTIVE = "val_accuracy"

SPREAD = 10_000
"""Between the seeds of KerasTuner's oracles: each draw there has the next seed, so those of
neighbouring seeds are the same draws, one place on."""


def configuration(world: World, values: Mapping[str, Any]) -> tuple[str, int]:
    """Returns the strategy, and the recorded configuration, that values of the joint space mean."""
    strategy = values["strategy"]
    prefix = f"{strategy}/"
    own = {name.removeprefix(prefix): value for name, value in values.items()}
    names = {parameter.name for parameter in world.spaces[strategy].space}
    own = {name: value for name, value in own.items() if name in names}
    return strategy, world.nearest(strategy, own)


def drawn(space: keras_tuner.HyperParameters, generator: np.random.Generator) -> dict[str, Any]:
    """Returns values drawn at random."""
    values: dict[str, Any] = {}
    for parameter in space.space:
        if active(parameter, values):
            values[parameter.name] = parameter.random_sample(int(generator.integers(2**31)))
    return values


class Peer:
    """What has nothing to say of epochs, and forgets what has ended."""

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Goes on."""
        return True

    def end(self, name: Any) -> None:
        """Takes no note of it."""


class Random(Peer):
    """Random search: each configuration trained to its end.

    Args:
        world: what there is.
        seed: of its draws.
        turns: whether the strategies take turns, or are drawn, too.
    """

    def __init__(self, world: World, seed: int, turns: bool):
        self.world, self.generator = world, np.random.default_rng(seed)
        self.turns = itertools.cycle(world.curves) if turns else None

    def ask(self) -> tuple[Any, Start] | None:
        """Draws one."""
        if self.turns is not None:
            strategy = next(self.turns)
            values = drawn(self.world.spaces[strategy], self.generator)
            index = self.world.nearest(strategy, values)
        else:
            strategy, index = configuration(self.world, drawn(self.world.joint, self.generator))
        return object(), Start(strategy, index, 0, self.world.epochs)


class OneEpoch(Peer):
    """One epoch of many, and the best of them to their end (Egele et al. 2023, arXiv:2307.15422).

    A round draws fifty; then it goes on with the best five, from where they are, one after the
    other.
    """

    DRAWN, BEST = 50, 5

    def __init__(self, world: World, seed: int):
        self.world, self.generator = world, np.random.default_rng(seed)
        self.scores: dict[tuple[str, int], float] = {}
        self.asked = 0
        self.promoted: list[tuple[str, int]] = []

    def ask(self) -> tuple[Any, Start] | None:
        """Draws one, or goes on with one."""
        if self.promoted:
            one = self.promoted.pop(0)
            return one, Start(*one, 1, self.world.epochs)
        self.asked += 1
        one = configuration(self.world, drawn(self.world.joint, self.generator))
        return one, Start(*one, 0, 1)

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Takes the first epoch's accuracy."""
        if epoch == 1:
            self.scores[name] = accuracy
        return True

    def end(self, name: Any) -> None:
        """After the last of a round, the best go on."""
        if self.asked == self.DRAWN:
            best = sorted(self.scores, key=lambda one: -self.scores[one])
            self.promoted = best[: self.BEST]
            self.scores, self.asked = {}, 0


class KerasTuner(Peer):
    """An oracle of KerasTuner's own."""

    def __init__(self, world: World, oracle: keras_tuner.Oracle):
        self.world, self.oracle = world, oracle
        oracle.verbose = 0
        # It writes every trial at every step: in memory, where there is such a place.
        memory = Path("/dev/shm")
        self.folder = tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None)
        oracle._set_project_dir(self.folder.name, "peer")
        self.scores: dict[str, tuple[int, float]] = {}
        self.trials: dict[str, Any] = {}

    def ask(self) -> tuple[Any, Start] | None:
        """Asks for a trial."""
        trial = self.oracle.create_trial("one")
        if trial.status != "RUNNING":
            return None
        values = trial.hyperparameters.values
        strategy, index = configuration(self.world, values)
        first = values.get("tuner/initial_epoch", 0)
        self.trials[trial.trial_id] = trial
        return trial.trial_id, Start(
            strategy, index, first, values.get("tuner/epochs", self.world.epochs)
        )

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Reports it, as its callback does."""
        self.scores[name] = epoch, accuracy
        return True

    def end(self, name: Any) -> None:
        """Reports the last epoch: its own tuners report the best, which flatters."""
        epoch, accuracy = self.scores.pop(name)
        trial = self.trials.pop(name)
        self.oracle.update_trial(name, {OBJECTIVE: accuracy}, step=epoch)
        trial.status = "COMPLETED"
        self.oracle.end_trial(trial)


class Optuna(Peer):
    """Its sampler, the tree-structured Parzen estimator, and one of its pruners."""

    def __init__(self, world: World, seed: int, pruner: Any):
        import optuna

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.world = world
        sampler = optuna.samplers.TPESampler(seed=seed)
        self.study = optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner)
        self.pruned = optuna.trial.TrialState.PRUNED
        self.last: dict[Any, float] = {}

    def ask(self) -> tuple[Any, Start] | None:
        """Asks for a trial and suggests its values one by one."""
        trial = self.study.ask()
        values: dict[str, Any] = {}
        for parameter in self.world.joint.space:
            if active(parameter, values):
                values[parameter.name] = suggested(trial, parameter)
        return trial, Start(*configuration(self.world, values), 0, self.world.epochs)

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Reports it and asks whether to go on."""
        name.report(accuracy, epoch)
        self.last[name.number] = accuracy
        stops = epoch < self.world.epochs and name.should_prune()
        if stops:
            self.study.tell(name, state=self.pruned)
        elif epoch == self.world.epochs:
            self.study.tell(name, accuracy)
        return not stops


def suggested(trial: Any, parameter: Any) -> Any:
    """Returns what Optuna suggests for a parameter."""
    name = parameter.name
    if isinstance(parameter, kinds.Float):
        low, high = parameter.min_value, parameter.max_value
        if parameter.step is not None and parameter.sampling != "log":
            return trial.suggest_float(name, low, high, step=parameter.step)
        return trial.suggest_float(name, low, high, log=parameter.sampling == "log")
    if isinstance(parameter, kinds.Int):
        step = parameter.step if parameter.sampling != "log" else None
        return trial.suggest_int(name, parameter.min_value, parameter.max_value, step=step or 1)
    return trial.suggest_categorical(name, list(dict.fromkeys(choices(parameter))))


def choices(parameter: Any) -> list[Any]:
    """The values of a parameter of choices."""
    if isinstance(parameter, kinds.Fixed):
        return [parameter.value]
    return list(parameter.values)


class SyneTune(Peer):
    """One of its schedulers, by stopping. A space has no conditions there: all is drawn always."""

    def __init__(self, world: World, make: Callable[[Mapping[str, Any]], Any]):
        self.world = world
        self.space = {parameter.name: syne_domain(parameter) for parameter in world.joint.space}
        self.scheduler = make(self.space)
        self.numbers = itertools.count()
        self.results: dict[int, dict[str, Any]] = {}
        self.stopped: set[int] = set()

    def ask(self) -> tuple[Any, Start] | None:
        """Asks for a suggestion."""
        import datetime

        from syne_tune.backend.trial_status import Trial

        config = self.scheduler.suggest().config
        trial = Trial(next(self.numbers), config, datetime.datetime.now())
        self.scheduler.on_trial_add(trial)
        return trial, Start(*configuration(self.world, config), 0, self.world.epochs)

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Reports it and asks whether to go on."""
        result = {OBJECTIVE: accuracy, "epoch": epoch}
        self.results[name.trial_id] = result
        if epoch == self.world.epochs:
            return True
        going_on: bool = self.scheduler.on_trial_result(name, result) == "CONTINUE"
        if not going_on:
            self.stopped.add(name.trial_id)
        return going_on

    def end(self, name: Any) -> None:
        """Reports that it is complete, or stopped."""
        result = self.results.pop(name.trial_id)
        if name.trial_id in self.stopped:
            self.scheduler.on_trial_remove(name)
        else:
            self.scheduler.on_trial_complete(name, result)


def syne_domain(parameter: Any) -> Any:
    """Returns a parameter's range in its words."""
    from syne_tune import config_space

    if isinstance(parameter, kinds.Float) and parameter.step is None:
        make = config_space.loguniform if parameter.sampling == "log" else config_space.uniform
        return make(parameter.min_value, parameter.max_value)
    if isinstance(parameter, kinds.Int) and parameter.step in (None, 1):
        return config_space.randint(parameter.min_value, parameter.max_value)
    return config_space.choice(list(dict.fromkeys(choices(parameter))))


def peers(factor: int = 3) -> dict[str, Callable[[World, int], Searcher]]:
    """Name to what makes a searcher of a world and a seed."""

    def hyperband(world: World, seed: int) -> Searcher:
        oracle = keras_tuner.oracles.HyperbandOracle(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_epochs=world.epochs,
            factor=factor,
            hyperband_iterations=1000,
            seed=SPREAD * (seed + 1),
            hyperparameters=world.joint.copy(),
            allow_new_entries=False,
            tune_new_entries=False,
        )
        return KerasTuner(world, oracle)

    def bayesian(world: World, seed: int) -> Searcher:
        oracle = keras_tuner.oracles.BayesianOptimizationOracle(
            objective=keras_tuner.Objective(OBJECTIVE, "max"),
            max_trials=1000,
            seed=SPREAD * (seed + 1),
            hyperparameters=world.joint.copy(),
            allow_new_entries=False,
            tune_new_entries=False,
        )
        return KerasTuner(world, oracle)

    def optuna(pruner: str) -> Callable[[World, int], Searcher]:
        def make(world: World, seed: int) -> Searcher:
            import optuna

            made = {
                "hyperband": lambda: optuna.pruners.HyperbandPruner(
                    min_resource=1, max_resource=world.epochs, reduction_factor=factor
                ),
                "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(reduction_factor=factor),
            }
            return Optuna(world, seed, made[pruner]())

        return make

    def syne(kind: str) -> Callable[[World, int], Searcher]:
        def make(world: World, seed: int) -> Searcher:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                from syne_tune.optimizer import baselines

            np.random.seed(seed)  # which bracket a trial is in
            scheduler = getattr(baselines, kind)
            return SyneTune(
                world,
                lambda space: scheduler(
                    space,
                    metric=OBJECTIVE,
                    time_attr="epoch",
                    max_t=world.epochs,
                    do_minimize=False,
                    random_seed=seed,
                    reduction_factor=factor,
                ),
            )

        return make

    return {
        "random, joint": lambda world, seed: Random(world, seed, turns=False),
        "random, by turns": lambda world, seed: Random(world, seed, turns=True),
        "one epoch, then the best 5": OneEpoch,
        "KerasTuner Hyperband": hyperband,
        "KerasTuner BayesianOptimization": bayesian,
        "Optuna TPE, HyperbandPruner": optuna("hyperband"),
        "Optuna TPE, SuccessiveHalvingPruner": optuna("halving"),
        "syne-tune ASHA": syne("ASHA"),
        "syne-tune BOHB": syne("BOHB"),
    }
