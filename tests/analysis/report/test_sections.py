"""The report's parts: images as sequences, confusions, files beside the page, several runs."""

import csv
import io
import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from analysis import load_run
from analysis.__main__ import main
from analysis.formatting import clean, multiple
from analysis.report import plots, sections
from analysis.report.comparison import accuracies, labels, write_comparison
from analysis.report.elements import Gallery, Table, sheet, to_csv, to_png
from analysis.report.findings import find
from analysis.report.gallery import confusion, fitted, mistakes, unrolled
from analysis.report.render import for_script, html, markdown, plain
from analysis.report.write import write_report
from analysis.statistics import budgets
from analysis.statistics import ranks as rankings
from search.schema import FinalRow
from search.store import Store
from tests.support.synthetic_runs import STRATEGIES, blob, final, make_run, with_images


def test_a_sequence_holds_every_pixel_once_in_the_order_of_time():
    random = np.random.default_rng(0)
    image = random.integers(0, 256, (6, 5, 3), dtype=np.uint8)
    rows, columns = np.indices((6, 5))
    by_column = unrolled(image, columns)
    assert (by_column[:, :, :3] == image).all()
    assert (unrolled(image, rows)[:, :, :3] == image.transpose(1, 0, 2)).all()
    # Timesteps of unlike sizes: clear below the last pixel.
    times = random.integers(0, 4, (6, 5))
    strip = unrolled(image, times)
    assert strip.shape == (np.bincount(times.ravel()).max(), 4, 4)
    for step in range(4):
        opaque = strip[:, step, 3] == 255
        assert (strip[opaque, step, :3] == image[times == step]).all()


def test_a_coarse_map_is_stretched_over_the_image():
    assert (fitted(np.array([[0], [1]]), (4, 3)) == [[0] * 3] * 2 + [[1] * 3] * 2).all()


def test_confusions_are_counted_over_all_seeds():
    labels, named = np.array([0, 0, 1, 2]), np.array([[0, 1, 1, 2], [0, 0, 1, 0]])
    counts = confusion(labels, named, 3)
    assert counts.sum() == named.size
    assert counts.tolist() == [[3, 1, 0], [0, 2, 0], [1, 0, 1]]


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_an_image_survives_as_png(channels):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 7, channels), dtype=np.uint8)
    with Image.open(io.BytesIO(to_png(pixels))) as read:
        assert (np.asarray(read).reshape(4, 7, channels) == pixels).all()
    assert sheet([pixels] * 9).shape[2] == 4


def test_no_cell_of_a_csv_file_is_a_formula():
    frame = pd.DataFrame({"=a": ["=1+1", "@x", "plain"], "n": [-1.5, 2.0, np.nan]})
    head, *rows = csv.reader(to_csv(frame).decode().splitlines())
    assert head == ["'=a", "n"]
    assert rows == [["'=1+1", "-1.5"], ["'@x", "2.0"], ["plain", ""]]


def test_every_table_of_the_report_is_a_file(tmp_path):
    path = make_run(tmp_path / "run")
    write_report(path)
    found = find(load_run(path))
    names = [
        part.name
        for section in sections.make(found)
        for part in section.parts
        if part.kind in ("table", "trials")
    ]
    assert len(names) == len(set(names)) >= 7
    files = {file.stem for file in (path / "report" / "tables").iterdir()}
    assert files == {*names, "brief"}
    trials = pd.read_csv(path / "report" / "tables" / "trials.csv")
    assert sorted(trials.trial_id) == sorted(load_run(path).trials.trial_id)


def test_text_is_escaped_and_isolated_where_it_is_text_and_bare_where_it_is_not():
    name = clean('<b> \u05d0"')
    assert html(name) == "<bdi>&lt;b&gt; \u05d0&#34;</bdi>"
    assert plain(name) == "&lt;b&gt; \u05d0&#34;"
    assert "</script" not in for_script([name, "</script>"])
    assert json.loads(str(for_script([name, "</script>\u2028&"]))) == [name, "</script>\u2028&"]
    assert len(clean("\u05d0" * 10_000)) < 90


