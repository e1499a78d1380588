"""The contract, over the whole registry: a new strategy is tested by its line there."""

from __future__ import annotations

import functools
import importlib
import json
import os
import subprocess
import sys

import keras
import keras_tuner
import numpy as np
import pytest

from spaces import STRATEGIES
from spaces.blocks import MAX_TIMESTEPS

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (17, 23, 3), (64, 64, 3)]
TINY = [(2, 2, 1), (2, 9, 3), (3, 3, 4), (5, 3, 1), (4, 4, 3), (100, 10, 1), (1, 12, 1)]
RECURRENT = [name for name, strategy in STRATEGIES.items() if strategy.recurrent]
# Differentiating takes seconds each; the oddest is tried every time.
CASES = [
    pytest.param(
        name,
        shape,
        id=f"{name}-{'x'.join(map(str, shape))}",
        marks=[] if shape == (17, 23, 3) else [pytest.mark.slow],
    )
    for name in STRATEGIES
    for shape in SHAPES
]


def build(name, shape, values=None):
    """Builds a strategy's model; `values` it does not declare are left aside.

    Returns:
        The model, images -> features, and the hyperparameters it declared.
    """
    # Or the names of unnamed layers would count on, and no two configurations ever be equal.
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values or {})
    images = keras.Input(shape, name="images")
    features = STRATEGIES[name].build(images, hp)
    return keras.Model(images, features, name=name), hp


@functools.cache
def space(name, shape):
    """A strategy's parameters by name, as the default configuration declares them."""
    return build(name, shape)[1]


def choices(name, parameter, shape=(17, 23, 3)):
    """The values that a parameter may take; none where a strategy does not have it."""
    found = [p for p in space(name, shape).space if p.name == parameter]
    return list(found[0].values) if found else []


def sample(hp, rng):
    """Draws values for all parameters that are active."""
    drawn = hp.copy()
    drawn.values = {}
    for parameter in hp.space:
        if drawn.is_active(parameter):
            drawn.values[parameter.name] = parameter.random_sample(int(rng.integers(2**31)))
    return drawn.values


def random_images(shape, count=4, seed=0):
    """Images (count, height, width, channels) with values from -1 to 1."""
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape)).astype("float32")


def outputs(model, images):
    """What a model gives, without the compilation that costs `predict` most of its time."""
    return keras.ops.convert_to_numpy(model(images))


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_strategy_is_named_after_its_file(name):
    strategy = STRATEGIES[name]
    assert strategy.name == name
    assert importlib.import_module(f"spaces.strategies.{name}").STRATEGY is strategy
    assert strategy.summary and strategy.reference and "\n" not in strategy.summary


def test_there_is_one_control():
    assert [name for name in STRATEGIES if name not in RECURRENT] == ["cnn_control"]


def check_every_pixel_counts(name, shape, values):
    """The output is finite, and every pixel has a gradient."""
    import tensorflow as tf

    # With the mean over time every timestep has a short way to the output. Through a thousand
    # timesteps of an untrained LSTM a gradient is no more than zero in float32.
    if "mean" in choices(name, "readout", shape):
        values = {**values, "readout": "mean"}
    model, _ = build(name, shape, values)
    images = tf.constant(random_images(shape))

    @tf.function
    def features_and_gradient():
        with tf.GradientTape() as tape:
            tape.watch(images)
            features = model(images)
            weights = tf.random.stateless_normal(features.shape, [0, 0])
            mixed = tf.reduce_sum(features * weights)
        return features, tape.gradient(mixed, images)

    features, gradient = features_and_gradient()
    assert len(features.shape) == 2 and np.all(np.isfinite(features))
    seen = np.abs(gradient).max(axis=(0, 3)) > 0
    assert np.all(seen), f"{np.sum(~seen)} of {seen.size} pixels have no gradient: {values}"


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_output_is_finite_and_every_pixel_counts(name, shape):
    check_every_pixel_counts(name, shape, {})


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_pixel_counts_in_any_configuration(name):
    for values in configurations(name, (17, 23, 3), 4):
        check_every_pixel_counts(name, (17, 23, 3), values)


