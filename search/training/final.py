"""Trains one finalist from scratch on one seed, and tests it once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any

import keras
import numpy as np

from search.data.datasets import Images
from search.metric import METRICS, probabilities
from search.reliability import measured
from search.training.model import CachedModel
from search.training.run import run_training
from search.training.spec import OnEpoch, TrialResult, TrialSpec
from spaces.training.prediction import Prediction, cross_entropy, predict

LATENCY_REPEATS = 30


def run_final(
    spec: TrialSpec,
    train: Images,
    test: Images,
    content: bytes | None = None,
    on_epoch: OnEpoch | None = None,
    cached: MutableMapping[str, CachedModel] | None = None,
    check: Callable[[], None] | None = None,
) -> TrialResult:
    """Trains one finalist on one seed, to its pause or to its end, and there tests it once.

    Args:
        spec: what to train.
        train: images to learn from: uint8 (n, height, width, channels), labels (n,).
        test: images to test on.
        content: the model at `first_epoch`, where it was paused, as the bytes of a `.keras` file.
        on_epoch: is told each epoch as it ends.
        cached: models that this process holds, by name: its own before a pause goes on.
        check: called a few times a second; what it raises fails the training.

    Returns:
        A result whose columns are fields of `search.rows.FinalRow`.

    Raises:
        OSError: the disk is full or gone, which is no fault of the configuration.
    """

    def before(model: keras.Model) -> Mapping[str, Any]:
        return {}

    def after(model: keras.Model, last: Mapping[str, Any], completed: bool) -> Mapping[str, Any]:
        return measure(spec, model, test) if completed else {}

    return run_training(spec, train, None, content, on_epoch, cached, check, before, after)


def measure(spec: TrialSpec, model: keras.Model, test: Images) -> dict[str, Any]:
    """Tests a trained model.

    Returns:
        `test_loss`, `latency_ms`, and what `search.reliability.measured` says.
    """
    logits = predict(model, test.x)
    return {
        **measured(probabilities(logits), test.y, METRICS[spec.metric]),
        "test_loss": float(np.mean(cross_entropy(logits, test.y))),
        "latency_ms": latency_ms(model, test.x),
    }


def latency_ms(model: keras.Model, images: Any) -> float:
    """Median time in milliseconds from one image to its logits, compiled, batch of one.

    Args:
        model: from images to logits.
        images: (n, height, width, channels), at least one.
    """
    one = Prediction.by(model, images[:1])
    one.batch(0)  # JAX compiles for this shape
    times = []
    for _ in range(LATENCY_REPEATS):
        began = time.perf_counter()
        one.batch(0)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)