def test_a_strategy_has_the_same_colour_beside_any_others():
    alone = plots.styles(["sweeps"])["sweeps"]
    assert plots.styles(["lines", "new", "sweeps"])["sweeps"] == alone
    assert plots.styles(["new", "sweeps", "newer"])["sweeps"] == alone
    every = plots.styles([*plots._KNOWN, "a", "b"])
    assert len(set(every.values())) == len(every)


# What an image section needs


def test_the_images_are_shown_with_what_they_were_named(tmp_path):
    path = with_images(make_run(tmp_path / "run", accuracies=dict.fromkeys(STRATEGIES, 0.7)))
    found = find(load_run(path))
    made = {section.name: section for section in sections.make(found)}
    (samples,) = made["samples"].parts
    assert [tile.text for tile in samples.tiles] == ["0", "1", "2"]
    (readings,) = made["sequences"].parts
    assert [row.strategy for row in readings.rows] == ["lines"]
    best = found.verdict.best
    assert found.run.images.split.value_counts()["test"] == 40
    wrong = next(part for part in made["mistakes"].parts if isinstance(part, Gallery))
    rows = found.run.finals[found.run.finals.strategy == best]
    named = np.stack(list(rows.predictions))
    for tile in wrong.tiles:
        true, said = tile.text.split(", named ")
        # In this run a wrong answer is the class after the right one.
        assert int(said) == (int(true) + 1) % 10
    kept = found.run.images[found.run.images.split == "test"].position
    assert len(wrong.tiles) == sum((named[:, kept] != found.labels[kept]).mean(axis=0) > 0.5)
    write_report(path)
    page = (path / "report" / "report.html").read_text("utf-8")
    assert page.count("<img") == 3 + 1 + 2 * 3 + len(wrong.tiles)


