"""Each strategy looks like no other, and the same everywhere."""

from analysis.report import style
from spaces.strategies import STRATEGIES


def test_twelve_strategies_differ_in_colour_and_in_marker():
    positions = {f"strategy_{i}": i for i in range(12)}
    look = style.styles(positions)
    assert len({one.colour for one in look.values()}) == 12
    assert len({one.marker for one in look.values()}) == 12
    many = style.styles({str(i): i for i in range(40)})
    assert len(set(many.values())) == 40


def test_a_strategy_has_the_same_colour_beside_any_others():
    places = {name: place for place, name in enumerate(STRATEGIES)}
    every = style.styles(places)
    assert list(every) == list(STRATEGIES)
    assert len(set(every.values())) == len(every)
    for name, place in places.items():
        assert style.styles({name: place}) == {name: every[name]}
    some = style.styles({"new": 11, "sweeps": places["sweeps"], "newer": 12})
    assert some["sweeps"] == every["sweeps"]


def test_strategies_that_claim_one_place_do_not_look_alike():
    look = style.styles({"a": 1, "b": 1, "c": 0, "d": 2, "e": 1})
    assert len(set(look.values())) == 5
    # Nobody loses a place to one that came too late for its own.
    alone = style.styles({"a": 1, "c": 0, "d": 2})
    assert {name: look[name] for name in alone} == alone


def test_colours_stand_out_on_light_and_on_dark():
    def luminance(colour):  # WCAG 2
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for colour in style.COLOURS:
        assert 1.05 / (luminance(colour) + 0.05) >= 3
        assert (luminance(colour) + 0.05) / (luminance("#15181d") + 0.05) >= 3
