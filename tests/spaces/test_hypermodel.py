"""The hypermodel: stock tuners run it, and its space has no two names for one model."""

from __future__ import annotations

import functools
import itertools
import json

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

from spaces import STRATEGIES, SequenceHyperModel
from spaces.cost import cost
from tests.support.models import (
    ALL,
    CLASSES,
    FULL,
    SHAPE,
    accuracy,
    arrays,
    equal,
    hypermodel_of,
    images,
    with_values,
)


def check_search(tuner, trials):
    """All trials completed; returns the best model and the best score."""
    assert len(tuner.oracle.trials) >= trials
    for trial in tuner.oracle.trials.values():
        assert trial.status == "COMPLETED", trial.message
        assert 0 <= trial.score <= 1
    best = tuner.get_best_models(1)[0]
    return best, max(trial.score for trial in tuner.oracle.trials.values())


@pytest.mark.parametrize(
    ("tuner", "strategies", "options"),
    [
        (keras_tuner.RandomSearch, ["lines", "cnn_control"], {"max_trials": 3}),
        pytest.param(
            keras_tuner.BayesianOptimization,
            ["cnn_lines", "line_cnn"],
            {"max_trials": 3, "num_initial_points": 2},
            marks=pytest.mark.slow,
        ),
        (keras_tuner.Hyperband, ["lines", "cnn_flat"], {"max_epochs": 2, "factor": 2}),
    ],
    ids=["random", "bayesian", "hyperband"],
)
def test_stock_tuners_run_it_unchanged(tuner, strategies, options, tmp_path):
    x, y = images()
    hypermodel = SequenceHyperModel(SHAPE, CLASSES, strategies, mirror=True, decay_steps=4)
    search = tuner(hypermodel, "val_accuracy", seed=1, directory=tmp_path, **options)
    search.search(x[:40], y[:40], validation_data=(x[40:], y[40:]), epochs=2)
    best, score = check_search(search, trials=3)
    assert accuracy(best, x[40:], y[40:]) == pytest.approx(score)


def test_stock_tuner_with_validation_split_and_one_strategy(tmp_path):
    x, y = images()
    search = keras_tuner.RandomSearch(
        SequenceHyperModel(SHAPE, CLASSES, ["lines"]), "val_accuracy", 1, seed=1, directory=tmp_path
    )
    search.search(x, y, validation_split=0.25, epochs=1)
    best, score = check_search(search, trials=1)
    # Keras's own meaning of the word: the last quarter.
    assert accuracy(best, x[45:], y[45:]) == pytest.approx(score)


@pytest.fixture(scope="module")
def space_of(tmp_path_factory):
    """The whole space as a stock tuner finds it, by building under every condition."""

    @functools.cache
    def space(strategies, shape):
        hypermodel = hypermodel_of(strategies, shape)
        directory = tmp_path_factory.mktemp("space")
        tuner = keras_tuner.RandomSearch(hypermodel, "val_accuracy", 1, directory=directory)
        return tuner.oracle.get_space()

    return space


def sample(space, rng):
    """Random values of the active parameters; what others depend on comes first in a space."""
    hp = space.copy()
    hp.values = {}
    for parameter in hp.space:
        if hp.is_active(parameter):
            hp.values[parameter.name] = parameter.random_sample(int(rng.integers(2**31)))
    return hp.values


def neighbours(space, values, rng):
    """Values dicts that differ from this one in one parameter: in each, to each of its values."""
    for parameter in space.space:
        if hasattr(parameter, "sampling") and isinstance(parameter.default, float):
            others = [parameter.random_sample(int(rng.integers(2**31))) for _ in range(2)]
        else:
            others = list(parameter.values)
        for other in others:
            if other != values[parameter.name]:
                yield {**values, parameter.name: other}


def unlike_the_defaults(space, rng):
    """Random values, of which none is what a parameter has that is not found, if it can differ."""
    values = {parameter.name: parameter.default for parameter in space.space}
    for parameter in space.space:
        others = [parameter.random_sample(int(rng.integers(2**31))) for _ in range(30)]
        different = [value for value in others if value != parameter.default]
        values[parameter.name] = different[0] if different else parameter.default
    assert len(set(values.items()) - {(p.name, p.default) for p in space.space}) >= 8
    return values


