"""The report: of every kind of run, from hostile names, and as a command."""

import hashlib
import json
import re
from pathlib import Path

import matplotlib.pyplot
import pytest

from analysis import load_run
from analysis.__main__ import main
from analysis.report.write import write_report
from search.store import ExperimentError, Store
from tests.support.reports import HOSTILE, check
from tests.support.synthetic_runs import STRATEGIES, make_run

ROOT = Path(__file__).parents[3]


def test_a_finished_run(tmp_path):
    accuracies = {"lines": 0.6, "cnn_lines": 0.97, "cnn_flat": 0.5, "line_cnn": 0.7}
    page, note = check(make_run(tmp_path / "run", accuracies=accuracies))
    assert page.tags.count("svg") == 5
    for text in (page.text, note):
        assert "cnn_lines wins on digits" in text
        for word in (
            *STRATEGIES, "out of memory", "python run_search.py", "3.15.1", "8 GiB", "learning_rate"
        ):  # fmt: skip
            assert word in text
        assert "in detail" not in text  # first lines only


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("interim", {"seeds": 0, "final_seeds": 3, "running": 2}),
        ("interim", {"seeds": 1, "final_seeds": 3}),
        ("interim", {"seeds": 0, "configurations": 0, "final_seeds": 3}),
        ("interim", {"seeds": 0, "configurations": 0, "final_seeds": 3, "running": 1}),
        ("every trial failed", {"broken": STRATEGIES}),
        ("every trial failed", {"broken": STRATEGIES, "message": ""}),
        ("nothing to compare", {"strategies": ["lines"]}),
        ("nothing to compare", {"strategies": ["lines"], "configurations": 1}),
        ("nothing to compare", {"strategies": ["lines"], "configurations": 1, "seeds": 1}),
        ("nothing to compare", {"broken": STRATEGIES[1:]}),
        ("too few seeds", {"seeds": 1}),
        ("nothing was tested", {"seeds": 0}),
        ("(control)", {"strategies": ["lines", "cnn_control"]}),
        ("digits", {"strategies": [f"strategy_{i}" for i in range(14)], "configurations": 2}),
    ],
)
def test_every_kind_of_run_gives_a_report(tmp_path, kind, options):
    for text in (page_and_note := check(make_run(tmp_path / "run", **options))):
        assert kind.lower() in getattr(text, "text", text).lower()
    if kind in ("interim", "nothing was tested"):
        assert "no winner" in page_and_note[0].text.lower()


def test_names_from_data_stay_text(tmp_path):
    path = make_run(
        tmp_path / "run", class_names=HOSTILE, message=HOSTILE[0] + " | x\n" + HOSTILE[1],
        dataset="<b>'\"&|`*_",
    )  # fmt: skip
    page, note = check(path)
    assert "alert(1)" in page.text  # as text
    # Letters that run from right to left stay among themselves.
    assert "<bdi>\u05d0\u05d1 &lt;x&gt;</bdi>" in (path / "report/report.html").read_text("utf-8")
    rows = json.loads(page.scripts[0])["rows"]
    assert any("alert(1)" in cell for row in rows for cell in row)
    assert "{{ 7 * 7 }}" in page.text
    assert "\u202e" not in page.text + note
    assert "y" * 200 not in page.text
    assert not re.search(r"<(script|img|b)\b", note)
    assert "](javascript" not in note.replace("\\]", "")


def test_hostile_experiment_and_about_stay_text(tmp_path):
    path = make_run(tmp_path / "run", strategies=["<i>|`", "$x$_"], configurations=2)
    saved = (path / "experiment.json").read_text()
    saved = saved.replace("python run_search.py", "</code><script>x()</script>\\n# `")
    (path / "experiment.json").write_text(saved.replace("3.15.1", "<s>|"))
    page, note = check(path)
    assert "<i>|`" in page.text
    assert "$x$_" in page.text
    assert "\n# `" not in note


@pytest.mark.parametrize("about", ["{}", '{"hardware": {}, "versions": {}, "devices": []}'])
def test_every_key_of_about_may_be_missing(tmp_path, about):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    file = path / "experiment.json"
    start, _, _ = file.read_text().partition('"about"')
    file.write_text(start + f'"about": {about}}}')
    check(path)


def test_the_same_run_gives_the_same_bytes_and_touches_nothing_else(tmp_path):
    path = make_run(tmp_path / "run")
    before = digests(path)
    write_report(path)
    first = digests(path)
    write_report(path)
    assert digests(path) == first
    assert {name: first[name] for name in before} == before
    assert {Path(name).parts[0] for name in first.keys() - before.keys()} == {"report"}
    assert matplotlib.pyplot.get_fignums() == []


def digests(path):
    return {
        str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file()
    }


def test_a_report_that_cannot_be_written_is_one_line(tmp_path, capsys):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    (path / "report").write_text("in the way")
    with pytest.raises(ExperimentError, match="cannot write"):
        write_report(path)
    assert main([str(path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_run_that_is_being_written_can_be_reported(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    with Store.resume(path):
        check(path)


# While the search runs


def test_an_unfinished_run_says_how_far_it_is_and_loads_again(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    epochs = len(load_run(path).epochs)
    with Store.resume(path) as store:
        store.record_plan("digits", {"lines": (1, epochs), "cnn_lines": (1, epochs)})
    write_report(path, unfinished=True)
    page = (path / "report" / "report.html").read_text("utf-8")
    assert 'data-reload="30"' in page
    assert f"{epochs} epochs of about {2 * epochs} (50\N{NO-BREAK SPACE}%)" in page
    assert [file.name for file in (path / "report").iterdir()] == ["report.html"]
    write_report(path)
    page = (path / "report" / "report.html").read_text("utf-8")
    assert "data-reload" not in page.partition("<script>")[0]


def test_an_unfinished_run_of_which_nobody_says_what_is_planned(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    write_report(path, unfinished=True)
    assert "<progress" not in (path / "report" / "report.html").read_text("utf-8")


def test_nothing_has_begun_and_there_is_a_page(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, configurations=0)
    write_report(path, unfinished=True)
    assert "0 trials ended" in (path / "report" / "report.html").read_text("utf-8")
