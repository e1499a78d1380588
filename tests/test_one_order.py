"""Who is better is one judgement: search, decision, report and terminal all make it alike."""

import dataclasses

import pytest

from analysis import load_run
from analysis.report import comparison
from analysis.report.findings import find
from analysis.report.sections import (
    accuracy,
    class_accuracy,
    cost,
    equal_budgets,
    learning_curves,
    mistakes,
    ranks,
    recurrence,
    trials,
)
from analysis.run import best_first, latest, representatives
from analysis.statistics.decision import decide
from analysis.statistics.early_stopping import shorter_searches
from analysis.statistics.warm_start import first_rung
from search.experiment import Experiment
from search.metric import ACCURACY
from search.ranking import finalists
from search.report_images import mistakes as mistaken
from search.store import Store
from search.terminal.screen import strategies
from search.terminal.status import read_status
from tests.support.synthetic_runs import make_run, with_images

LEVELS = {"lines": 0.9, "patches": 0.7, "cnn_control": 0.5}


def searched(path, columns):
    """A search of two strategies without finals, whose trials have other columns."""
    make_run(path, ["lines", "patches"], seeds=0, final_seeds=3)
    with Store.resume(path) as store, store.connect() as database:
        for strategy, values in columns.items():
            settings = ", ".join(f"{name} = :{name}" for name in values)
            where = "strategy = :strategy AND status = 'completed'"
            database.execute(
                f"UPDATE trials SET {settings} WHERE {where}", {**values, "strategy": strategy}
            )
    return path


@pytest.mark.parametrize(
    "columns",
    [
        {"lines": {"score": 0.5, "val_loss": 0.9}, "patches": {"score": 0.5, "val_loss": 0.8}},
        {"lines": {"score": 0.5, "val_loss": None}, "patches": {"score": 0.5, "val_loss": 9.0}},
        {
            "lines": {"score": 0.5, "val_loss": 0.8, "first_epoch": 0, "last_epoch": 9},
            "patches": {"score": 0.5, "val_loss": 0.8, "first_epoch": 0, "last_epoch": 3},
        },
    ],
)
def test_of_equal_scores_all_name_the_same(tmp_path, columns):
    """The lower validation loss, then the fewer epochs; not the first in the experiment."""
    path = searched(tmp_path / "run", columns)
    store, run = Store(path), load_run(path)
    found = find(run)
    chosen = finalists(store.trials(), ACCURACY)
    assert list(chosen) == ["patches", "lines"]
    ranked = best_first(latest(run.trials), ACCURACY)
    assert ranked.trial_id.iloc[0] == chosen["patches"].trial_id
    assert representatives(run).trial_id["patches"] == chosen["patches"].trial_id
    assert decide(run).best == "patches"
    assert found.order == ["patches", "lines"]
    assert trials.trial_table(run).rows[0][0] == "patches"
    assert "patches leads" in accuracy.picture(found).caption
    assert [row[0] for row in accuracy.brief(found).rows] == ["patches", "lines"]
    progress = read_status(store, now=2000.0).progress
    assert list(progress.best) == ["patches", "lines"]
    cells = strategies(progress, width=80, room=2).columns[0].cells
    assert ["bold" in str(cell.spans) for cell in cells] == [False, True]


@pytest.fixture
def turned(monkeypatch):
    """Turns the metric round: less is better from here on."""

    def turn():
        lowest = dataclasses.replace(ACCURACY, direction="min")
        monkeypatch.setattr(Experiment, "objective", property(lambda _: lowest))

    return turn


def judgements(path):
    """Everything that a finished run is judged to say, by who judges."""
    store, run = Store(path), load_run(path)
    asked, found = run.experiment, find(run)
    shorter = shorter_searches(run.trials, asked.objective)
    control = recurrence.section(found).prose[0]
    runs = dict.fromkeys("abcdef", run)
    several = [found, dataclasses.replace(found, run=dataclasses.replace(run, path=path / "again"))]
    table = comparison.accuracies(several)
    wins = comparison.wins(several, table).parts[0].rows
    return {
        "finalists": next(iter(finalists(store.trials(), asked.objective))),
        "best trial": best_first(run.trials, asked.objective).trial_id.iloc[0],
        "decision": found.decision.best,
        "worse": found.decision.why.worse,
        "earned": found.decision.why.earned,
        "may be the best": found.decision.group,
        "order": found.order,
        "trial table": trials.trial_table(run).rows[0][8],
        "first screen": [row[0] for row in accuracy.brief(found).rows],
        "its caption": accuracy.picture(found).caption.partition("From ")[2][:8],
        "classes": class_accuracy.picture(found).caption.partition(" leads in ")[0][-12:],
        "fronts": cost.section(found).parts[0].caption.partition(" is more accurate")[0],
        "front": cost.section(found).parts[1].rows,
        "curves": learning_curves.section(found).parts[0].caption.partition("Of the best, ")[2][:8],
        "recurrence": control[:30],
        "at equal budgets": [row[0] for row in equal_budgets.section(found).parts[0].rows],
        "mistakes": mistakes.section(found).title,
        "images": mistaken(store.finals(), run.test_labels, asked.strategies, asked.objective)[:9],
        "shorter searches": shorter.finalist.to_list(),
        "first rung": first_rung(run).place.to_list(),
        "ranks": ranks.section(runs, found.look, list(LEVELS)).parts[-1].rows,
        "comparison": list(table.index),
        "its places": [row[1].partition("(")[2] for row in wins if row[0] == "lines"],
        "terminal": next(iter(read_status(store, now=2000.0).progress.best)),
    }


def test_where_less_is_better_every_judgement_turns_round(tmp_path, turned):
    path = tmp_path / "run"
    make_run(path, list(LEVELS), LEVELS, images=2000, given={"lines": [1]})
    with_images(path)
    as_it_is = judgements(path)
    turned()
    round_ = judgements(path)
    for name, said in as_it_is.items():
        assert said != round_[name], f"{name}: {said}"
    assert as_it_is["decision"] == "lines" and round_["decision"] == "cnn_control"
    assert as_it_is["order"] == round_["order"][::-1] == list(LEVELS)


def test_a_search_under_way_turns_round_too(tmp_path, turned):
    path = tmp_path / "run"
    make_run(path, list(LEVELS), LEVELS, seeds=0, final_seeds=3)
    run = load_run(path)
    assert (decide(run).best, find(run).order[0]) == ("lines", "lines")
    assert "lines leads" in accuracy.picture(find(run)).caption
    turned()
    assert (decide(run).best, find(run).order[0]) == ("cnn_control", "cnn_control")
    assert "cnn_control (control) leads" in accuracy.picture(find(run)).caption
