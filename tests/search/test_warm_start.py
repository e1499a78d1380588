"""Initial configurations: read from designs and runs, translated, first in their arm."""

import json
import shutil

import pytest

from search.asked import check_asked
from search.data.datasets import load_dataset
from search.experiment import Experiment, ExperimentError, InitialConfiguration
from search.hyperband.configurations import draw_all
from search.hyperband.oracle import StrategyHyperband
from search.new_run import new_run as begin
from search.options import make_parser
from search.search_spaces import search_spaces
from search.store import Store
from search.warm_start import read_initial
from spaces import STRATEGIES
from spaces.design import design_values
from tests.support import exported, small_run
from tests.support.search_spaces import KEY, NESTED, PLACES, nested_space, real_space, texts

DESIGN = {
    "scanline_design": 1,
    "strategy": "patches",
    "image_shape": [32, 32, 3],
    "classes": 10,
    "values": {"patch": 8, "scan": "hilbert", "augmentation": "shift_flip", "embedding": 32},
}
EXPERIMENT = Experiment("digits", ("lines", "patches"), max_epochs=9)


class Digits:
    """As much of a data set as a search space follows from."""

    image_shape, class_names, mirror = (8, 8, 1), ["a", "b"], False


@pytest.fixture(scope="module")
def spaces():
    return search_spaces(EXPERIMENT, Digits)


def write(folder, design, name="design.json"):
    file = folder / name
    file.write_text(design if isinstance(design, str) else json.dumps(design), encoding="utf-8")
    return file


# Drawing

RATE = {"learning_rate": 0.001}


def arm_space():
    space = real_space(("lines",))
    return space, draw_all(space, {}, PLACES, KEY)


def test_initial_ones_take_the_first_places_and_the_others_keep_what_they_draw():
    space, plain = arm_space()
    initial = [{**plain[PLACES[0]], **RATE}, {**plain[PLACES[4]], **RATE}]
    drawn = draw_all(space, {}, PLACES, KEY, initial)
    assert [drawn[place] for place in PLACES[:2]] == initial
    assert {p: drawn[p] for p in PLACES[2:]} == {p: plain[p] for p in PLACES[2:]}
    assert list(drawn) == PLACES


@pytest.mark.parametrize("other", range(len(PLACES)))
def test_one_that_would_have_been_drawn_changes_places(other):
    space, plain = arm_space()
    for initial in ([plain[PLACES[other]]], [{**plain[PLACES[0]], **RATE}, plain[PLACES[other]]]):
        drawn = draw_all(space, {}, PLACES, KEY, initial)
        assert [drawn[place] for place in PLACES[: len(initial)]] == initial
        assert len(set(texts(drawn.values()))) == len(PLACES)
        moved = [place for place in PLACES[len(initial) :] if drawn[place] != plain[place]]
        assert moved == ([PLACES[other]] if other >= len(initial) else [])


def test_a_space_that_is_tried_whole_stays_whole():
    places = [(0, 0, slot) for slot in range(40)]
    for initial in (NESTED[:1], NESTED[3:9], NESTED[::-1]):
        drawn = draw_all(nested_space(), {}, places, KEY, initial)
        assert list(drawn) == places[: len(NESTED)]
        assert texts(drawn.values()) == texts(NESTED)
        assert [*drawn.values()][: len(initial)] == initial


def test_one_given_twice_is_refused():
    space, plain = arm_space()
    with pytest.raises(ValueError, match="twice"):
        draw_all(space, {}, PLACES, KEY, [plain[PLACES[0]]] * 2)


def test_the_oracle_starts_each_arm_with_its_initial_configurations(spaces):
    def oracle(initial=None):
        return StrategyHyperband(
            max_epochs=9,
            factor=3,
            dataset="digits",
            spaces=spaces,
            keep_files=False,
            initial=initial,
        )

    plain = oracle()
    given = {**plain.configurations("patches")[0, 2, 5], **RATE}
    warm = oracle({"patches": [given]})
    assert warm.configurations("lines") == plain.configurations("lines")
    changed = {
        place
        for place, values in warm.configurations("patches").items()
        if values != plain.configurations("patches")[place]
    }
    assert changed == {(0, 2, 0)} and warm.configurations("patches")[0, 2, 0] == given
    trial = [warm.create_trial(str(number)) for number in range(2)][1]
    assert trial.trial_id == "patches-0-2-0-0"
    assert {name: trial.hyperparameters.values[name] for name in given} == given
    with pytest.raises(ValueError, match="10 initial configurations for patches, and 9 slots"):
        oracle({"patches": [{"patch": number} for number in range(10)]})


