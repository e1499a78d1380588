"""Search spaces to draw from, and the places to draw for."""

import json

import keras_tuner

from spaces import SequenceHyperModel

PLACES = [(0, bracket, slot) for bracket, size in ((2, 9), (1, 5), (0, 3)) for slot in range(size)]

KEY = (0, "digits", "lines")


def nested_space():
    """A space of 2 * 1 + (3 + 2 * 2) * 2 = 16 configurations: branches within branches."""
    space = keras_tuner.HyperParameters()
    space.Choice("kind", ["plain", "deep"])
    with space.conditional_scope("kind", ["deep"]):
        space.Choice("depth", [1, 2])
        with space.conditional_scope("depth", [1]):
            space.Int("units", 4, 6)
        with space.conditional_scope("depth", [2]):
            space.Int("units", 8, 16, step=8)  # the same name in another branch
            space.Boolean("skip")
    space.Choice("readout", ["last", "mean"])
    return space


NESTED = [
    *({"kind": "plain", "readout": r} for r in ("last", "mean")),
    *(
        {"kind": "deep", "depth": 1, "units": u, "readout": r}
        for u in (4, 5, 6)
        for r in ("last", "mean")
    ),
    *(
        {"kind": "deep", "depth": 2, "units": u, "skip": s, "readout": r}
        for u in (8, 16)
        for s in (True, False)
        for r in ("last", "mean")
    ),
]


def real_space(strategies=("lines", "cnn_lines")):
    """The space that `SequenceHyperModel` declares, as a tuner explores it."""
    oracle = keras_tuner.oracles.RandomSearchOracle("val_accuracy", max_trials=1)
    hypermodel = SequenceHyperModel((8, 8, 1), 10, strategies)
    for strategy in strategies:
        space = oracle.get_space()
        if len(strategies) > 1:
            space.values["strategy"] = strategy
        hypermodel.build(space)
        oracle.update_space(space)
    return oracle.get_space()


def texts(configurations):
    return sorted(json.dumps(values, sort_keys=True) for values in configurations)
