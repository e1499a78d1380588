"""Exported source: the searched model, layer for layer, by Keras alone; text stays text."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner
import numpy as np
import pytest

from spaces import STRATEGIES, SequenceHyperModel, scans
from spaces import python_code as writing
from spaces.source import source

SHAPE = (9, 12, 3)
HOSTILE = [
    '"""',
    "'''",
    'a"""\nimport os\nos.abort()\n"""',
    "back\\slash\\",
    '\\"""',
    'ends with "',
    "\\",
    '""""""',
    "\u202eright to left\u2066",
    "line\u2028separator\x00\x1b[31m",
    "\ud800 alone",
    "\U000e0001 tag",
    "naïve 数字 🙂",
    "<script>",
    "{braces} %s",
    "#" * 10_000,
    "",
]


def build(name, values=None, shape=SHAPE):
    keras.utils.clear_session(free_memory=False)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values or {})
    return SequenceHyperModel(shape, 10, [name], decay_steps=5).build(hp), hp


def configurations(name, count, seed=0):
    """Draws values for all of a strategy's parameters, `count` times."""
    _, hp = build(name)
    rng = np.random.default_rng(seed)
    return [
        {
            parameter.name: parameter.random_sample(int(rng.integers(2**31)))
            for parameter in hp.space
        }
        for _ in range(count)
    ]


def plain(config):
    """A config without the names of layers within layers, which Keras counts on."""
    if isinstance(config, dict):
        inner = {key: plain(value) for key, value in config.items()}
        for wrapped in ("layer", "backward_layer"):
            if wrapped in inner:
                inner[wrapped]["config"].pop("name")
        return inner
    return [plain(item) for item in config] if isinstance(config, list | tuple) else config


def export(folder, name, values):
    """Writes a model's source, its weights, and its outputs on random images.

    Returns:
        The model's layers: class and config of each.
    """
    model, _ = build(name, values)
    rng = np.random.default_rng(1)
    for variable in model.trainable_variables:  # biases too, which start at zero
        variable.assign(variable + rng.normal(0, 0.1, variable.shape))
    images = rng.uniform(0, 255, (3, *SHAPE)).astype("float32")
    outputs = keras.ops.convert_to_numpy(model(images))
    number = len(list(folder.glob("*.py")))
    file = folder / f"{name}-{number}.py"
    file.write_text(source(model, f"{name}: {values}"), encoding="utf-8")
    np.savez(file.with_suffix(".npz"), images=images, outputs=outputs)
    model.save(file.with_suffix(".keras"))
    return file.stem, [[type(layer).__name__, layer.get_config()] for layer in model.layers]


