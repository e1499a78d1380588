"""Models that go on, or are used again, and what they leave behind."""

from __future__ import annotations

import gc

import keras_tuner
import pytest

from search.training.model import from_bytes, to_bytes
from search.training.trial import run_trial
from spaces import STRATEGIES, SequenceHyperModel
from tests.support.small_trials import (
    CLASSES,
    SHAPE,
    TRAIN,
    VALIDATION,
    assert_same_state,
    lasting,
    run,
    spec_of,
    values_of,
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
def test_a_model_from_a_file_has_its_variables_in_the_same_order(strategy):
    """So one that was paused, and loaded, can be given another seed's state (`start_again`)."""
    hp = keras_tuner.HyperParameters()
    hp.values = {**values_of(strategy), "direction": "both"}
    hypermodel = SequenceHyperModel(SHAPE, CLASSES, [strategy], mirror=True, decay_steps=9)
    built = hypermodel.build(hp)
    loaded = from_bytes(to_bytes(built))
    for one, other in ((built, loaded), (built.optimizer, loaded.optimizer)):
        assert [(v.path, tuple(v.shape)) for v in one.variables] == [
            (v.path, tuple(v.shape)) for v in other.variables
        ]
