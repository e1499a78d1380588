"""The first screen."""

from analysis import load_run
from analysis.formatting import NOTHING
from analysis.report.findings import find
from analysis.report.sections import accuracy
from search.store import Store
from tests.support.synthetic_runs import STRATEGIES, make_run


def test_the_picture_says_who_is_first_and_who_is_last(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"lines": 0.6, "cnn_flat": 0.97})))
    picture = accuracy.picture(found)
    assert picture.title == "Test accuracy by strategy"
    means = found.summary["mean"]
    assert f"From cnn_flat ({100 * means['cnn_flat']:.1f} %) to lines" in picture.caption
    (ax,) = picture.drawn.axes
    assert [tick.get_text() for tick in ax.get_yticklabels()] == list(found.tested.index)
    assert ax.get_xlabel() == "test accuracy"


def test_a_simple_classifier_far_below_all_is_in_the_table_alone(tmp_path):
    path = make_run(tmp_path / "run", accuracies={"lines": 0.97})
    with Store.resume(path) as store:
        for label, score in (("trees", 0.9), ("the most frequent class", 0.1)):
            row = {"dataset": "digits", "baseline": label, "label": label, "setting": "{}"}
            row |= {"validation_score": score, "test_accuracy": score, "train_images": 9}
            row |= {"seconds": 0.1, "predictions": bytes(600)}
            store.record_report_rows("baselines", [row])
    found = find(load_run(path))
    (ax,) = accuracy.picture(found).drawn.axes
    shown = [tick.get_text() for tick in ax.get_yticklabels()]
    assert "trees" in shown and "the most frequent class" not in shown
    listed = [row[0] for row in accuracy.brief(found).rows]
    assert listed[-2:] == ["trees", "the most frequent class"]


def test_the_table_has_every_strategy_the_best_first(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"lines": 0.97})))
    table = accuracy.brief(found)
    assert list(table.columns) == [
        "strategy", "test accuracy", "behind, points", "multiply-adds"
    ]  # fmt: skip
    assert [row[0] for row in table.rows] == list(found.summary.index)
    assert table.rows[0][2] == "best"
    assert all("(" not in row[2] for row in table.rows)  # without the interval


def test_before_the_finals_the_validation_accuracy_is_shown(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, accuracies={"cnn_flat": 0.97})
    found = find(load_run(path))
    assert accuracy.picture(found).title == "Validation accuracy by strategy"
    assert "cnn_flat leads" in accuracy.picture(found).caption
    table = accuracy.brief(found)
    assert table.columns[1:3] == ["validation accuracy", "after epochs"]
    assert [row[2] for row in table.rows] == ["9"] * len(STRATEGIES)


def test_nothing_scored_is_not_drawn(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", broken=STRATEGIES)))
    assert accuracy.picture(found) is None
    assert [row[1] for row in accuracy.brief(found).rows] == [NOTHING] * len(STRATEGIES)
