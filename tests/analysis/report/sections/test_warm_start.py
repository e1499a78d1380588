"""How the initial configurations fared, on the page and in words."""

import dataclasses
import json

import pandas as pd
import pytest

from analysis import load_run
from analysis.report.sections.warm_start import sentences
from analysis.report.write import write_report
from analysis.statistics.warm_start import fates, first_rung, superiority, warm_start
from search.experiment import InitialConfiguration
from search.metric import ACCURACY
from tests.support.synthetic_runs import make_run, settings


@pytest.fixture
def run(tmp_path):
    # Of each strategy slot 0 is best and goes on to the end; the last one fails.
    path = make_run(
        tmp_path / "run", ["lines", "cnn_lines", "new"], configurations=6,
        given={"lines": [0, 2], "cnn_lines": [5]},
    )  # fmt: skip
    return load_run(path)


def test_the_sentence_carries_its_uncertainty(run):
    first, second = sentences(warm_start(run), run)
    share, p = superiority(first_rung(run), ACCURACY)
    assert f"{100 * share:.0f} % of pairs" in first
    assert "Chance explains that (p = " in first and p > 0.05
    assert "exchanging 2 initial configurations and 9 random starts" in first
    assert "an initial one in 1 of 2 strategies with a warm start (lines)" in second
    assert "0.5 would be expected" in second  # two of six, and one of six


def test_the_report_has_the_section_only_where_there_is_a_warm_start(tmp_path, run):
    warm = write_report(run.path).path.read_text("utf-8")
    assert 'id="warm-start"' in warm
    assert "lines.json" in warm
    table = pd.read_csv(run.path / "report" / "tables" / "warm-start.csv")
    assert list(table.origin) == [one.origin for one in run.experiment.initial]
    plain = write_report(make_run(tmp_path / "plain", ["lines"])).path.read_text("utf-8")
    assert 'id="warm-start"' not in plain


@pytest.mark.parametrize("configurations", [0, 1])
def test_a_search_that_has_only_begun(tmp_path, configurations):
    path = make_run(
        tmp_path / "run", ["lines"], seeds=0, final_seeds=3, configurations=configurations,
        given={"lines": [0]},
    )  # fmt: skip
    run = load_run(path)
    (sentence,) = sentences(warm_start(run), run)
    assert "nothing to compare them with" in sentence
    write_report(path)


def test_what_was_translated_is_said(tmp_path):
    path = make_run(tmp_path / "run", ["lines"], given={"lines": [0]})
    saved = json.loads((path / "experiment.json").read_text())
    changed = InitialConfiguration("lines", settings(0, 0), "x.json", {"units": 48, "gone": 1})
    saved["experiment"]["initial"] = [dataclasses.asdict(changed)]
    (path / "experiment.json").write_text(json.dumps(saved))
    (values,) = fates(load_run(path)).translated
    assert values == {"units": (48, 32), "gone": (1, None)}
    write_report(path)
    said = "units 48 \N{RIGHTWARDS ARROW} 32, gone 1 \N{RIGHTWARDS ARROW} none"
    assert said in (path / "report" / "report.md").read_text("utf-8")
    table = pd.read_csv(path / "report" / "tables" / "warm-start.csv")
    assert list(table.translated) == [said]
