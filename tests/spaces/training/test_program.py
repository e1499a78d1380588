"""One compiled program an architecture: shared by all that compute the same, and by no others."""

from __future__ import annotations

import collections

import keras
import pytest
from keras import layers

from spaces.runtime_patches import initial_weights_from
from spaces.training import loop, program
from spaces.training.program import architecture, program_of
from tests.support.models import (
    ALL,
    CLASSES,
    SHAPE,
    arrays,
    dense,
    distance,
    equal,
    hypermodel_of,
    images,
    train_by_keras,
    with_values,
)

ONE_TRACE = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="XLA compiles for each number of images"
)


@pytest.fixture
def traces(monkeypatch):
    """Grows with every trace of a training step; no program is kept from before."""
    made, step = [], program.Program._step

    def counted(self, *arguments, **options):
        made.append(self)
        return step(self, *arguments, **options)

    monkeypatch.setattr(program.Program, "_step", counted)
    monkeypatch.setattr(program, "_programs", collections.OrderedDict())
    return made


def fit(model, count=60, **options):
    x, y = images()
    options = {"seed": 1, "epochs": 1, "batch_size": 16, **options}
    loop.fit(model, x[:count], y[:count], **options)
    return arrays(model.trainable_variables)


def rebuilt(model):
    """The same model from its configuration, as another process loads it."""
    return keras.Model.from_config(model.get_config())


# Which are the same


@pytest.mark.parametrize("name", ALL)
def test_an_architecture_is_the_same_built_again_and_loaded(name):
    hp = with_values(direction="both", dropout=0.3)
    build = hypermodel_of([name], SHAPE).build
    model = build(hp)
    expected = architecture(model.get_config())
    assert architecture(build(hp).get_config()) == expected
    assert architecture(rebuilt(model).get_config()) == expected
    assert architecture(build(with_values(direction="both", dropout=0.4)).get_config()) != expected


def model_of(make):
    given = keras.Input(SHAPE)
    return keras.Model(given, layers.Dense(CLASSES)(layers.Flatten()(make(given))))


def precise(dtype):
    given = keras.Input(SHAPE)
    return keras.Model(given, layers.Dense(CLASSES, dtype=dtype)(layers.Flatten()(given)))


def branches(join):
    """A model within the model: two layers of one kind, joined to what comes out."""

    def make(given):
        inner = keras.Input(SHAPE)
        first, second = (layers.Dense(SHAPE[-1], name=name) for name in "ab")
        return keras.Model(inner, join(first, second, inner))(given)

    return make


def convolved(**options):
    return lambda given: layers.Conv2D(2, **{"kernel_size": 3, "padding": "same", **options})(given)


DIFFERENT = {
    "activations called by their own names": (
        layers.Activation("relu", name="relu"),
        layers.Activation("tanh", name="tanh"),
    ),
    "activations called the same": (
        layers.Activation("relu", name="same"),
        layers.Activation("tanh", name="same"),
    ),
    "padding": (convolved(), convolved(padding="valid")),
    "strides": (convolved(), convolved(strides=2)),
    "width": (convolved(), convolved(kernel_size=5)),
    "dropout": (layers.Dropout(0.1), layers.Dropout(0.2)),
    "scale": (layers.Rescaling(0.5), layers.Rescaling(0.25)),
    "regularized": (convolved(), convolved(kernel_regularizer="l2")),
    "frozen": (convolved(), convolved(trainable=False)),
    "precision": (convolved(), convolved(dtype="mixed_bfloat16")),
    "order": (
        lambda given: layers.Subtract()([layers.Activation("tanh")(given), given]),
        lambda given: layers.Subtract()([given, layers.Activation("tanh")(given)]),
    ),
    "inner order": (
        branches(lambda a, b, x: b(a(x))),
        branches(lambda a, b, x: layers.Add()([a(x), b(x)])),
    ),
    "inner wiring": (
        branches(lambda a, b, x: layers.Subtract()([a(x), b(a(x))])),
        branches(lambda a, b, x: layers.Subtract()([b(a(x)), a(x)])),
    ),
}


@pytest.mark.parametrize("pair", DIFFERENT.values(), ids=DIFFERENT)
def test_what_computes_something_else_is_another_architecture(pair):
    one, other = (architecture(model_of(make).get_config()) for make in pair)
    assert one != other


def test_the_precision_of_the_last_layer_counts():
    one, other = (architecture(precise(kind).get_config()) for kind in ("float32", "bfloat16"))
    assert one != other


