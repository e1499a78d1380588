"""A run -> what the report's sections are written from."""

from analysis.example import example
from analysis.report.findings import find


def test_the_order_is_that_of_the_test_and_the_untried_come_last():
    run = example(patches=0.5, lines=0.9)
    found = find(run)
    assert found.order == ["lines", "patches"] == list(found.tested.index)
    assert found.metric == run.experiment.objective.label
    assert set(found.look) == {"lines", "patches"}


def test_a_class_without_a_name_is_its_number():
    found = find(example(lines=0.9))
    assert found.class_names == [] and found.class_name(3) == "3"