def effect(hypermodel, values):
    """All that a configuration changes, as text: two that share it are one."""
    keras.backend.clear_session(free_memory=False)  # otherwise layers that name themselves count on
    hp = with_values(**values)
    model = hypermodel.build(hp)
    optimizer = keras.optimizers.serialize(model.optimizer)
    read_by_fit = hp.get("augmentation"), hp.get("label_smoothing")
    return json.dumps([model.get_config(), optimizer, read_by_fit], sort_keys=True, default=float)


def check_no_two_share_a_model(hypermodel, space, rng, bases, samples):
    drawn = [sample(space, rng) for _ in range(samples)]
    near = [list(neighbours(space, values, rng)) for values in drawn[:bases]]
    different = {json.dumps(values, sort_keys=True) for values in [*drawn, *itertools.chain(*near)]}
    effects = {effect(hypermodel, json.loads(values)) for values in different}
    assert len(effects) == len(different) > samples


# That every value of a strategy's own parameters makes another model is the contract's affair, in
# test_strategies.py. What the hypermodel adds to them is the same for all, but for a control, which
# has no sequence.
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[] if n in ("lines", "cnn_control") else pytest.mark.slow) for n in ALL],
)
def test_no_two_values_dicts_share_a_model(name, space_of):
    space, hypermodel = space_of((name,), SHAPE), hypermodel_of((name,), SHAPE)
    check_no_two_share_a_model(hypermodel, space, np.random.default_rng(0), bases=1, samples=4)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(6, 6, 1), (2, 7, 3), (5, 2, 1), (3, 3, 4), (13, 8, 1)], ids=str)
@pytest.mark.parametrize("name", ALL)
def test_no_two_values_dicts_share_a_model_at_any_size(name, shape, space_of):
    space, hypermodel = space_of((name,), shape), hypermodel_of((name,), shape)
    check_no_two_share_a_model(hypermodel, space, np.random.default_rng(1), bases=2, samples=60)


def test_the_same_values_are_the_same_model(space_of):
    # Without this, models that merely never repeat would pass the tests above.
    hypermodel = hypermodel_of(tuple(ALL), SHAPE)
    rng = np.random.default_rng(2)
    for _ in range(3):
        values = sample(space_of(tuple(ALL), SHAPE), rng)
        assert effect(hypermodel, values) == effect(hypermodel, dict(reversed(values.items())))


@pytest.mark.parametrize(
    "shape", [SHAPE, (2, 7, 3), pytest.param((28, 40, 1), marks=pytest.mark.slow)], ids=str
)
def test_each_name_is_declared_once_under_one_condition(shape, space_of):
    # KerasTuner drops the value of a name that is active under one condition and not under another.
    space = space_of(tuple(ALL), shape)
    names = [parameter.name for parameter in space.space]
    assert len(set(names)) == len(names)
    assert {name.split("/")[0] for name in names if "/" in name} == set(ALL)
    for parameter in space.space:
        needs = [condition.values for condition in parameter.conditions]
        owner = [[parameter.name.split("/")[0]]] if "/" in parameter.name else []
        assert needs == owner, parameter.name


@pytest.mark.parametrize("name", ALL)
def test_one_strategy_alone_has_the_same_space_under_plain_names(name, space_of):
    alone, joint = space_of((name,), SHAPE), space_of(tuple(ALL), SHAPE)
    assert not any("/" in parameter.name for parameter in alone.space)
    assert not any(parameter.conditions for parameter in alone.space)

    def ranges(space, strip=""):
        return {
            p.name.removeprefix(strip): {
                key: value
                for key, value in p.get_config().items()
                if key not in ("name", "conditions")
            }
            for p in space.space
        }

    there = ranges(joint, f"{name}/")
    others = {key for key in there if "/" in key} | {"strategy"}
    assert ranges(alone) == {key: value for key, value in there.items() if key not in others}


