"""Recorded curves as a world in which a search runs in simulated time.

A configuration that a searcher draws is the recorded one nearest to it: so every searcher meets
the same space, the same curves and the same costs, and may model what it sees. A trial costs its
set-up, at every start, and its epochs, as they took when they were recorded.
"""

from __future__ import annotations

import dataclasses
import heapq
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import keras_tuner
import numpy as np

from benchmarks.curves import Curves
from spaces import SequenceHyperModel
from spaces.values import active


class Seen(NamedTuple):
    """What a searcher was told: a configuration's accuracy after so many epochs, and when."""

    seconds: float
    strategy: str
    place: int
    epoch: int
    accuracy: float


@dataclasses.dataclass(frozen=True)
class World:
    """What there is to find.

    Attributes:
        curves: of each strategy.
        spaces: strategy to its search space.
        joint: the space of them all, with the hyperparameter `strategy`.
    """

    curves: Mapping[str, Curves]
    spaces: Mapping[str, keras_tuner.HyperParameters]
    joint: keras_tuner.HyperParameters
    _codes: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    _found: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Of the longest training."""
        return next(iter(self.curves.values())).accuracy.shape[1]

    def truth(self, strategy: str) -> np.ndarray:
        """What each configuration is worth: its mean accuracy over the last ninth of its epochs.

        One epoch's is noisy, and whoever chose by it would be right by definition.
        """
        accuracy = self.curves[strategy].accuracy
        return accuracy[:, -max(1, self.epochs // 9) :].mean(axis=1)

    @property
    def best(self) -> float:
        """The best that can be found."""
        return max(float(self.truth(name).max()) for name in self.curves)

    def setup(self, strategy: str, index: int) -> float:
        """Seconds until its first epoch can begin."""
        return float(self.curves[strategy].setup_seconds[index])

    def epoch_seconds(self, strategy: str, index: int) -> float:
        """Of one epoch."""
        return float(self.curves[strategy].epoch_seconds[index])

    def accuracy(self, strategy: str, index: int, epoch: int) -> float:
        """After so many epochs."""
        return float(self.curves[strategy].accuracy[index, epoch - 1])

    def loss(self, strategy: str, index: int, epoch: int) -> float:
        """After so many epochs."""
        return float(self.curves[strategy].loss[index, epoch - 1])

    def nearest(self, strategy: str, values: Mapping[str, Any]) -> int:
        """Which recorded configuration stands for these values: the one that differs least.

        A choice differs or does not; a number differs by its share of the range. What has no
        effect in one of the two differs.
        """
        name = strategy, repr(sorted(values.items()))
        if name not in self._found:
            if strategy not in self._codes:
                rows = [self._code(strategy, each) for each in self.curves[strategy].values]
                self._codes[strategy] = np.array(rows)
            code = self._code(strategy, values)
            self._found[name] = int(np.abs(self._codes[strategy] - code).sum(axis=1).argmin())
        return self._found[name]

    def _code(self, strategy: str, values: Mapping[str, Any]) -> np.ndarray:
        space = self.spaces[strategy]
        coded: list[float] = []
        for parameter in space.space:
            there = active(parameter, values) and parameter.name in values
            if isinstance(parameter, keras_tuner.engine.hyperparameters.Choice):
                options = list(dict.fromkeys(parameter.values))
                coded += [0.5 * (there and values[parameter.name] == each) for each in options]
            else:
                coded.append(parameter.value_to_prob(values[parameter.name]) if there else -1.0)
        return np.array(coded)


def world(curves: Mapping[str, Curves], image_shape: tuple[int, int, int], classes: int) -> World:
    """Returns the world of recorded curves."""
    spaces = {
        name: SequenceHyperModel(image_shape, classes, [name], decay_steps=1).space()
        for name in curves
    }
    joint = keras_tuner.HyperParameters()
    hypermodel = SequenceHyperModel(image_shape, classes, list(curves), decay_steps=1)
    for name in curves:  # each strategy's build declares its own
        joint.values["strategy"] = name
        hypermodel.build(joint)
    joint.values = {}
    return World(curves, spaces, joint)


class Start(NamedTuple):
    """A trial to train: of which strategy's which configuration, from which epoch to which."""

    strategy: str
    place: int
    first_epoch: int
    last_epoch: int


