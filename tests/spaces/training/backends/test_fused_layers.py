"""Layers are computed otherwise within the block alone, and nothing of it is saved."""

from __future__ import annotations

import zipfile

import keras
import numpy as np
import pytest
from keras import layers

if keras.backend.backend() != "tensorflow":
    pytest.skip("TensorFlow's operations", allow_module_level=True)

from spaces.training import loop
from spaces.training.backends.fused_layers import FUSED, fused_layers
from tests.support.models import SHAPE, arrays, hypermodel_of, images, with_values

MADE = {
    layers.LSTM: lambda: layers.LSTM(4),
    layers.ConvLSTM1D: lambda: layers.ConvLSTM1D(4, kernel_size=3, padding="same"),
}


@pytest.mark.parametrize("kind", FUSED)
def test_afterwards_the_layer_is_as_it_was_even_after_an_error(kind):
    layer = MADE[kind]()
    before = dict(vars(layer))
    with pytest.raises(ZeroDivisionError), fused_layers(layer):
        assert "inner_loop" in vars(layer)
        raise ZeroDivisionError
    assert vars(layer) == before and "inner_loop" not in vars(layer)
    assert layer.inner_loop.__func__ is kind.inner_loop
    assert FUSED[kind].can_be_fused(kind.from_config(layer.get_config()))


@pytest.mark.parametrize(
    ("strategy", "values"), [("lines", {"direction": "both"}), ("conv_lstm", {})]
)
def test_a_trained_model_is_saved_as_if_it_were_stock(strategy, values, tmp_path):
    x, y = images()
    model = hypermodel_of([strategy], SHAPE).build(with_values(**values))
    config = model.get_config()
    model.save(tmp_path / "before.keras")
    loop.fit(model, x, y, seed=0, epochs=1)
    assert model.get_config() == config
    model.save(tmp_path / "after.keras")
    configs = []
    for name in ("before", "after"):
        with zipfile.ZipFile(tmp_path / f"{name}.keras") as archive:
            configs.append(archive.read("config.json").decode())
    assert configs[0] == configs[1] and "spaces" not in configs[1]
    loaded = keras.models.load_model(tmp_path / "after.keras", safe_mode=True)
    for one, other in zip(arrays([loaded(x)]), arrays([model(x)]), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
