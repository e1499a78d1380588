"""The training loop: it goes on exactly where it stopped, and measures what it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import keras_tuner
import pytest

from spaces import SequenceHyperModel
from spaces.training.batches import targets
from tests.support.models import (
    CLASSES,
    SHAPE,
    accuracy,
    equal,
    hypermodel_of,
    images,
    train,
    with_values,
)

ROOT = Path(__file__).parents[3]


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


def test_1_plus_2_plus_6_epochs_equal_9_bit_for_bit(tmp_path):
    weights, optimizer = train("cnn_lines", [9], tmp_path)
    resumed_weights, resumed_optimizer = train("cnn_lines", [1, 3, 9], tmp_path)
    assert equal(weights, resumed_weights)
    assert equal(optimizer, resumed_optimizer)
    assert 27 in [int(value) for value in optimizer if value.shape == ()], "9 epochs of 3 steps"


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="it is what runs under JAX")
@pytest.mark.slow
def test_continuation_is_exact_under_jax(tmp_path):
    pytest.importorskip("jax")
    name = test_1_plus_2_plus_6_epochs_equal_9_bit_for_bit.__name__
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
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"{__file__}::{name}"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert "1 passed" in result.stdout