@pytest.mark.parametrize("name", ALL)
def test_one_strategy_alone_builds_the_model_it_builds_among_others(name, space_of):
    alone, joint = hypermodel_of((name,), SHAPE), hypermodel_of(tuple(ALL), SHAPE)
    scoped = {parameter.name for parameter in space_of(tuple(ALL), SHAPE).space}
    values = unlike_the_defaults(space_of((name,), SHAPE), np.random.default_rng(3))
    own = {key for key in values if f"{name}/{key}" in scoped}
    assert "dropout" in own and "learning_rate" not in own
    renamed = {f"{name}/{key}" if key in own else key: value for key, value in values.items()}
    assert effect(alone, values) == effect(joint, {"strategy": name, **renamed})


@pytest.mark.parametrize("shape", [SHAPE, (28, 28, 1), (5, 9, 3)], ids=str)
@pytest.mark.parametrize("name", ALL)
def test_without_weights_the_space_and_the_cost_are_those_of_the_model(name, shape):
    hypermodel = hypermodel_of((name,), shape)
    built = keras_tuner.HyperParameters()
    hypermodel.build(built)
    space = hypermodel.space()
    assert space.get_config() == built.get_config()
    rng = np.random.default_rng(0)
    for values in [{}, *(sample(space, rng) for _ in range(3))]:
        hp = with_values(**values)
        assert hypermodel.cost(hp) == cost(hypermodel.build(hp))


def test_flips_and_schedules_are_offered_only_where_they_make_sense():
    for mirror, steps in itertools.product([False, True], [None, 10]):
        hp = keras_tuner.HyperParameters()
        SequenceHyperModel(SHAPE, CLASSES, ["lines"], mirror=mirror, decay_steps=steps).build(hp)
        offered = {parameter.name: parameter for parameter in hp.space}
        assert ("shift_flip" in offered["augmentation"].values) == mirror
        assert ("schedule" in offered) == (steps is not None)


@pytest.mark.parametrize("name", ALL)
def test_training_and_inference_agree_where_there_is_no_dropout(name):
    # No running statistics that lag in the first epochs.
    x = images()[0][:8].astype("float32")
    model = hypermodel_of((name,), SHAPE).build(with_values(dropout=0.0, **FULL))
    assert equal(arrays([model(x, training=True)]), arrays([model(x, training=False)]))
    assert not any(isinstance(layer, layers.BatchNormalization) for layer in model.layers)
    assert not model.non_trainable_weights
    # Dropout is seen, so a difference would be.
    model = hypermodel_of((name,), SHAPE).build(with_values(dropout=0.5, **FULL))
    assert not equal(arrays([model(x, training=True)]), arrays([model(x, training=False)]))


@pytest.mark.parametrize("name", ALL)
def test_bytes_and_floats_of_the_same_image_are_the_same(name):
    model = hypermodel_of((name,), SHAPE).build(keras_tuner.HyperParameters())
    x = images()[0][:8]
    assert x.dtype == np.uint8
    outputs = arrays([model(x)])
    assert outputs[0].shape == (8, CLASSES)
    assert np.ptp(outputs[0]) > 0
    assert equal(outputs, arrays([model(x.astype("float32"))]))


@pytest.mark.parametrize("name", ALL)
def test_the_seed_decides_the_initial_weights(name):
    def weights(seed):
        hypermodel = SequenceHyperModel(SHAPE, CLASSES, [name], seed=seed)
        return arrays(hypermodel.build(with_values(**FULL)).weights)

    first = weights(5)
    keras.utils.set_random_seed(99)
    assert equal(first, weights(5))
    other = weights(6)
    random = [index for index, weight in enumerate(first) if np.ptp(weight) and weight.ndim > 1]
    # Two kernels a direction and layer, and the logits'; the control has no LSTM.
    assert len(random) >= (9 if STRATEGIES[name].recurrent else 2)
    assert not any(np.array_equal(first[index], other[index]) for index in random)


@pytest.mark.parametrize("name", ALL)
def test_a_saved_model_opens_in_safe_mode_and_gives_the_same(name, tmp_path):
    x = images()[0][:8].astype("float32")
    model = hypermodel_of((name,), SHAPE).build(with_values(dropout=0.3, schedule="cosine", **FULL))
    model.save(tmp_path / "model.keras")
    opened = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
    assert equal(arrays([model(x)]), arrays([opened(x)]))