class Searcher(Protocol):
    """What is compared: asked for trials, told of every epoch."""

    def ask(self) -> tuple[Any, Start] | None:
        """Returns the next trial under a name of its own; None where it has none now."""

    def epoch(self, name: Any, epoch: int, accuracy: float, loss: float) -> bool:
        """Is told an epoch; returns whether the trial goes on, if it has not ended."""

    def end(self, name: Any) -> None:
        """Is told that a trial has ended, after its last epoch or since it was not to go on."""


def run(world: World, searcher: Searcher, seconds: float, workers: int = 1) -> list[Seen]:
    """Runs a search for so many simulated seconds, and returns what it saw, in order."""
    seen: list[Seen] = []
    events: list[tuple[float, int, Any, Start, Iterator[int]]] = []
    numbers = itertools.count()

    def begin(now: float) -> bool:
        asked = searcher.ask()
        if asked is None:
            return False
        name, start = asked
        epochs = iter(range(start.first_epoch + 1, start.last_epoch + 1))
        first = now + world.setup(start.strategy, start.place)
        first += world.epoch_seconds(start.strategy, start.place)
        heapq.heappush(events, (first, next(numbers), name, start, epochs))
        return True

    while len(events) < workers and begin(0.0):
        pass
    while events:
        now, _, name, start, epochs = heapq.heappop(events)
        if now > seconds:
            break
        epoch = next(epochs)
        accuracy = world.accuracy(start.strategy, start.place, epoch)
        loss = world.loss(start.strategy, start.place, epoch)
        seen.append(Seen(now, start.strategy, start.place, epoch, accuracy))
        goes_on = searcher.epoch(name, epoch, accuracy, loss)
        if epoch < start.last_epoch and goes_on:
            then = now + world.epoch_seconds(start.strategy, start.place)
            heapq.heappush(events, (then, next(numbers), name, start, epochs))
            continue
        searcher.end(name)
        while len(events) < workers and begin(now):
            pass
    return seen


# What a search has come to


def incumbents(
    seen: Sequence[Seen], times: Sequence[float], of: Callable[[Seen], object]
) -> list[dict[object, tuple[str, int]]]:
    """Returns at each time the best of each group so far: by each configuration's latest accuracy.

    Args:
        seen: in order.
        times: ascending.
        of: the group of each.
    """
    found: list[dict[object, tuple[str, int]]] = []
    latest: dict[tuple[str, int], Seen] = {}
    place = 0
    for time in times:
        while place < len(seen) and seen[place].seconds <= time:
            one = seen[place]
            known = latest.get((one.strategy, one.place))
            if known is None or one.epoch >= known.epoch:
                latest[one.strategy, one.place] = one
            place += 1
        best: dict[object, Seen] = {}
        for one in latest.values():
            group = of(one)
            if group not in best or one.accuracy > best[group].accuracy:
                best[group] = one
        found.append({group: (one.strategy, one.place) for group, one in best.items()})
    return found


def regrets(world: World, seen: Sequence[Seen], times: Sequence[float]) -> np.ndarray:
    """Returns at each time how much less the best so far is worth than the best there is."""
    worth = {name: world.truth(name) for name in world.curves}
    chance = min(float(each.min()) for each in worth.values())
    best = world.best
    return np.array(
        [
            best - (float(worth[found[None][0]][found[None][1]]) if found else chance)
            for found in incumbents(seen, times, lambda one: None)
        ]
    )


def arm_errors(world: World, seen: Sequence[Seen], times: Sequence[float]) -> np.ndarray:
    """Returns at each time, mean over strategies, how much less each one's best so far is worth.

    A strategy that has shown nothing yet counts with its worst configuration.
    """
    worth = {name: world.truth(name) for name in world.curves}
    errors = []
    for found in incumbents(seen, times, lambda one: one.strategy):
        each = [
            float(values.max() - (values[found[name][1]] if name in found else values.min()))
            for name, values in worth.items()
        ]
        errors.append(sum(each) / len(each))
    return np.array(errors)
