"""What each strategy's search chooses from, for these images."""

import pytest

from search.experiment import Experiment, ExperimentError
from search.search_spaces import search_spaces, strategy_rows
from spaces import STRATEGIES


class Images:
    """As much of a data set as a search space follows from."""

    class_names, mirror = ("a", "b"), False

    def __init__(self, *shape):
        self.image_shape = shape


def test_every_strategy_that_competes_has_its_own():
    spaces = search_spaces(Experiment("digits", ("patches", "lines")), Images(8, 8, 1))
    assert list(spaces) == ["patches", "lines"]
    patches, lines = ({parameter.name for parameter in space.space} for space in spaces.values())
    assert "patch" in patches and "patch" not in lines


def test_images_that_a_strategy_cannot_read_are_one_line():
    with pytest.raises(ExperimentError) as refused:
        search_spaces(Experiment("digits", ("cnn_flat",)), Images(1, 4000, 1))
    message = str(refused.value)
    assert "1x4000x1" in message and "--strategies" in message and len(message.splitlines()) == 1


def test_who_competes_is_told_in_the_order_asked_for():
    names = ["cnn_control", "lines"]
    rows = strategy_rows(names)
    assert [row["strategy"] for row in rows] == names
    assert [row["recurrent"] for row in rows] == [0, 1]
    assert [row["position"] for row in rows] == [list(STRATEGIES).index(name) for name in names]
