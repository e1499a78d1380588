"""Trains one finalist from scratch on one seed, and tests it once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, MutableMapping
from typing import Any

import keras
import numpy as np

from search.data.datasets import Images
from search.training.trial import (
    Clock,
    Held,
    Limits,
    OnEpoch,
    TrialResult,
    TrialSpec,
    fit,
    predict,
    prepare,
    prepare_again,
    reason,
    to_bytes,
)
from spaces.training.batches import targets

LATENCY_REPEATS = 30


def run_final(
    spec: TrialSpec,
    train: Images,
    test: Images,
    on_epoch: OnEpoch | None = None,
    held: MutableMapping[str, Held] | None = None,
    check: Callable[[], None] | None = None,
) -> TrialResult:
    """Trains one finalist on one seed and tests it once.

    Args:
        spec: what to train.
        train: images to learn from.
        test: images to test on.
        on_epoch: is told each epoch as it ends.
        held: models that this process holds, by name. The same configuration's after another seed
            is used again; it is put back here.
        check: called after every batch; what it raises fails the training.

    Returns:
        A result whose columns are those of the table `finals`.
    """
    began = time.perf_counter()
    clock = Clock(spec.trial_id, began, on_epoch)
    limits = Limits(spec, began, check)
    outcome: dict[str, Any] = dict.fromkeys(
        ("test_accuracy", "test_loss", "latency_ms", "predictions", "message")
    )
    model_bytes = None
    try:
        compiled = held.pop(spec.continues, None) if held and spec.continues else None
        if compiled is None:
            model = prepare(spec, train)
        else:
            model = prepare_again(spec, train, compiled.model)
        fit(spec, model, train, None, [clock, limits], fresh=True)
        logits = predict(model, test.x)
        losses = keras.losses.categorical_crossentropy(
            targets(test.y, spec.classes), logits, from_logits=True
        )
        named = logits.argmax(axis=1)
        outcome.update(
            status="completed",
            test_accuracy=float(np.mean(named == test.y)),
            test_loss=float(np.mean(keras.ops.convert_to_numpy(losses))),
            latency_ms=latency_ms(model, test.x),
            predictions=named.astype("<u2").tobytes(),
        )
        if spec.keep:
            model_bytes = to_bytes(model)
        if held is not None and spec.continues:
            held[spec.continues] = Held(spec.last_epoch, model)
    except OSError:
        raise
    except Exception as error:
        outcome.update(status="failed", message=reason(error))
    outcome["train_seconds"] = sum(row["seconds"] for row in clock.epochs)
    return TrialResult(spec.trial_id, outcome, tuple(clock.epochs), model_bytes)


def latency_ms(model: keras.Model, images: np.ndarray) -> float:
    """Median time in milliseconds from one image to its logits, compiled, batch of one."""
    one = images[:1]
    model.predict_on_batch(one)  # compiles for this shape
    times = []
    for _ in range(LATENCY_REPEATS):
        began = time.perf_counter()
        model.predict_on_batch(one)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)