@pytest.mark.parametrize(("name", "shape"), [case.values for case in CASES])
def test_the_sequence_is_a_layer_of_batch_timesteps_features(name, shape):
    model, _ = build(name, shape)
    named = {layer.name: layer for layer in model.layers}
    if name not in RECURRENT:
        assert "sequence" not in named
        return
    batch, timesteps, features = named["sequence"].output.shape
    assert batch is None and features >= 1
    assert 2 <= timesteps <= MAX_TIMESTEPS


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        # Of a 17×23 image with three channels: odd, oblong and in colour.
        ("lines", {"axis": "rows"}, (17, 23 * 3)),
        ("lines", {"axis": "columns"}, (23, 17 * 3)),
        ("cnn_lines", {"axis": "rows", "depth": 1, "filters": 8}, (9, 12 * 8)),
        ("cnn_lines", {"axis": "columns", "depth": 1, "filters": 8}, (12, 9 * 8)),
        ("cnn_lines", {"axis": "positions", "depth": 1, "filters": 8}, (9 * 12, 8)),
        ("cnn_flat", {"depth": 2, "last_filters": 8}, (5 * 6 * 8, 1)),
        ("line_cnn", {"axis": "rows", "depth": 1, "filters": 8}, (17, 12 * 8)),
        ("line_cnn", {"axis": "columns", "depth": 1, "filters": 8}, (23, 9 * 8)),
        ("patches", {"patch": 4, "embedding": 32}, (5 * 6, 32)),
        ("pixels", {}, (17 * 23, 3)),
        ("hierarchical", {"line_units": 8, "line_direction": "both"}, (17, 2 * 8)),
        ("sweeps", {"axis": "columns", "patch": 4, "lstm_units": 16}, (6, 5 * 2 * 16)),
        ("conv_sweeps", {"depth": 2, "filters": 16}, (5, 6 * 32)),
        ("conv_lstm", {"axis": "columns", "patch": 1}, (23, 17 * 3)),
        ("conv_lstm", {"axis": "rows", "patch": 2}, (9, 12 * 12)),
    ],
)
def test_the_sequence_is_as_documented(name, values, expected):
    model, hp = build(name, (17, 23, 3), values)
    assert values.items() <= hp.values.items()
    assert model.get_layer("sequence").output.shape[1:] == expected


def test_28_28_3_is_28_timesteps_of_84_features_not_of_784():
    model, _ = build("lines", (28, 28, 3))
    assert model.get_layer("sequence").output.shape == (None, 28, 84)


def test_large_images_are_averaged_down_to_the_pixels_that_are_allowed():
    model, _ = build("pixels", (64, 64, 3))
    assert model.get_layer("sequence").output.shape == (None, 32 * 32, 3)


@pytest.mark.parametrize("shape", TINY)
@pytest.mark.parametrize("name", STRATEGIES)
def test_tiny_and_oblong_images_build_in_any_configuration(name, shape):
    values = sample(space(name, shape), np.random.default_rng(0))
    model, _ = build(name, shape, values)
    assert None not in model.output.shape[1:]


@pytest.mark.parametrize("name", STRATEGIES)
def test_models_are_made_of_stock_layers_and_operations(name):
    model, _ = build(name, (28, 28, 1), {"scan": "hilbert"})
    for operation in model.operations:
        kind = type(operation)
        stock = kind is getattr(keras.layers, kind.__name__, None)
        assert kind.__name__ != "Lambda"
        assert stock or kind.__module__.startswith("keras.src.ops."), kind


@pytest.mark.parametrize("name", [n for n in STRATEGIES if "columns" in choices(n, "axis")])
def test_columns_are_the_rows_of_the_transposed_image(name):
    rng = np.random.default_rng(1)
    image = random_images((9, 14, 3))
    for _ in range(2):
        values = sample(space(name, (9, 14, 3)), rng)
        columns, _ = build(name, (9, 14, 3), {**values, "axis": "columns"})
        rows, _ = build(name, (14, 9, 3), {**values, "axis": "rows"})
        rows.set_weights(columns.get_weights())
        np.testing.assert_allclose(
            outputs(columns, image),
            outputs(rows, image.transpose(0, 2, 1, 3)),
            atol=1e-5,
            err_msg=str(values),
        )


