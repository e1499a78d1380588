"""How source is written; that models are built by it is test_source.py's."""

import ast

import pytest

from spaces.python_code import WIDTH, Call, assigned, docstring, literal, straight_runs


@pytest.mark.parametrize(
    "value", [None, True, 3, 0.1, "a\"b'\n", (), (1,), (1, "b", (2.5,)), {"a": {"b": (1, 2)}}]
)
def test_a_value_written_and_read_is_the_value(value):
    assert ast.literal_eval(literal(value)) == value


def test_what_is_no_json_is_refused():
    with pytest.raises(ValueError, match="cannot be written"):
        literal({1, 2})


@pytest.mark.parametrize("count", [1, 10, 100])
def test_a_call_keeps_to_the_width_however_many_its_arguments(count):
    inner = Call("inner", [f"name_{number}={number}" for number in range(count)])
    written = Call("outer", [inner, "last=1"]).written("x = ")
    (statement,) = ast.parse(written).body
    assert len(statement.value.args[0].keywords) == count
    assert max(map(len, written.splitlines())) <= WIDTH


def test_an_assignment_of_many_has_one_a_line():
    written = assigned("NAMES", ["some class"] * 50)
    assert max(map(len, written.splitlines())) <= WIDTH
    assert ast.literal_eval(ast.parse(written).body[0].value) == ["some class"] * 50


def test_text_cannot_end_its_quotes():
    text = 'a """ b \\ c"'
    assert ast.literal_eval(docstring(text).strip()).strip() == text


def test_runs_are_what_they_stand_for():
    for order in ([0, 1, 2, 5, 4, 3, 9], [3], [], [0, 2, 4, 1]):
        assert [number for run in straight_runs(order) for number in run] == order
