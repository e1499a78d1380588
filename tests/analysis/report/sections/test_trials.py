"""Every trial, and how each strategy's ended."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import trials
from tests.support.synthetic_runs import STRATEGIES, make_run


def test_every_trial_is_there_the_best_first_the_unscored_last(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    table = trials.trial_table(run)
    names = [row[8] for row in table.rows]
    assert sorted(names) == sorted(run.trials.trial_id)
    scores = table.keys[2]
    scored = [score for score in scores if score is not None]
    assert scored == sorted(scored, reverse=True)
    assert scores[len(scored) :] == [None] * len(STRATEGIES)
    assert "learning_rate=0.00123" in table.rows[0][9]
    assert table.rows[-1][1] == "failed" and table.rows[-1][9] == "out of memory"
    assert table.columns[2] == "validation accuracy"


def test_the_trials_of_each_strategy_are_counted(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    progress, _ = trials.section(find(load_run(path))).parts
    # Three rungs of the first of four configurations, two others, and one that fails.
    assert [row[:6] for row in progress.rows] == [
        [name, str(4 + extra), "5", "1", str(extra), "11"]
        for name, extra in zip(STRATEGIES, (1, 0, 0, 0), strict=True)
    ]
