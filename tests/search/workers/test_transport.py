"""What is sent arrives: in messages, or through a directory that is left empty."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from search.workers.transport import Transport
from tests.support.small_trials import TRAIN


@pytest.fixture(params=["messages", "directory"])
def transport(request, tmp_path):
    return Transport("session", None if request.param == "messages" else str(tmp_path))


def test_a_model_arrives_once_and_leaves_nothing(transport, tmp_path):
    assert transport.send(None) is None and transport.receive(None) is None
    payload = transport.send(b"a model")
    assert isinstance(payload, Path) == (transport.directory is not None)
    assert transport.receive(payload) == b"a model"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("places", [None, np.arange(len(TRAIN.y))[::-1] * 3])
def test_images_arrive_for_any_number_of_receivers(transport, places):
    payload = transport.send_images(dataclasses.replace(TRAIN, places=places))
    for _ in range(2):
        images = transport.receive_images(payload)
        assert np.array_equal(images.x, TRAIN.x) and np.array_equal(images.y, TRAIN.y)
        assert images.y.dtype == TRAIN.y.dtype
        assert np.array_equal(images.places, places) if places is not None else not images.places


def test_what_was_not_received_is_cleared_and_another_drivers_is_not(tmp_path):
    mine, other = (Transport(name, str(tmp_path)) for name in ("mine", "other"))
    mine.send_images(TRAIN)
    mine.send(b"a model")
    payload = other.send(b"another")
    mine.clear()
    assert list(tmp_path.iterdir()) == [payload]
