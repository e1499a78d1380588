"""Models that go on, and what they leave behind."""

from __future__ import annotations

import collections
import gc

import keras
import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from search.training.model import balanced_weights
from search.training.trial import run_trial
from spaces.training import program
from tests.support.small_trials import (
    TRAIN,
    VALIDATION,
    assert_same_state,
    lasting,
    run,
    spec_of,
)


def test_balanced_weights_are_scikit_learn_s_and_count_one_on_average():
    labels = np.random.default_rng(0).choice([0, 1, 4], 200, p=[0.7, 0.25, 0.05])
    weights = balanced_weights(labels)
    known = compute_class_weight("balanced", classes=np.unique(labels), y=labels)
    assert [*weights] == [0, 1, 4] and [*weights.values()] == pytest.approx(known)
    assert np.mean([weights[label] for label in labels]) == pytest.approx(1.0)


def test_a_model_that_is_held_goes_on_as_one_that_was_saved():
    cached = {}
    first = run_trial(spec_of("cnn_lines", 0, 1), TRAIN, VALIDATION, cached=cached)
    other = run_trial(spec_of("lines", 0, 1), TRAIN, VALIDATION, cached=cached)  # in between
    assert set(cached) == {first.trial_id, other.trial_id}
    spec = spec_of("cnn_lines", 1, 3, continues=first.trial_id)
    live = run_trial(spec, TRAIN, VALIDATION, None, cached=cached)  # no bytes: it is held
    loaded = run(spec, first.model)
    assert lasting(live) == lasting(loaded)
    assert_same_state(live.model, loaded.model)
    assert first.trial_id not in cached  # it has been trained on


def test_a_held_model_of_another_epoch_is_not_taken():
    cached = {}
    first = run_trial(spec_of("lines", 0, 1), TRAIN, VALIDATION, cached=cached)
    longer = run(spec_of("lines", 1, 2), first.model)
    spec = spec_of("lines", 2, 3, continues=first.trial_id)
    mistaken = run_trial(spec, TRAIN, VALIDATION, longer.model, cached=cached)
    assert lasting(mistaken) == lasting(run(spec, longer.model))


def test_a_promoted_trial_from_bytes_is_compiled_already(traces):
    parent = run(spec_of(last_epoch=1))
    compiled = len(traces)
    assert compiled > 0
    promoted = run(spec_of(first_epoch=1, last_epoch=2), parent.model)
    assert len(traces) == compiled
    assert promoted.columns["status"] == "completed"
    run(spec_of("line_cnn", last_epoch=1))
    assert len(traces) > compiled


def alive():
    """How many models there are, and graphs that TensorFlow has traced and not forgotten."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    things = gc.get_objects()
    return [sum(isinstance(thing, kind) for thing in things) for kind in (keras.Model, FuncGraph)]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts TensorFlow's graphs")
def test_a_trained_model_leaves_nothing_in_memory_but_the_programs_that_are_kept(monkeypatch):
    monkeypatch.setattr(program, "KEPT", 1)
    monkeypatch.setattr(program, "_programs", collections.OrderedDict())
    spec = spec_of(last_epoch=1)
    parent = run(spec).model  # whatever TensorFlow makes once is made by now
    before = alive()
    run(spec_of("line_cnn", last_epoch=1))
    run(spec_of(first_epoch=1, last_epoch=2), parent)
    assert alive() == before
