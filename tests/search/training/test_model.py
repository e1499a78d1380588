"""Models that go on, or are used again, and what they leave behind."""

from __future__ import annotations

import dataclasses
import gc

import numpy as np
import pytest

from search.training.model import from_bytes, hypermodel_of, start_again, to_bytes
from search.training.trial import run_trial
from spaces import STRATEGIES
from tests.support.small_trials import (
    TRAIN,
    VALIDATION,
    assert_same_state,
    lasting,
    run,
    spec_of,
)


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


def graphs_alive():
    """What TensorFlow has traced and not forgotten."""
    from tensorflow.python.framework.func_graph import FuncGraph

    gc.collect()
    return sum(isinstance(thing, FuncGraph) for thing in gc.get_objects())


def test_a_trained_model_leaves_nothing_in_memory():
    spec = spec_of(last_epoch=1)
    parent = run(spec).model  # whatever TensorFlow makes once is made by now
    before = graphs_alive()
    run(spec_of(first_epoch=1, last_epoch=2), parent)
    run(spec_of("line_cnn", last_epoch=1))
    assert graphs_alive() == before


def test_the_plain_step_is_the_one_that_keras_takes(monkeypatch):
    undisturbed = run(spec_of()).model
    monkeypatch.setattr("spaces.training.loop.step_without_a_trace", lambda optimizer: None)
    assert_same_state(run(spec_of()).model, undisturbed)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_model_from_a_file_takes_another_seed_s_state(strategy):
    """Its variables come in the order of a new one's, though some have other names."""
    spec = spec_of(strategy)
    spec = dataclasses.replace(spec, hyperparameters={**spec.hyperparameters, "direction": "both"})
    hypermodel, values = hypermodel_of(spec, TRAIN)
    loaded = from_bytes(to_bytes(hypermodel.build(values)))
    other = dataclasses.replace(spec, seed=8)
    hypermodel, values = hypermodel_of(other, TRAIN)
    new = hypermodel.build(values)
    before = loaded.predict_on_batch(VALIDATION.x)
    again = start_again(other, TRAIN, loaded)
    assert np.array_equal(again.predict_on_batch(VALIDATION.x), new.predict_on_batch(VALIDATION.x))
    assert not np.array_equal(again.predict_on_batch(VALIDATION.x), before)
    for one, two in zip(again.optimizer.variables, new.optimizer.variables, strict=True):
        assert np.array_equal(one, two)