# The experiment


def test_an_experiment_keeps_its_initial_configurations():
    initial = (
        InitialConfiguration("lines", {"axis": "rows", "dropout": 0.1}, "a.json"),
        InitialConfiguration(
            "lines", {"axis": "columns", "dropout": 0.1}, "b.json", {"axis": "positions"}
        ),
        InitialConfiguration("patches", {"patch": 2}, "c"),
    )
    experiment = Experiment("digits", ("lines", "patches"), image_size=(8, 9), initial=initial)
    saved = json.loads(json.dumps(experiment.to_json()))
    assert Experiment.from_json(saved) == experiment
    assert experiment.initial_of("lines", {"dropout": 0.1, "axis": "columns"}) is initial[1]
    assert experiment.initial_of("patches", {"axis": "rows", "dropout": 0.1}) is None
    values = {"lines": [initial[0].values, initial[1].values], "patches": [{"patch": 2}]}
    assert experiment.initial_values == values
    saved["seeds"] = saved.pop("initial")  # as earlier versions called them
    assert Experiment.from_json(saved) == experiment
    del saved["seeds"]  # and before there were any
    assert Experiment.from_json(saved).initial == ()
    for damaged in ([5], [{"strategy": "lines"}], [{**saved, "x": 1}], ["ab"]):
        with pytest.raises(ValueError, match=r"at experiment\.initial"):
            Experiment.from_json({**saved, "initial": damaged})


# Reading


def test_a_design_is_translated_and_said_so(tmp_path, spaces):
    file = write(tmp_path, DESIGN)
    (given,), notes = read_initial([file], EXPERIMENT, spaces)
    assert given.strategy == "patches" and given.origin == str(file)
    assert given.values["patch"] == 2 and given.values["augmentation"] == "shift"
    assert given.values["scan"] == "hilbert" and given.values["embedding"] == 32
    assert given.values.keys() == {parameter.name for parameter in spaces["patches"].space}
    assert given.translated == {"patch": 8, "augmentation": "shift_flip"}
    assert notes == [f"{file} is translated: patch 8 is 2, augmentation shift_flip is shift"]


def test_a_design_of_images_of_the_same_size_stays_as_it_is(tmp_path, spaces):
    design = {**DESIGN, "image_shape": [8, 8, 1], "values": {"patch": 2, "scan": "spiral"}}
    (given,), notes = read_initial([write(tmp_path, design)], EXPERIMENT, spaces)
    assert (given.values, given.translated, notes) == (design_values(design), {}, [])


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_is_translated_from_large_to_small(strategy, tmp_path):
    experiment = Experiment("digits", (strategy,))
    spaces = search_spaces(experiment, Digits)
    design = {**DESIGN, "strategy": strategy, "image_shape": [64, 64, 3], "values": {}}
    (given,), _ = read_initial([write(tmp_path, design)], experiment, spaces)
    here = {**design, "image_shape": [8, 8, 1], "training": {"mirror": False}}
    assert design_values({**here, "values": given.values}) == given.values


def refusal(paths, spaces, experiment=EXPERIMENT):
    with pytest.raises(ExperimentError) as raised:
        read_initial(paths, experiment, spaces)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[" * 100_000, "no design"),
        ("[]", "no design"),
        ("\x00", "no JSON"),
        ({**DESIGN, "values": {"patch": 3}}, "patch cannot be 3: it can be 4, 8"),
        ({**DESIGN, "values": {"patches": 3}}, "did you mean patch"),
        ({**DESIGN, "strategy": "patch"}, "did you mean patches"),
    ],
)
def test_a_wrong_design_is_named(content, named, tmp_path, spaces):
    file = write(tmp_path, content)
    message = refusal([file], spaces)
    assert str(file) in message and named in message


