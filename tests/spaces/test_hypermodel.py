"""The hypermodel: stock tuners run it, its space has no two names for one model, and it resumes."""

from __future__ import annotations

import functools
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest
from keras import layers

import spaces.training.randomness
from spaces import STRATEGIES, SequenceHyperModel
from spaces.blocks import MAX_TIMESTEPS, convolution_stack, depths, halvings, pooled_positions
from spaces.strategies.cnn_flat import FILTERS
from spaces.training.batches import targets

SHAPE, CLASSES = (6, 6, 1), 3
ALL = list(STRATEGIES)
ROOT = Path(__file__).parents[2]


@functools.cache
def images(count=60, shape=SHAPE):
    """Random images, brighter with their label, so that there is something to learn."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, count)
    return (rng.integers(0, 86, (count, *shape)) + 85 * labels[:, None, None, None]).astype(
        "uint8"
    ), labels


def with_values(**values):
    hp = keras_tuner.HyperParameters()
    hp.values.update(values)
    return hp


def arrays(variables):
    return [keras.ops.convert_to_numpy(variable) for variable in variables]


def equal(some, others):
    return len(some) == len(others) and all(map(np.array_equal, some, others))


# Under stock tuners


def check_search(tuner, trials):
    """All trials completed; returns the best model and the best score."""
    assert len(tuner.oracle.trials) >= trials
    for trial in tuner.oracle.trials.values():
        assert trial.status == "COMPLETED", trial.message
        assert 0 <= trial.score <= 1
    best = tuner.get_best_models(1)[0]
    return best, max(trial.score for trial in tuner.oracle.trials.values())


def accuracy(model, x, y):
    logits = keras.ops.convert_to_numpy(model(x.astype("float32")))
    return np.mean(logits.argmax(axis=1) == y)


@pytest.mark.parametrize(
    ("tuner", "strategies", "options"),
    [
        (keras_tuner.RandomSearch, ["lines", "patches", "cnn_control"], {"max_trials": 4}),
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


# The space


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


def hypermodel_of(strategies, shape):
    return SequenceHyperModel(shape, CLASSES, strategies, mirror=True, decay_steps=36)


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


@pytest.mark.parametrize("name", ALL)
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
    for _ in range(6):
        values = sample(space_of(tuple(ALL), SHAPE), rng)
        assert effect(hypermodel, values) == effect(hypermodel, dict(reversed(values.items())))


@pytest.mark.parametrize("shape", [SHAPE, (2, 7, 3), (28, 40, 1)], ids=str)
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
    rng = np.random.default_rng(3)
    for _ in range(3):
        values = sample(space_of((name,), SHAPE), rng)
        own = {key for key in values if f"{name}/{key}" in scoped}
        assert "dropout" in own and "learning_rate" not in own
        renamed = {f"{name}/{key}" if key in own else key: value for key, value in values.items()}
        assert effect(alone, values) == effect(joint, {"strategy": name, **renamed})


def test_flips_and_schedules_are_offered_only_where_they_make_sense():
    for mirror, steps in itertools.product([False, True], [None, 10]):
        hp = keras_tuner.HyperParameters()
        SequenceHyperModel(SHAPE, CLASSES, ["lines"], mirror=mirror, decay_steps=steps).build(hp)
        offered = {parameter.name: parameter for parameter in hp.space}
        assert ("shift_flip" in offered["augmentation"].values) == mirror
        assert ("schedule" in offered) == (steps is not None)


# Ranges follow the image's size


def sides_after(length, blocks):
    """A side after each pooling by two; an odd one keeps its last pixel."""
    sides = []
    for _ in range(blocks):
        length = (length + 1) // 2
        sides.append(length)
    return sides


def test_no_depth_pools_below_2x2():
    for height, width in itertools.product(range(1, 65), repeat=2):
        allowed = depths(height, width)
        assert allowed == list(range(allowed[0], allowed[0] + len(allowed)))
        assert 1 <= len(allowed) <= 3
        if min(height, width) <= 2:  # cannot be pooled
            assert pooled_positions(height, width, allowed[-1]) == height * width
            continue
        for depth in allowed:
            down, across = sides_after(height, depth), sides_after(width, depth)
            assert min(down + across) >= 2
            assert pooled_positions(height, width, depth) == down[-1] * across[-1]
        # And none is kept back: one more would, or three are enough.
        more = allowed[-1] + 1
        assert len(allowed) == 3 or min(sides_after(min(height, width), more)) < 2
        assert pooled_positions(height, width, allowed[0]) <= MAX_TIMESTEPS
        assert allowed[0] == 1 or pooled_positions(height, width, allowed[0] - 1) > MAX_TIMESTEPS


SIZES = [
    (1, 1),
    (1, 9),
    (2, 2),
    (2, 30),
    (3, 3),
    (3, 4),
    (4, 4),
    (5, 5),
    (7, 50),
    (64, 3),
    (64, 64),
]


@pytest.mark.parametrize("pooling", ["max", "average", "stride"])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_feature_maps_are_as_large_as_the_arithmetic_says(size, pooling):
    for depth in depths(*size):
        hp = with_values(pooling=pooling)
        feature_map = convolution_stack(keras.Input((*size, 1)), hp, [1] * depth)
        _, down, across, _ = feature_map.shape
        assert down * across == pooled_positions(*size, depth)
        assert min(down, across) >= min(2, *size)
        assert ("pooling" in {parameter.name for parameter in hp.space}) == (min(size) > 2)


@pytest.mark.parametrize("axis", ["rows", "columns"])
@pytest.mark.parametrize(
    "size", [(1, 9), (9, 1), (2, 30), (3, 3), (4, 9), (30, 64), (64, 7)], ids=str
)
def test_line_cnn_keeps_every_line_and_two_pixels_of_each(size, axis):
    hp = keras_tuner.HyperParameters()
    STRATEGIES["line_cnn"].build(keras.Input((*size, 1)), hp)
    deepest = max(hp.space, key=lambda parameter: parameter.name == "depth").max_value
    assert 1 <= deepest <= 3
    images = keras.Input((*size, 1))
    features = STRATEGIES["line_cnn"].build(images, with_values(axis=axis, depth=deepest))
    _, lines, across, _ = keras.Model(images, features).get_layer("sequence").input.shape
    assert lines == size[axis == "columns"]
    pixels = size[axis == "rows"]
    assert min(2, pixels) <= across <= pixels
    assert deepest <= max(1, halvings(min(size)))


@pytest.mark.parametrize(
    "size", [(8, 8), (28, 28), (32, 32), (64, 64), (96, 64), (224, 224)], ids=str
)
def test_long_sequences_stay_within_the_bound(size):
    images = keras.Input((*size, 3))

    def timesteps(strategy, **values):
        features = STRATEGIES[strategy].build(images, with_values(**values))
        return keras.Model(images, features).get_layer("sequence").output.shape[1:]

    flat = []
    for depth in depths(*size, MAX_TIMESTEPS // max(FILTERS)):
        for filters in (min(FILTERS), max(FILTERS)):
            steps, features = timesteps("cnn_flat", depth=depth, last_filters=filters)
            assert features == 1
            assert steps == pooled_positions(*size, depth) * filters
            flat.append(steps)
    assert max(flat) <= MAX_TIMESTEPS
    for depth in depths(*size):
        steps, _ = timesteps("cnn_lines", axis="positions", depth=depth, filters=8)
        assert steps == pooled_positions(*size, depth) <= MAX_TIMESTEPS


def test_an_image_that_gives_too_long_a_sequence_is_refused_or_the_axis_not_offered():
    images = keras.Input((3, 4000, 1))
    with pytest.raises(ValueError, match="1024 timesteps"):
        STRATEGIES["cnn_flat"].build(images, keras_tuner.HyperParameters())
    hp = keras_tuner.HyperParameters()
    STRATEGIES["cnn_lines"].build(images, hp)
    assert {p.name: p for p in hp.space}["axis"].values == ["rows", "columns"]


# The model

FULL = {"lstm_layers": 2, "direction": "both", "readout": "first_last"}


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


def count_traces(model):
    """Counts how often Python runs through the training step from now on."""
    traces, step = [], model.train_step

    def counted(*data):
        traces.append(1)
        return step(*data)

    model.train_step = counted
    return traces


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts TensorFlow's traces")
def test_the_training_step_is_traced_once(tmp_path):
    x, y = images()
    hypermodel, hp = hypermodel_of(("lines",), SHAPE), keras_tuner.HyperParameters()
    model = hypermodel.build(hp)
    paths = [variable.path for variable in model.optimizer.variables]
    assert len(paths) >= 2 * len(model.trainable_variables)
    for epoch in (0, 1):
        traces = count_traces(model)
        hypermodel.fit(hp, model, x, y, initial_epoch=epoch, epochs=epoch + 1, batch_size=32)
        assert len(traces) == 1
        assert len(model.optimizer.variables) == len(paths)
        model.save(tmp_path / "model.keras")
        model = keras.models.load_model(tmp_path / "model.keras")


def test_the_score_is_measured_without_smoothing_or_augmentation():
    x, y = images()
    hypermodel = SequenceHyperModel(SHAPE, CLASSES, ["lines"], mirror=True)
    hp = with_values(label_smoothing=0.1, augmentation="shift_flip", dropout=0.5)
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, x[:40], y[:40], validation_data=(x[40:], y[40:]))
    logits = keras.ops.convert_to_numpy(model(x[40:]))
    loss = keras.ops.categorical_crossentropy(targets(y[40:], CLASSES), logits, from_logits=True)
    assert history.history["val_loss"][0] == pytest.approx(float(keras.ops.mean(loss)), rel=1e-4)
    assert history.history["val_accuracy"][0] == pytest.approx(accuracy(model, x[40:], y[40:]))


# Continuation

CONFIGURATION = {
    "dropout": 0.3,
    "augmentation": "shift_flip",
    "label_smoothing": 0.1,
    "schedule": "cosine",
    "direction": "both",
}


def train(strategy, pieces, directory):
    """Trains in pieces, each from the `.keras` file of the one before, as in another process.

    Returns:
        all weights and all variables of the optimizer.
    """
    x, y = images(44, (8, 8, 1))
    hypermodel = SequenceHyperModel(
        (8, 8, 1), CLASSES, [strategy], mirror=True, decay_steps=27, seed=7
    )
    hp = with_values(**CONFIGURATION)
    file, begin = directory / "model.keras", 0
    for end in pieces:
        model = keras.models.load_model(file) if begin else hypermodel.build(hp)
        # Another process knows nothing of this one's generators.
        keras.utils.set_random_seed(1000 + begin)
        hypermodel.fit(hp, model, x, y, initial_epoch=begin, epochs=end, batch_size=16)
        model.save(file)
        begin = end
    return arrays(model.weights), arrays(model.optimizer.variables)


def test_1_plus_2_plus_6_epochs_equal_9_bit_for_bit(tmp_path):
    weights, optimizer = train("cnn_lines", [9], tmp_path)
    resumed_weights, resumed_optimizer = train("cnn_lines", [1, 3, 9], tmp_path)
    assert equal(weights, resumed_weights)
    assert equal(optimizer, resumed_optimizer)
    assert 27 in [int(value) for value in optimizer if value.shape == ()], "9 epochs of 3 steps"


def test_without_the_assignment_at_each_epoch_they_would_differ(tmp_path, monkeypatch):
    # The same training as above, shorter: so the test above would notice.
    monkeypatch.setattr(spaces.training.randomness, "seed_states", lambda model: [])
    assert not equal(train("cnn_lines", [2], tmp_path)[0], train("cnn_lines", [1, 2], tmp_path)[0])


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it is what runs under JAX")
@pytest.mark.slow
def test_continuation_is_exact_under_jax(tmp_path):
    pytest.importorskip("jax")
    node = f"{Path(__file__).name}::{test_1_plus_2_plus_6_epochs_equal_9_bit_for_bit.__name__}"
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        # The pieces compile the same step; once is enough.
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"tests/{node}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
