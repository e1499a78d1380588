"""Trials as small as they can be: their images, specs and what of their results must repeat."""

from __future__ import annotations

import collections
import dataclasses

import keras_tuner
import numpy as np

from search.data.datasets import Images
from search.hyperband.configurations import draw_all
from search.training.model import from_bytes
from search.training.spec import TrialSpec
from search.training.trial import run_trial
from spaces import SequenceHyperModel

CLASSES = 3
SHAPE = (8, 6, 1)
TIMES = {"peak_memory_bytes", "latency_ms"}


def images(count, seed):
    """Images whose class shows, if not clearly: a bright bar over noise."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, CLASSES, count).astype("int32")
    x = rng.integers(0, 160, (count, *SHAPE))
    x[np.arange(count), 2 * y] += 60
    return Images(x.astype("uint8"), y)


TRAIN, VALIDATION = images(44, seed=1), images(21, seed=2)


def values_of(strategy):
    """A configuration with everything random that there is: dropout, shifts and flips.

    One small LSTM, read forward: tracing is nearly all of what these tests cost.
    """
    space = keras_tuner.HyperParameters()
    SequenceHyperModel(SHAPE, CLASSES, [strategy], mirror=True, decay_steps=9).build(space)
    values = draw_all(space, {}, [(0, 0, 0)], ["test", strategy])[0, 0, 0]
    return values | {
        "dropout": 0.3,
        "augmentation": "shift_flip",
        "label_smoothing": 0.1,
        "schedule": "cosine",
        "direction": "forward",
        "lstm_layers": 1,
        "lstm_units": 16,
        "learning_rate": 0.003,
    }


def spec_of(strategy="lines", first_epoch=0, last_epoch=3, **changes):
    spec = TrialSpec(
        trial_id=f"{strategy}-{first_epoch}-{last_epoch}",
        strategy=strategy,
        hyperparameters=values_of(strategy),
        seed=7,
        first_epoch=first_epoch,
        last_epoch=last_epoch,
        max_epochs=9,
        batch_size=16,  # the last batch is smaller
        classes=CLASSES,
        mirror=True,
    )
    return dataclasses.replace(spec, **changes)


def run(spec, parent=None, on_epoch=None):
    return run_trial(spec, TRAIN, VALIDATION, parent, on_epoch)


def state(model):
    """Every number of a saved model and its optimizer, by place and kind.

    Layers that nobody named are numbered as a process makes them, so what they are called is left
    out.
    """
    loaded = from_bytes(model)
    found = {}
    for owner, variables in (("model", loaded.weights), ("optimizer", loaded.optimizer.variables)):
        for place, variable in enumerate(variables):
            # What dropout's generators hold is set anew from (seed, epoch) before every epoch.
            if "seed_gen" not in variable.path:
                kind = variable.name.split("_")[-1]
                found[f"{owner}/{place}/{kind}"] = np.asarray(variable)
    return found


def assert_same_state(one, other):
    one, other = state(one), state(other)
    assert one.keys() == other.keys()
    assert [name for name in one if not np.array_equal(one[name], other[name])] == []


def lasting(result):
    """What of a result does not depend on the clock."""
    columns = {name: value for name, value in result.columns.items() if name not in TIMES}
    return columns, values_by_epoch(result)


def values_by_epoch(*results):
    rows = [row for result in results for row in result.epochs]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def all_ended(workers, jobs):
    """Gives jobs to whoever is idle; returns the results by name, and what was told of each."""
    waiting, results, told = list(jobs), {}, collections.defaultdict(list)
    while waiting or workers.busy:
        for name in workers.idle():
            if waiting:
                workers.submit(waiting.pop(0), name)
        result = workers.next_result(lambda trial_id, row: told[trial_id].append(row))
        if result is not None:
            results[result.trial_id] = result
    return results, told