def test_a_wrong_path_is_named(tmp_path, spaces, monkeypatch):
    assert "gone.json: No such file" in refusal([tmp_path / "gone.json"], spaces)
    assert "not a run directory" in refusal([tmp_path], spaces)
    (tmp_path / "latin.json").write_bytes(b"\xff")
    assert "latin.json is no JSON" in refusal([tmp_path / "latin.json"], spaces)
    monkeypatch.setattr("search.warm_start.LARGEST", 10)
    assert "too large" in refusal([write(tmp_path, DESIGN)], spaces)


def test_what_is_left_out_is_said(tmp_path, spaces):
    files = [
        write(tmp_path, {**DESIGN, "values": {"embedding": size, "patch": patch}}, f"{i}.json")
        for i, (size, patch) in enumerate([(16, 4), (16, 8), (32, 4), (64, 4)])
    ]
    other = write(tmp_path, {**DESIGN, "strategy": "sweeps", "values": {}}, "other.json")
    experiment = Experiment("digits", ("lines", "patches"), max_epochs=1)
    initial, notes = read_initial([*files, other], experiment, spaces)
    assert [given.values["embedding"] for given in initial] == [16]
    assert [note.removeprefix(str(tmp_path)) for note in notes] == [
        "/0.json is translated: patch 4 is 2",
        "/1.json is left out: it is the same as another configuration",
        "/2.json is left out: patches starts with 1 at most",
        "/3.json is left out: patches starts with 1 at most",
        "/other.json is left out: sweeps does not compete",
    ]
    assert "sweeps does not compete" in refusal([other], spaces)


# Runs


@pytest.fixture
def run(finished_run, tmp_path):
    shutil.copytree(finished_run.path, tmp_path / "run")
    return tmp_path / "run"


def test_a_run_gives_its_designs_or_its_best_trials(run):
    experiment = Experiment(**small_run.FIELDS)
    spaces = search_spaces(experiment, Digits)
    shutil.rmtree(run / "designs", ignore_errors=True)
    from_trials, notes = read_initial([run], experiment, spaces)
    exported.export(run)
    from_designs, _ = read_initial([run], experiment, spaces)
    assert notes == []
    by_strategy = {given.strategy: given.values for given in from_designs}
    assert {given.strategy: given.values for given in from_trials} == by_strategy
    store = Store(run)
    trials = {row["trial_id"]: row for row in store.rows("trials")}
    for row in store.rows("finals"):
        best = json.loads(trials[row["trial_id"]]["hyperparameters"])
        assert by_strategy[row["strategy"]] == best
    assert {given.origin for given in from_designs} == set(map(str, store.design_files()))
    assert all("-0-" in given.origin for given in from_trials)


def test_a_run_without_a_trial_is_refused(tmp_path, spaces):
    Store.create(tmp_path / "run", EXPERIMENT, {}).close()
    assert "no completed trial" in refusal([tmp_path / "run"], spaces)


# The command line


def new_run(folder, *arguments):
    arguments = ["--out", str(folder / "new"), *small_run.ARGUMENTS, *map(str, arguments)]
    options = make_parser().parse_args(arguments)
    experiment = check_asked(options, print)
    return begin(options, experiment, load_dataset(experiment), arguments, print)


def test_the_command_line_keeps_them_and_says_what_became_of_them(tmp_path, capsys):
    values = {"augmentation": "shift_flip", "lstm_units": 128}
    file = write(tmp_path, {**DESIGN, "strategy": "lines", "values": values})
    store, *_ = new_run(tmp_path, "--seed-designs", file)
    with store:
        (given,) = store.experiment.initial
    assert given.values["lstm_units"] == 128 and given.origin == str(file)
    assert capsys.readouterr().out == f"{file} is translated: augmentation shift_flip is shift\n"


def test_a_wrong_one_makes_no_run(tmp_path):
    file = write(tmp_path, {**DESIGN, "values": {"patch": 3}})
    with pytest.raises(ExperimentError, match="patch cannot be 3"):
        new_run(tmp_path, "--seed-designs", file)
    assert not (tmp_path / "new").exists()
