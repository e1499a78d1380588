"""Run-time patches: they do what they are for, and what they replace comes back."""

from __future__ import annotations

import gc
import random
import threading

import keras
import pytest
from keras import layers

from spaces.runtime_patches import initial_weights_from, keep_what_is_loaded
from tests.support.models import arrays, equal


def built(seed, disturbance=lambda: None):
    with initial_weights_from(seed):
        disturbance()
        model = keras.Sequential([keras.Input((3,)), layers.Dense(4), layers.Dense(2)])
    return arrays(model.weights)


def test_initial_weights_follow_from_the_seed_whoever_else_draws():
    def draw_elsewhere():
        thread = threading.Thread(target=lambda: [random.randint(0, 9) for _ in range(5)])
        thread.start()
        thread.join()

    assert equal(built(1), built(1, draw_elsewhere))
    assert not equal(built(1), built(2))


def test_the_shared_generator_comes_back_even_after_an_error():
    shared = random.randint
    with pytest.raises(ZeroDivisionError), initial_weights_from(0):
        assert random.randint is not shared
        raise ZeroDivisionError
    assert random.randint == shared


def test_what_is_loaded_is_not_searched_for_garbage():
    before = gc.get_freeze_count()
    keep_what_is_loaded()
    try:
        assert gc.get_freeze_count() > before
    finally:
        gc.unfreeze()
