"""What is read from a file has its types, or is refused with what is wrong and where."""

import dataclasses

import pytest

from search.validation import Count, Scalar, Share, checked, parsed


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two numbers, the first not 13."""

    first: Count
    second: Share | None = None

    def __post_init__(self):
        if self.first == 13:
            raise ValueError("first is unlucky")


def refusal(function, *arguments):
    with pytest.raises(ValueError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable()
    return message


def test_what_fits_is_returned_as_its_kind():
    assert checked(Pair, {"first": 1, "second": 0.5}, "row") == Pair(1, 0.5)
    assert checked(Pair, {"first": 1, "second": 1}, "row") == Pair(1, 1.0)  # JSON has one number
    assert checked(Pair, {"first": 1, "later": "column"}, "row") == Pair(1)
    assert parsed(dict[str, Scalar], '{"a": null, "b": [][0:0]}'.replace("[][0:0]", "2"), "x") == {
        "a": None,
        "b": 2,
    }


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "object missing required field first, at row"),
        ({"first": 0}, "expected int >= 1, at row.first"),
        ({"first": "1"}, "expected int, got str, at row.first"),
        ({"first": True}, "expected int, got bool, at row.first"),
        ({"first": 1, "second": 1.5}, "expected float <= 1.0, at row.second"),
        ({"first": 1, "second": float("inf")}, "expected float <= 1.0, at row.second"),
        ({"first": 13}, "first is unlucky, at row"),
        ([1], "expected object, got array, at row"),
        (None, "expected object, got null, at row"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(value, message):
    assert refusal(checked, Pair, value, "row") == message


@pytest.mark.parametrize(
    "text",
    ["", "{", "[1,]", '{"a": NaN}', '{"a": Infinity}', "[" * 100_000, "9" * 5000, "\x1b[31m"],
)
def test_what_is_no_json_is_refused(text):
    assert refusal(parsed, dict[str, Scalar], text, "values").endswith("at values")