def test_a_run_without_images_has_no_sections_of_them(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    assert not {"samples", "sequences"} & {section.name for section in sections.make(found)}
    assert not [p for p in mistakes(found).parts if isinstance(p, Gallery)]


def test_an_older_run_without_the_tables_of_images_is_read(tmp_path):
    path = make_run(tmp_path / "run")
    with Store(path).connect() as database:
        database.execute("DROP TABLE images")
        database.execute("DROP TABLE sequences")
    run = load_run(path)
    assert run.images.empty
    assert run.sequences.empty
    write_report(path)


def test_many_classes_are_a_selection_and_said_to_be(tmp_path):
    path = make_run(
        tmp_path / "run", strategies=["lines", "cnn_lines"], configurations=1, seeds=1, images=1000,
        class_names=[f"class {i}" for i in range(100)],
    )  # fmt: skip
    truth = np.arange(1000) % 100
    random = np.random.default_rng(0)
    with Store.resume(path) as store:
        store.record_test_labels("digits", blob(truth))
        for strategy in ("lines", "cnn_lines"):
            named = np.where(random.random(1000) < 0.6, truth, random.integers(0, 100, 1000))
            store.record_final(FinalRow(**final(strategy, 0, truth, named)))
    write_report(path)
    note = (path / "report" / "report.md").read_text("utf-8")
    assert "Shown are the 12 of 100 classes in which strategies differ most" in note
    assert "12 of 100 classes that" in note


# While the search runs


def test_an_unfinished_run_says_how_far_it_is_and_loads_again(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=3, running=1)
    epochs = len(load_run(path).epochs)
    with Store.resume(path) as store:
        store.record_plan("digits", {"lines": (1, epochs), "cnn_lines": (1, epochs)})
    write_report(path, unfinished=True)
    page = (path / "report" / "report.html").read_text("utf-8")
    assert 'data-reload="30"' in page
    assert f"{epochs} epochs of about {2 * epochs} (50 %)" in page
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


# Several runs


@pytest.fixture
def runs(tmp_path):
    return [
        make_run(tmp_path / "one", dataset="digits", accuracies={"lines": 0.99}),
        make_run(tmp_path / "two", dataset="mnist", strategies=["cnn_lines", "new"], seeds=2),
        make_run(tmp_path / "three", dataset="digits", seeds=0, final_seeds=3),
    ]


def test_runs_are_compared_in_one_report(runs, capsys):
    assert main([str(path) for path in runs]) == 0
    assert "3 runs on 2 data sets compared" in capsys.readouterr().out
    folder = runs[0] / "report"
    page = (folder / "comparison.html").read_text("utf-8")
    note = (folder / "comparison.md").read_text("utf-8")
    for text in (page, note):
        assert "digits (one)" in text
        assert "digits (three)" in text
        assert "Not alike: final seeds" in text
    assert not (folder / "report.html").exists()  # the runs' own reports stay as they are
    assert not (runs[1] / "report").exists()
    table = pd.read_csv(folder / "tables" / "comparison-accuracy.csv", index_col=0)
    summary = find(load_run(runs[0])).summary["mean"]
    assert table["digits (one)"].to_dict() == pytest.approx(
        {**summary.to_dict(), "new": np.nan}, nan_ok=True
    )
    assert table["digits (three)"].isna().all()


def csv_of(folder, name):
    return pd.read_csv(folder / "report" / "tables" / f"{name}.csv")


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


def test_the_page_draws_the_front_of_every_cost(tmp_path):
    path = make_run(tmp_path / "run", accuracies={"lines": 0.6, "cnn_lines": 0.97})
    page = write_report(path).path.read_text("utf-8")
    found = find(load_run(path))
    front = csv_of(path, "pareto")
    expected = budgets.pareto(budgets.costs(found.run, found.summary))
    assert front.to_dict("list") == pytest.approx(expected.to_dict("list"))
    assert set(front.cost) == set(budgets.COSTS)
    for name, _ in plots.COSTS.values():
        assert f">{name}<" in page
    cheap = front[(front.cost == "parameters") & front.front].strategy
    assert list(cheap) == ["lines", "cnn_lines"]


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


def test_the_comparison_goes_where_it_is_told(runs, tmp_path, capsys):
    out = tmp_path / "elsewhere" / "all.html"
    assert main([*map(str, runs[:2]), "--out", str(out)]) == 0
    assert {file.name for file in out.parent.iterdir()} == {
        "all.html", "all.md", "all-accuracy.png", "tables"
    }  # fmt: skip
    for wrong in ([str(runs[0]), "--out", str(out)], [*map(str, runs), "--out", "page"]):
        with pytest.raises(SystemExit) as refused:
            main(wrong)
        assert refused.value.code == 2
    assert main([str(runs[0]), str(tmp_path / "none")]) == 2
    assert len(capsys.readouterr().err.splitlines()) > 1


def test_runs_of_one_name_are_told_apart(tmp_path):
    paths = [make_run(tmp_path / place / "run", strategies=["lines"]) for place in "ab"]
    found = [find(load_run(path)) for path in paths]
    assert labels(found) == ["digits (run) 1", "digits (run) 2"]
    assert list(accuracies(found).columns) == labels(found)
    write_comparison([paths[0], paths[0]])  # a run with itself, too


def test_runs_without_a_test_are_compared_too(tmp_path):
    paths = [
        make_run(tmp_path / "failed", broken=STRATEGIES),
        make_run(tmp_path / "begun", seeds=0, configurations=0, final_seeds=3),
    ]
    report = write_comparison(paths)
    assert "No run has tested a model yet." in report.verdict.sentences


def test_a_table_without_a_frame_is_written_as_it_reads():
    table = Table("t", ["a", "b"], [["x", "1,5"], ['"', "=2"]])
    assert list(csv.reader(table.csv().decode().splitlines())) == [
        ["a", "b"], ["x", "1,5"], ['"', "'=2"]
    ]  # fmt: skip
