"""Which classes are confused, and the images that are classified wrongly."""

import numpy as np
import pandas as pd

from analysis import load_run
from analysis.report.elements import Gallery
from analysis.report.findings import find
from analysis.report.sections import mistakes
from analysis.report.sections.mistakes import confusion
from analysis.report.write import write_report
from tests.support.reports import csv_of
from tests.support.synthetic_runs import STRATEGIES, make_run, many_classes, with_images


def test_confusions_are_counted_over_all_seeds():
    labels, predicted = np.array([0, 0, 1, 2]), np.array([[0, 1, 1, 2], [0, 0, 1, 0]])
    counts = confusion(labels, predicted, 3)
    assert counts.sum() == predicted.size
    assert counts.tolist() == [[3, 1, 0], [0, 2, 0], [1, 0, 1]]


def test_the_images_are_shown_with_what_was_predicted(tmp_path):
    path = with_images(make_run(tmp_path / "run", accuracies=dict.fromkeys(STRATEGIES, 0.7)))
    found = find(load_run(path))
    best = found.verdict.best
    assert found.run.images.split.value_counts()["test"] == 40
    wrong = next(p for p in mistakes.section(found).parts if isinstance(p, Gallery))
    rows = found.run.finals[found.run.finals.strategy == best]
    predicted = np.stack(list(rows.predictions))
    for tile in wrong.tiles:
        true, said = tile.text.split(", predicted ")
        # In this run a wrong answer is the class after the correct one.
        assert int(said) == (int(true) + 1) % 10
    kept = found.run.images[found.run.images.split == "test"].position
    misses = (predicted[:, kept] != found.labels[kept]).mean(axis=0) > 0.5
    assert len(wrong.tiles) == sum(misses)
    write_report(path)
    page = (path / "report" / "report.html").read_text("utf-8")
    # Samples; a map, three images and their sequences; mistakes.
    assert page.count("<img") == 3 + 1 + 2 * 3 + len(wrong.tiles)


def test_the_file_has_every_pair_of_classes(tmp_path):
    path = make_run(tmp_path / "run", accuracies={"lines": 0.99})
    write_report(path)
    found = find(load_run(path))
    predicted = found.run.finals[found.run.finals.strategy == found.tested.index[0]].predictions
    expected = pd.crosstab(np.tile(found.labels, len(predicted)), np.concatenate(list(predicted)))
    pairs = csv_of(path, "confusion").set_index(["true", "predicted"])["count"]
    assert pairs.sum() == expected.to_numpy().sum()
    for (true, said), count in pairs.items():
        assert expected.loc[true, said] == count


def test_without_kept_images_there_is_no_gallery(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    assert not [p for p in mistakes.section(found).parts if isinstance(p, Gallery)]


def test_a_selection_of_many_classes_is_said_to_be_one(tmp_path):
    found = find(load_run(many_classes(tmp_path / "run")))
    picture, table = mistakes.section(found).parts
    assert "12 of 100 classes that" in picture.caption
    assert len(table.rows) == mistakes.MOST_CONFUSIONS
