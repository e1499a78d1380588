"""Sections that are still to move: ranks, importance, early stopping."""

import json

import pytest

from analysis import load_run
from analysis.formatting import multiple
from analysis.report.comparison import write_comparison
from analysis.report.render import markdown
from analysis.report.write import write_report
from analysis.statistics import ranks as rankings
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
                "UPDATE trials SET hyperparameters = ?, score = ?, status = 'completed' "
                "WHERE trial_id = ?",
                (json.dumps(values), score, trial_id),
            )


def test_what_many_data_sets_say_together(tmp_path):
    levels = {"lines": 0.95, "cnn_lines": 0.9, "cnn_flat": 0.6, "cnn_control": 0.5}
    paths = [
        make_run(tmp_path / name, list(levels), levels, images=500, dataset=name)
        for name in ("a", "b", "c", "d", "e", "f")
    ]
    report = write_comparison(paths)
    note = report.path.with_suffix(".md").read_text("utf-8")
    runs = [load_run(path) for path in paths]
    table = rankings.accuracy_table(rankings.accuracies(dict(zip("abcdef", runs, strict=True))))
    said = rankings.compare_ranks(table).sentence
    assert "Friedman's test: p < 0.001" in said
    assert said in report.verdict.sentences
    assert note.count(str(markdown(said))) == 2  # on the first screen, and beside the ranks
    assert "![Mean rank over data sets" in note
    ranks = csv_of(paths[0], "comparison-ranks").set_index("strategy")
    assert ranks["mean rank"].to_dict() == rankings.ranks(table)["mean rank"].to_dict()
    wins = csv_of(paths[0], "comparison-win-matrix").set_index(["strategy", "other"])
    assert tuple(wins.loc[("lines", "cnn_flat")][["wins", "ties", "losses"]]) == (6, 0, 0)
    assert "| cnn_flat | 0 / 0 / 6 |" in note


def test_a_few_data_sets_are_said_to_be_too_few_and_get_no_diagram(tmp_path):
    paths = [make_run(tmp_path / name, dataset=name) for name in ("a", "b")]
    note = write_comparison(paths).path.with_suffix(".md").read_text("utf-8")
    assert "2 data sets and 4 strategies are too few to test ranks" in note
    assert "critical-difference" not in note
    assert len(csv_of(paths[0], "comparison-ranks")) == 4
    assert len(csv_of(paths[0], "comparison-win-matrix")) == 12


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(0.0123, "0.012"), (1, "1"), (2.56, "2.6"), (99.4, "99"), (99.6, "100"), (164, "160"),
     (99_500, "100,000")],
)  # fmt: skip
def test_a_multiple_is_said_in_two_figures(ratio, said):
    assert multiple(ratio) == f"{said} times"


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


def test_early_stopping_is_shown_by_rung(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=8)
    with Store(path).connect() as database:
        # The first slot, which goes on to the end, was the third best at first.
        for slot, score in enumerate([0.5, 0.9, 0.6, 0.4, 0.3, 0.2, 0.1]):
            database.execute(
                "UPDATE trials SET score = ? WHERE rung = 0 AND slot = ?", (score, slot)
            )
        database.execute("UPDATE trials SET score = 0.95 WHERE rung > 0")
    write_report(path)
    note = (path / "report" / "report.md").read_text("utf-8")
    assert "| lines | 1 | lost | 3 of 7 | 5.0 |" in note
    assert len(csv_of(path, "shorter-searches")) == 3
