"""Which configurations an arm tries: by seed and place alone, none twice, all of a small space."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras_tuner
import numpy as np
import pytest

from search.hyperband import configurations
from search.hyperband.configurations import draw_all, enumerate_space
from tests.support.search_spaces import KEY, NESTED, PLACES, nested_space, real_space, texts

# What a draw follows from


def test_what_may_not_be_tried_is_drawn_again_and_the_others_stay():
    space = real_space()

    def small(values):
        return values["lines/lstm_units"] <= 64 if "lines/lstm_units" in values else True

    free, limited = (
        draw_all(space, {"strategy": "lines"}, PLACES, KEY, allowed=allowed)
        for allowed in (lambda values: True, small)
    )
    assert list(limited) == PLACES and all(map(small, limited.values()))
    kept = [place for place in PLACES if small(free[place])]
    assert 0 < len(kept) < len(PLACES)
    assert all(limited[place] == free[place] for place in kept)
    assert len(set(texts(limited.values()))) == len(PLACES)
    given = free[next(place for place in PLACES if place not in kept)]  # by the user, who may
    assert draw_all(space, {}, PLACES, KEY, [given], allowed=small)[PLACES[0]] == given


def test_where_hardly_anything_may_be_tried_the_search_for_it_ends():
    asked = []
    with pytest.raises(ValueError, match="of 200 configurations none may be tried"):
        draw_all(real_space(), {}, PLACES, KEY, allowed=lambda values: bool(asked.append(values)))
    assert len(set(texts(asked))) == 200


def test_of_a_small_space_all_that_may_be_tried_is():
    drawn = draw_all(
        nested_space(), {}, PLACES, KEY, allowed=lambda values: values["readout"] == "last"
    )
    assert texts(drawn.values()) == texts(v for v in NESTED if v["readout"] == "last")


def test_later_places_leave_the_earlier_alone():
    space = real_space()
    whole = draw_all(space, {}, PLACES, KEY)
    for count in range(len(PLACES)):
        shorter = draw_all(space, {}, PLACES[:count], KEY)
        assert shorter == {place: whole[place] for place in PLACES[:count]}


def test_a_second_asker_gets_the_same():
    """Whoever drew before, from this space or another, and whatever global generators did."""
    space = real_space()
    first = draw_all(space, {}, PLACES, KEY)
    draw_all(nested_space(), {}, PLACES, KEY)
    draw_all(space, {}, PLACES, (1, *KEY[1:]))
    np.random.default_rng(0).random()
    assert draw_all(space.copy(), {}, PLACES, KEY) == first


@pytest.mark.parametrize(
    "other", [(1, "digits", "lines"), (0, "mnist", "lines"), (0, "digits", "x")]
)
def test_seed_data_set_and_strategy_each_count(other):
    space = real_space()
    first, second = draw_all(space, {}, PLACES, KEY), draw_all(space, {}, PLACES, other)
    assert all(first[place] != second[place] for place in PLACES)


def test_another_parameter_leaves_the_values_of_the_others_alone():
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.0, 1.0)
    before = draw_all(space, {}, PLACES, KEY)
    space.Int("units", 1, 1000)
    after = draw_all(space, {}, PLACES, KEY)
    assert [values["rate"] for values in before.values()] == [
        values["rate"] for values in after.values()
    ]


def test_the_same_in_every_process():
    """In two more processes, whose strings have other hashes; no model is built there."""
    code = (
        "import json, keras_tuner, sys\n"
        "from search.hyperband.configurations import draw_all\n"
        "places, configs = json.load(sys.stdin)\n"
        "spaces = map(keras_tuner.HyperParameters.from_config, configs)\n"
        "drawn = [[*draw_all(s, {}, map(tuple, places), (seed, 'digits', 'lines')).values()]\n"
        "         for s in spaces for seed in (0, 1)]\n"
        "print(json.dumps(drawn))\n"
    )
    spaces = [real_space(), nested_space()]
    asked = json.dumps([PLACES, [space.get_config() for space in spaces]])
    root = str(Path(__file__).parents[3])
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": root, "KERAS_BACKEND": "numpy"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = (json.loads(process.communicate(asked)[0]) for process in running)
    here = [
        [*draw_all(space, {}, PLACES, (seed, "digits", "lines")).values()]
        for space in spaces
        for seed in (0, 1)
    ]
    assert first == second == here
    for zero, one in ((here[0], here[1]), (here[2], here[3])):
        assert zero != one  # seed 0 is not seed 1


# What is drawn


def test_parameters_are_drawn_independently():
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.0, 1.0)
    space.Float("decay", 0.0, 1.0)
    drawn = [*draw_all(space, {}, [(0, 0, slot) for slot in range(400)], KEY).values()]
    rates, decays = ([values[name] for values in drawn] for name in ("rate", "decay"))
    assert abs(np.corrcoef(rates, decays)[0, 1]) < 4 / np.sqrt(400)


def test_draws_cover_the_range():
    """Uniform within what 400 draws can tell (four standard deviations)."""
    space = keras_tuner.HyperParameters()
    space.Float("rate", 0.0, 1.0)
    space.Choice("kind", ["a", "b", "c", "d"])
    drawn = [*draw_all(space, {}, [(0, 0, slot) for slot in range(400)], KEY).values()]
    rates = np.array([values["rate"] for values in drawn])
    assert abs(rates.mean() - 0.5) < 4 * np.sqrt(1 / 12 / 400)
    kinds = [values["kind"] for values in drawn]
    for kind in "abcd":
        assert abs(kinds.count(kind) - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)


@pytest.mark.parametrize("seed", range(5))
def test_only_active_parameters_have_a_value(seed):
    space = real_space()
    drawn = draw_all(space, {}, [(0, 0, slot) for slot in range(30)], (seed,))
    for values in drawn.values():
        active = {
            parameter.name
            for parameter in space.space
            if all(condition.is_active(values) for condition in parameter.conditions)
        }
        assert set(values) == active
        other = "cnn_lines" if values["strategy"] == "lines" else "lines"
        assert not any(name.startswith(f"{other}/") for name in values)


def test_none_twice():
    for seed in range(20):
        drawn = draw_all(nested_space(), {}, PLACES, (seed,))
        assert len(set(texts(drawn.values()))) == len(drawn)


def test_preset_values_are_kept_and_choose_the_branch():
    space = real_space()
    for strategy in ("lines", "cnn_lines"):
        drawn = draw_all(space, {"strategy": strategy}, PLACES, KEY)
        assert len(drawn) == len(PLACES)
        for values in drawn.values():
            assert values["strategy"] == strategy
            assert {name.split("/")[0] for name in values if "/" in name} == {strategy}


# Small spaces


def test_enumeration_of_nested_branches():
    listed = [*enumerate_space(nested_space(), {})]
    assert texts(listed) == texts(NESTED)


def test_enumeration_with_a_preset():
    listed = [*enumerate_space(nested_space(), {"kind": "deep", "depth": 1})]
    assert texts(listed) == texts(v for v in NESTED if v.get("depth") == 1)


@pytest.mark.parametrize(
    ("declare", "expected"),
    [
        (lambda space: space.Int("n", 1, 32, sampling="log"), range(1, 33)),
        (lambda space: space.Int("n", 1, 32, step=2, sampling="log"), [1, 2, 4, 8, 16, 32]),
        (lambda space: space.Int("n", 1, 10, step=4), [1, 5, 9]),
        (lambda space: space.Int("n", 3, 3), [3]),
        (lambda space: space.Float("n", 0.0, 0.5, step=0.25), [0.0, 0.25, 0.5]),
        (lambda space: space.Float("n", 0.01, 1.0, step=10, sampling="log"), [0.01, 0.1, 1.0]),
        (lambda space: space.Float("n", 0.5, 0.5), [0.5]),
        (lambda space: space.Choice("n", [1, 2, 1]), [1, 2]),
        (lambda space: space.Boolean("n"), [True, False]),
        (lambda space: space.Fixed("n", "x"), ["x"]),
    ],
)
def test_enumeration_lists_what_can_be_drawn(declare, expected):
    """Every kind of parameter: the same values, of the same type, as random draws give."""
    space = keras_tuner.HyperParameters()
    declare(space)
    listed = [values["n"] for values in enumerate_space(space, {})]
    assert sorted(map(str, listed)) == sorted(map(str, expected))
    drawn = {str(space.space[0].random_sample(seed)) for seed in range(2000)}
    assert drawn == set(map(str, listed))


@pytest.mark.parametrize("seed", range(10))
def test_a_space_smaller_than_the_places_is_tried_once_each(seed):
    places = [(0, 0, slot) for slot in range(40)]
    drawn = draw_all(nested_space(), {}, places, (seed,))
    assert list(drawn) == places[: len(NESTED)]  # the last places stay empty
    assert texts(drawn.values()) == texts(NESTED)


def test_a_space_without_parameters_is_one_configuration():
    assert draw_all(keras_tuner.HyperParameters(), {}, PLACES, KEY) == {PLACES[0]: {}}
    assert draw_all(keras_tuner.HyperParameters(), {"strategy": "x"}, PLACES, KEY) == {
        PLACES[0]: {"strategy": "x"}
    }


def test_a_small_branch_of_a_space_with_continuous_ones_is_listed():
    """What is continuous counts only where it is active: here it never is."""
    space = keras_tuner.HyperParameters()
    space.Choice("strategy", ["fixed", "tuned"])
    with space.conditional_scope("strategy", ["fixed"]):
        space.Choice("fixed/units", [1, 2, 3])
    with space.conditional_scope("strategy", ["tuned"]):
        space.Float("tuned/rate", 0.0, 1.0)
    fixed = draw_all(space, {"strategy": "fixed"}, PLACES, KEY)
    assert texts(fixed.values()) == texts(
        {"strategy": "fixed", "fixed/units": units} for units in (1, 2, 3)
    )
    with pytest.raises(ValueError, match=r"tuned/rate.*continuous"):
        [*enumerate_space(space, {"strategy": "tuned"})]


def test_a_continuous_branch_seldom_taken_is_found():
    """When all the rest has been tried, what is new lies in one branch of forty."""
    space = keras_tuner.HyperParameters()
    space.Choice("kind", list(range(40)))
    with space.conditional_scope("kind", [7]):
        space.Float("rate", 0.0, 1.0)
    places = [(0, 0, slot) for slot in range(60)]
    drawn = draw_all(space, {}, places, KEY)
    assert list(drawn) == places
    assert len(set(texts(drawn.values()))) == 60
    assert sum(values["kind"] == 7 for values in drawn.values()) >= 60 - 39


def test_a_continuous_space_is_never_listed(monkeypatch):
    def refuse(*_):
        raise AssertionError("listed")

    monkeypatch.setattr(configurations, "enumerate_space", refuse)
    places = [(0, 0, slot) for slot in range(200)]
    assert len(draw_all(real_space(), {}, places, KEY)) == 200
