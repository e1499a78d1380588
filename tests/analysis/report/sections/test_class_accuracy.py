"""What wins where, by class."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import class_accuracy
from tests.support.synthetic_runs import make_run, many_classes


def test_a_selection_of_many_classes_is_said_to_be_one(tmp_path):
    picture = class_accuracy.picture(find(load_run(many_classes(tmp_path / "run"))))
    assert "Shown are the 12 of 100 classes in which strategies differ most" in picture.caption


def test_the_hardest_class_of_the_best_strategy_is_said(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"cnn_lines": 0.97})))
    best = found.tested.index[0]
    predicted = found.run.finals[found.run.finals.strategy == best].predictions
    shares = {
        label: sum((one == label)[found.labels == label].mean() for one in predicted)
        for label in set(found.labels)
    }
    hardest = min(shares, key=shares.get)
    share = 100 * shares[hardest] / len(predicted)
    said = f'Its lowest share is {share:.1f} %, of class "{hardest}".'
    assert said in class_accuracy.picture(found).caption


def test_two_classes_whose_names_are_cut_to_one_are_still_two(tmp_path):
    names = [f"a name too long to be told apart {number}" for number in range(10)]
    found = find(load_run(make_run(tmp_path / "run", class_names=names)))
    assert 'of class "a name too' in class_accuracy.picture(found).caption


def test_without_a_test_there_is_no_figure(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3)
    assert class_accuracy.picture(find(load_run(path))) is None
