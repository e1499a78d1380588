"""How configurations learned."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import learning_curves
from tests.support.synthetic_runs import make_run


def test_every_strategy_has_its_axes_and_the_leaders_are_said(tmp_path):
    found = find(load_run(make_run(tmp_path / "run", accuracies={"cnn_flat": 0.99})))
    (picture,) = learning_curves.section(found).parts
    titles = [ax.get_title() for ax in picture.drawn.axes]
    assert titles == list(found.run.experiment.strategies)
    assert "cnn_flat leads both after 1 epoch" in picture.caption
    assert "and after 9 (" in picture.caption


def test_a_thousand_curves_are_one_broken_line(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=110, seeds=0, final_seeds=3)
    found = find(load_run(path))
    (picture,) = learning_curves.section(found).parts
    (ax,) = picture.drawn.axes
    thin = [line for line in ax.lines if line.get_rasterized()]
    assert len(thin) == 1
    curves = found.run.epochs.groupby("configuration").size()
    assert len(thin[0].get_xdata()) == curves.sum() + len(curves) - 1


def test_no_epoch_has_ended(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, configurations=0)
    assert learning_curves.section(find(load_run(path))).prose == [
        "No trial has recorded an epoch."
    ]
