"""The contract: what a strategy is."""

import dataclasses

import pytest

from spaces import STRATEGIES, Strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_its_name_is_its_key_and_its_file(name):
    strategy = STRATEGIES[name]
    assert strategy.name == name
    assert strategy.build.__module__ == f"spaces.strategies.{name}"
    assert "\n" not in strategy.summary and strategy.reference


def test_it_is_a_value_and_recurrent_unless_it_says_otherwise():
    made = Strategy("x", "what it does", "where it is from", lambda images, hp: images)
    assert made.recurrent
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "y"