def test_names_of_layers_make_no_difference():
    one, other = (model_of(layers.Dense(3, name=name)) for name in ("one", "flatten"))
    assert architecture(one.get_config()) == architecture(other.get_config())


# What they share


def test_models_that_differ_in_numbers_share_a_program(traces):
    model = dense()
    found = program_of(model, "uint8")
    for other in (
        dense(seed=5),
        dense(learning_rate=0.1),
        dense(weight_decay=0.5),
        dense(learning_rate=keras.optimizers.schedules.CosineDecay(0.01, 9)),
    ):
        assert program_of(other, "uint8") is found
    for other in (dense(units=5), dense(rate=0.5), dense(beta_1=0.8), dense(global_clipnorm=None)):
        assert program_of(other, "uint8") is not found
    assert program_of(model, "float32") is not found
    assert program_of(model, "uint8") is found


def test_numbers_are_not_compiled_in(traces):
    """One trace for all, and yet each trains as it says."""
    plain = fit(dense())
    compiled = len(traces)
    others = [
        fit(dense(seed=5)),
        fit(dense(learning_rate=0.1)),
        fit(dense(weight_decay=0.5)),
        fit(dense(learning_rate=keras.optimizers.schedules.CosineDecay(0.01, 9))),
        fit(dense(), label_smoothing=0.3),
        fit(dense(), seed=2),
    ]
    assert len(traces) == compiled
    assert not any(equal(one, plain) for one in others)
    assert equal(fit(dense()), plain)


def test_a_shared_program_trains_as_one_of_its_own(traces, monkeypatch):
    shared = [fit(dense(seed=seed, rate=0.3, normalized=True)) for seed in range(3)]
    assert len(set(traces)) == 1
    monkeypatch.setattr(program, "KEPT", 0)
    alone = [fit(dense(seed=seed, rate=0.3, normalized=True)) for seed in range(3)]
    assert len(set(traces)) >= 3
    assert all(map(equal, shared, alone))


@ONE_TRACE
def test_a_step_is_traced_once_whatever_the_number_of_images(traces):
    model = dense()
    for epoch, count in enumerate((60, 48, 7, 1)):  # with a short last batch, and without
        fit(model, count, epochs=epoch + 1, initial_epoch=epoch)
    assert len(traces) == 1
    fit(model, batch_size=8)
    fit(model, batch_size=8, augmentation="shift")
    fit(model, batch_size=8, augmentation="shift_flip")
    assert len(traces) == 3


def test_few_programs_are_kept_and_those_are_the_last_used(traces):
    first = program_of(dense(units=1), "uint8")
    made = [program_of(dense(units=units), "uint8") for units in range(2, program.KEPT + 1)]
    assert program_of(dense(units=1), "uint8") is first
    assert len(program._programs) == program.KEPT
    program_of(dense(units=program.KEPT + 1), "uint8")
    assert len(program._programs) == program.KEPT
    assert program_of(dense(units=1), "uint8") is first
    assert program_of(dense(units=2), "uint8") is not made[0]


def test_the_model_of_a_program_is_left_alone(traces):
    """It stays that of the first, whose weights the others' training does not touch."""
    first, weights = dense(), arrays(dense().weights)
    program_of(first, "uint8")
    fit(dense(seed=3))
    assert len({*map(id, traces)}) == 1 and traces[0].model is first
    assert equal(arrays(first.weights), weights)


def test_penalties_of_the_layers_are_part_of_the_loss(traces):
    def made():
        with initial_weights_from(0):
            model = model_of(layers.Dense(4, kernel_regularizer="l2", activity_regularizer="l1"))
        loss = keras.losses.CategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.AdamW(0.01), loss)
        model.optimizer.build(model.trainable_variables)
        return model

    stock, (x, y) = made(), images()
    train_by_keras(stock, x, y, seed=1, batch_size=12)
    assert distance(fit(made(), batch_size=12), arrays(stock.trainable_variables)) < 1e-4


def test_a_program_that_is_kept_no_longer_is_forgotten_by_the_backend_too(monkeypatch):
    """JAX has tables of its own, which grew by a megabyte a model."""
    forgotten = []
    monkeypatch.setattr(program.backends, "forget", lambda: forgotten.append(1))
    monkeypatch.setattr(program, "_programs", collections.OrderedDict())
    for units in range(2, program.KEPT + 5):
        program_of(dense(units=units), "uint8")
    assert len(forgotten) == 3 and len(program._programs) == program.KEPT