def check_all(folder, count):
    """Builds what many configurations' sources say in one fresh process, and compares."""
    expected = dict(
        export(folder, name, values)
        for name in STRATEGIES
        for values in configurations(name, count)
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        # -P: neither this directory nor the script's is on the path.
        [sys.executable, "-P", Path(__file__).parents[1] / "support" / "build_exported.py", folder],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    assert answers.keys() == expected.keys() and len(answers) == count * len(STRATEGIES)
    for stem, answer in answers.items():
        assert plain(answer["layers"]) == plain(json.loads(json.dumps(expected[stem]))), stem
        assert answer["error"] <= 1e-6, stem
        assert answer["spread"] > 1e-4, stem  # or any model would do


def test_every_strategys_source_builds_the_same_model(tmp_path):
    check_all(tmp_path, 1)
    sources = sorted(tmp_path.glob("*.py"))
    for file in sources:
        taken = {
            alias.name if isinstance(node, ast.Import) else node.module
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
        }
        assert taken == {"keras"}
    ruff = Path(sys.executable).with_name("ruff")
    command = [ruff, "format", "--isolated", "--line-length", "100", "--diff", *sources]
    formatted = subprocess.run(command, capture_output=True, text=True)
    assert formatted.returncode == 0, formatted.stdout


@pytest.mark.slow
def test_twenty_configurations_of_every_strategy(tmp_path):
    check_all(tmp_path, 20)


@pytest.mark.parametrize("name", ["patches", "conv_sweeps", "conv_lstm"])
def test_a_saved_model_has_the_same_source(name, tmp_path):
    """Tuples come back from a file as lists, and defaults written out."""
    for number, values in enumerate(configurations(name, 2, seed=5)):
        model, _ = build(name, values)
        model.save(tmp_path / f"{number}.keras")
        loaded = keras.models.load_model(tmp_path / f"{number}.keras", safe_mode=True)
        assert source(loaded) == source(model)


def test_only_what_differs_from_the_defaults_is_written():
    text = source(build("conv_lstm", {"direction": "both", "patch": 2})[0])
    assert 'layers.Bidirectional(layers.ConvLSTM1D(8, (3,), padding="same"), name="lstm_0")' in text
    for default in ("initializer", "mask", "training", "activation", "dtype", "zero_output"):
        assert default not in text


def test_what_is_not_the_default_is_written():
    images = keras.Input((6, 2), name="images")
    x = keras.layers.LSTM(
        3,
        recurrent_initializer=keras.initializers.Orthogonal(gain=0.5),
        kernel_initializer="he_normal",
        use_bias=False,
        dtype="float16",
        trainable=False,
        name="class",  # no name for a variable
    )(images)
    x = keras.ops.mean(keras.ops.stack([x, -x, x * 2.0], axis=1), axis=1, keepdims=True)
    x = keras.ops.concatenate([x[:, 0, ::2], keras.ops.squeeze(x, 1)], axis=-1)
    model = keras.Model(images, keras.ops.transpose(x, (0, 1)), name="mixed")
    space: dict = {}
    text = source(model)
    exec(compile(text, "source", "exec"), space)
    rebuilt = space["build"]()
    assert plain(rebuilt.layers[1].get_config()) == plain(model.layers[1].get_config())
    rebuilt.set_weights(model.get_weights())
    inputs = np.random.default_rng(0).normal(size=(4, 6, 2)).astype("float32")
    np.testing.assert_array_equal(rebuilt(inputs), model(inputs))


def test_what_cannot_be_written_is_refused():
    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs

    images = keras.Input((2,), name="images")
    with pytest.raises(ValueError, match="Keras has not"):
        source(keras.Model(images, Own(name="own")(images)))
    shared = keras.layers.Dense(2, name="shared")
    with pytest.raises(ValueError, match="shared is called more than once"):
        source(keras.Model(images, shared(shared(images))))
    halves = keras.ops.split(images, 2, axis=-1)
    with pytest.raises(ValueError, match="one output"):
        source(keras.Model(images, halves[1]))


# Text from outside


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_text_stays_text(text):
    model, _ = build("lines", shape=(4, 4, 1))
    plain_source = source(model, "A description.", {"CLASS_NAMES": ["a"]})
    hostile = source(model, f"A {text} description: {text}", {"CLASS_NAMES": [text, "b" * 90]})
    tree, expected = ast.parse(hostile), ast.parse(plain_source)
    assert ast.literal_eval(tree.body[3].value) == [text, "b" * 90]
    documented = ast.get_docstring(tree, clean=False).strip()
    assert documented == f"A {text} description: {text}".strip()
    assert [ast.dump(node) for node in tree.body[1:3] + tree.body[4:]] == [
        ast.dump(node) for node in expected.body[1:3] + expected.body[4:]
    ]
    assert all(character == "\n" or character.isprintable() for character in hostile)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_quoted_text_is_the_text(text):
    assert ast.literal_eval(writing.quoted(text)) == text


# Permutations


def written_order(order):
    space: dict = {}
    text = writing.permutation("ORDER", order)
    exec(text, space)
    assert space["ORDER"] == list(order)
    assert max(map(len, text.splitlines())) <= 100
    return text


@pytest.mark.parametrize("name", scans.SCANS)
@pytest.mark.parametrize("grid", [(2, 2), (5, 5), (4, 9), (28, 28), (32, 32), (1, 40), (31, 8)])
def test_scans_are_written_exactly_and_in_short(name, grid):
    text = written_order(scans.scan(name, *grid).tolist())
    assert len(text.splitlines()) <= 2 * sum(grid) + 2
    assert len(text) <= max(1_100, 25 * 2 * sum(grid))


@pytest.mark.parametrize("count", [1, 2, 25, 60, 1024])
def test_any_permutation_is_written_exactly(count):
    for seed in range(5):
        written_order(np.random.default_rng(seed).permutation(count).tolist())
