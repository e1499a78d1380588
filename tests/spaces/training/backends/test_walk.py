"""Every layer of a model is found, once, however deep it lies."""

from __future__ import annotations

import keras
from keras import layers

from spaces.training.backends.walk import every_layer
from tests.support.models import ALL, SHAPE, hypermodel_of, with_values


def test_layers_within_others_are_found():
    inner = keras.Sequential([keras.Input((4, 3)), layers.LSTM(2, name="in a model")])
    given = keras.Input((5, 4, 3))
    found = layers.TimeDistributed(layers.Conv1D(3, 2, name="folded"))(given)
    found = layers.TimeDistributed(inner)(given)
    found = layers.Bidirectional(layers.LSTM(2, name="both"))(found)
    names = [layer.name for layer in every_layer(keras.Model(given, found))]
    assert {"in a model", "forward_both", "backward_both"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_layer_alone_is_its_own():
    layer = layers.LSTM(2)
    assert [*every_layer(layer)] == [layer]


def test_every_layer_of_every_strategy_is_found_once():
    model = hypermodel_of(ALL, SHAPE)
    for name in ALL:
        made = model.build(with_values(strategy=name, **{f"{name}/direction": "both"}))
        found = [*every_layer(made)]
        assert len({*map(id, found)}) == len(found)
        assert {*map(id, made.layers)} <= {*map(id, found)}
