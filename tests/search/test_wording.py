"""Text from outside, and hyperparameters, in words."""

import numpy as np
import pytest

from search.wording import NOTHING, one_line, value_in_words, values_in_words


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (True, "yes"), (False, "no"), (None, NOTHING), (float("nan"), NOTHING), (3, "3"),
        (0.00123456, "0.00123"), (64.0, "64"), (1e-5, "1e-05"), ("rows", "rows"),
        (np.float64(0.5), "0.5"), (float("inf"), "inf"),
    ],
)  # fmt: skip
def test_a_value_reads_the_same_everywhere(given, shown):
    assert value_in_words(given) == shown
    assert values_in_words({"a": given, "b": 1}) == f"a={shown} b=1"


def test_text_from_outside_is_one_tame_line():
    assert one_line("a\n\x1b[31mb\t c\udcff[x]") == "a [31mb c [x]"
    assert one_line("\u202eabc\x07\0\r") == "abc"
    assert one_line(OSError(2, "no\nfile")) == "[Errno 2] no file"
