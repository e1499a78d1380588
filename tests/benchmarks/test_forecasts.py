"""How well runs told the time left, from what they printed."""

import pytest

from benchmarks.forecasts import Told, errors, told

LOG = """
read: 10 images
expected: ~2 min, search ~1 min, finals and report under a minute
[1/4] lines bracket 1 rung 0 epoch 1: validation accuracy 57.6 %, 0.3 s, ~2 min left
[2/4] lines failed after 1.0 s: out of memory, ~1.5 h left
a note, ~9 min left
[3/4] lines bracket 1 rung 1 epoch 1: validation accuracy 66.0 %, 0.3 s, under a minute left
[4/4] lines bracket 1 rung 1 epoch 1: validation accuracy 66.0 %, 0.3 s
"""


def test_what_was_said_with_each_trial_is_read():
    assert told(LOG) == [Told(1, 120.0), Told(2, 5400.0), Told(3, 30.0)]


def test_it_is_held_against_what_was_left():
    said = [Told(1, 100.0), Told(2, 75.0), Told(3, 40.0)]
    found = errors(said, finished=[10.0, 40.0, 55.0, 60.0], began=0.0, ended=100.0)
    assert found == [pytest.approx(10 / 90), pytest.approx(15 / 60), pytest.approx(-5 / 45)]
    assert errors(said[:2], [10.0, 40.0, 55.0, 60.0], 0.0, 100.0)[2] is None
