"""Numbers and names as people read them."""

import json

import numpy as np
import pytest

from analysis.formatting import NOTHING, configuration, label, multiple, value
from search.terminal.screen import in_brief


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(0.0123, "0.012"), (1, "1"), (2.56, "2.6"), (99.4, "99"), (99.6, "100"), (164, "160"),
     (99_500, "100,000")],
)  # fmt: skip
def test_a_multiple_is_said_in_two_figures(ratio, said):
    assert multiple(ratio) == f"{said} times"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (True, "yes"), (False, "no"), (None, NOTHING), (float("nan"), NOTHING), (3, "3"),
        (0.00123456, "0.00123"), (64.0, "64"), (1024.0, "1024"), (1e-5, "1e-05"), ("rows", "rows"),
        ([1, 2], "[1, 2]"), (np.float64(0.5), "0.5"), (float("inf"), "inf"), ("a\nb", "a b"),
    ],
)  # fmt: skip
def test_a_value_reads_the_same_everywhere(given, shown):
    assert value(given) == shown


def test_the_report_and_the_terminal_print_a_configuration_alike():
    values = {"learning_rate": 0.0070994, "dropout": 0.0, "gate": True, "axis": "rows"}
    shown = "learning_rate=0.0071 dropout=0 gate=yes axis=rows"
    assert configuration(values) == in_brief(json.dumps(values)) == shown
    assert all(f"{name}={value(one)}" in shown for name, one in values.items())


def test_a_control_is_marked():
    assert label("mlp", control=True) == "mlp (control)"
    assert label("mlp") == "mlp"