@pytest.mark.parametrize("name", [n for n in STRATEGIES if "last" in choices(n, "readout")])
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_no_output_knows_of_timesteps_that_come_after_it(name, direction):
    values = {"direction": direction, "readout": "last", "lstm_layers": 2}
    model, hp = build(name, (8, 8, 1), values)
    assert values.items() <= hp.values.items()
    steps = model.get_layer("sequence").output
    first_lstm = keras.Model(steps, model.get_layer("lstm_0").output)
    before = random_images(steps.shape[1:], count=2)
    after = before.copy()
    read_last = -1 if direction == "forward" else 0
    after[:, read_last] += 1
    old, new = outputs(first_lstm, before), outputs(first_lstm, after)
    # Outputs come in the order of reading, so the last is the last in both directions.
    np.testing.assert_array_equal(old[:, :-1], new[:, :-1])
    assert np.any(old[:, -1] != new[:, -1])


def configurations(name, shape, count):
    """Up to `count` random configurations, no two alike."""
    rng = np.random.default_rng(2)
    found = {}
    for _ in range(20 * count):
        values = sample(space(name, shape), rng)
        found.setdefault(json.dumps(values, sort_keys=True), values)
        if len(found) == count:
            break
    return list(found.values())


def check_configurations(name, shape, values_of_each):
    """Configurations build, declare what the first did, and are models of their own."""
    declared = [parameter.name for parameter in space(name, shape).space]
    models = {}
    for values in values_of_each:
        model, hp = build(name, shape, values)
        assert [parameter.name for parameter in hp.space] == declared
        assert hp.values == values
        if name in RECURRENT:
            assert model.get_layer("sequence").output.shape[1] <= MAX_TIMESTEPS
        config = json.dumps(model.get_config(), sort_keys=True, default=str)
        assert config not in models, f"{values} and {models[config]} are the same model"
        models[config] = values


@pytest.mark.parametrize("shape", [(2, 2, 1), pytest.param((8, 8, 1), marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", STRATEGIES)
def test_every_value_of_every_parameter_makes_another_model(name, shape):
    base = sample(space(name, shape), np.random.default_rng(4))
    found = [base]
    for parameter in space(name, shape).space:
        for value in parameter.values:
            if value != base.get(parameter.name):
                found.append({**base, parameter.name: value})
    check_configurations(name, shape, found)


@pytest.mark.slow
@pytest.mark.parametrize("name", STRATEGIES)
def test_200_configurations_build_and_differ(name):
    check_configurations(name, (28, 28, 1), configurations(name, (28, 28, 1), 200))


# Neither `spaces` nor anything else of this project: a saved model has to open anywhere.
OPEN_ELSEWHERE = """
import pathlib, sys
import keras, numpy
folder = pathlib.Path(sys.argv[1])
images = numpy.load(folder / "images.npy")
outputs = {}
for path in sorted(folder.glob("*.keras")):
    model = keras.models.load_model(path, safe_mode=True)
    outputs[path.stem] = model.predict(images, verbose=0)
assert not any(name.split(".")[0] == "spaces" for name in sys.modules)
numpy.savez(folder / f"{keras.backend.backend()}.npz", **outputs)
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A folder with a saved model of each strategy, and their outputs by name."""
    folder = tmp_path_factory.mktemp("saved")
    shape = (9, 14, 3)
    images = random_images(shape)
    np.save(folder / "images.npy", images)
    expected = {}
    for name in STRATEGIES:
        drawn = sample(space(name, shape), np.random.default_rng(3))
        model, _ = build(name, shape, {**drawn, "scan": "hilbert"})
        model.save(folder / f"{name}.keras")
        expected[name] = outputs(model, images)
    return folder, expected


@pytest.mark.parametrize(
    ("backend", "tolerance"),
    [
        ("tensorflow", 1e-6),
        pytest.param("jax", 1e-4, marks=pytest.mark.slow),
    ],
)
def test_a_saved_model_opens_in_a_fresh_process_and_answers_the_same(
    saved, tmp_path, backend, tolerance
):
    folder, expected = saved
    done = subprocess.run(
        [sys.executable, "-c", OPEN_ELSEWHERE, str(folder)],
        cwd=tmp_path,
        # Without optimization: XLA compiles in half the time, and these models are small.
        env={
            **os.environ,
            "KERAS_BACKEND": backend,
            "PYTHONPATH": "",
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = np.load(folder / f"{backend}.npz")
    assert set(found) == set(expected) == set(STRATEGIES)
    for name, output in expected.items():
        np.testing.assert_allclose(found[name], output, rtol=0, atol=tolerance, err_msg=name)
