"""What matters within a strategy, on the page: only as far as the surrogate fits."""

import json

import numpy as np
import pandas as pd
import pytest

from analysis.report.sections.importance import sentence
from analysis.report.write import write_report
from analysis.statistics.importance import Importance
from search.store import Store
from tests.support.reports import csv_of
from tests.support.synthetic_runs import make_run


def plant(path, outcome):
    """Gives every trial the hyperparameters and the score of (its strategy, its slot)."""
    with Store(path).connect() as database:
        rows = database.execute("SELECT trial_id, strategy, slot FROM trials").fetchall()
        for trial_id, *place in rows:
            values, score = outcome(*place)
            database.execute(
                "UPDATE trials SET hyperparameters = ?, score = ?, status = 'completed', "
                "train_seconds = 1.0 "
                "WHERE trial_id = ?",
                (json.dumps(values), score, trial_id),
            )


def test_what_matters_is_drawn_where_the_surrogate_fits_and_only_there(tmp_path):
    path = make_run(tmp_path / "run", ["lines", "cnn_lines"], configurations=16)

    def outcome(strategy, slot):
        # Of lines the score follows from its units and its rate together, of cnn_lines from none.
        units, rate = slot % 4, slot // 4
        score = units * rate / 9 if strategy == "lines" else slot * 7 % 5 / 5
        return {"units": units, "rate": rate}, score

    plant(path, outcome)
    write_report(path)
    note = (path / "report" / "report.md").read_text("utf-8")
    assert "dependence-lines.png" in note and "dependence-cnn_lines.png" not in note
    assert "lines: the surrogate fits " in note
    assert "cnn_lines: the surrogate does not fit" in note
    shares = csv_of(path, "what-matters")
    assert set(shares.strategy) == {"lines", "cnn_lines"}
    assert set(shares.hyperparameter) == {"units", "rate"}
    (pair,) = csv_of(path, "pairs").to_dict("records")
    assert pair["strategy"] == "lines" and {pair["one"], pair["other"]} == {"units", "rate"}
    assert pair["share"] > 0.02
    named = f"{pair['one']} with {pair['other']} ({100 * pair['share']:.0f} %)"
    assert f"| lines | {named} |" in note


def test_a_pair_that_does_nothing_together_is_not_named(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=16)
    plant(path, lambda _, slot: ({"units": slot % 4, "idle": slot // 4}, (slot % 4) / 4))
    write_report(path)
    (pair,) = csv_of(path, "pairs").to_dict("records")
    assert pair["share"] < 0.01
    note = (path / "report" / "report.md").read_text("utf-8")
    assert "| lines | none of 1 % or more |" in note


@pytest.mark.parametrize(
    ("reason", "trust", "words"),
    [
        ("fitted", "none", "not to be trusted"), ("fitted", "good", "fits well"),
        ("too_few", "none", "3 completed configurations are too few"),
        ("one_value", "none", "No hyperparameter"), ("equal_scores", "none", "score the same"),
    ],
)  # fmt: skip
def test_what_can_be_said_is_said_and_no_more(reason, trust, words):
    frames = [pd.DataFrame()] * 3
    assert words in sentence(Importance("lines", 3, 5, np.nan, trust, reason, *frames))
