"""The command line: one line for every mistake, and a clean end whatever ends it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pickle
import random
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import types
import weakref
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import run_search
from search.data.datasets import load_dataset
from search.store import Store
from spaces import STRATEGIES
from tests.support import small_run

ESCAPE = "\x1b"


@pytest.fixture(autouse=True)
def handlers():
    """What the program sets for its whole process is set back."""
    numbers, hook = (signal.SIGINT, signal.SIGTERM), sys.unraisablehook
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    sys.unraisablehook = hook


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    folder = tmp_path / "somewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def no_search(monkeypatch):
    """Makes runs, but searches nothing; keeps what a search would have been given."""
    given = []

    def run(store, dataset, spaces, execution, environments):
        asked = {"execution": execution, "environments": environments}
        given.append(types.SimpleNamespace(store=store, dataset=dataset, **asked))
        return 0

    monkeypatch.setattr(run_search, "run", run)
    return given


@pytest.fixture
def refuse(cwd, no_search, capsys):
    """Runs a command that must be refused, and returns its one line."""

    def refuse(*arguments):
        before = small_run.everything_below(cwd)
        try:
            code = run_search.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = end.code
        output, errors = capsys.readouterr()
        assert no_search == [], "a search began"
        assert small_run.everything_below(cwd) == before
        assert (code, output) == (2, "")
        return the_line(errors)

    return refuse


def the_line(errors):
    assert errors.startswith("error: ") and errors.endswith("\n"), errors
    assert len(errors.splitlines()) == 1
    assert errors[:-1].isprintable()
    return errors


# Refused: options


def test_devices_are_those_of_this_machine(refuse):
    assert "leave out --cluster" in refuse("--devices", "--cluster", "tcp://elsewhere:8786")


WHOLE = {
    "--max-epochs": 1,
    "--factor": 2,
    "--iterations": 1,
    "--configurations": 1,
    "--seed": 0,
    "--final-seeds": 1,
    "--batch-size": 1,
    "--train-limit": 1,
}
NONSENSE = ["some", "", " ", "-1", "nan", "inf", "-inf", "1e99", "1.5", "0x10", "1_0", "9" * 30]


@pytest.mark.parametrize("text", NONSENSE)
@pytest.mark.parametrize("option", WHOLE)
def test_a_whole_number_that_is_none_is_refused(refuse, option, text):
    line = refuse(f"{option}={text}")
    assert option in line
    assert f"from {WHOLE[option]} up" in line


@pytest.mark.parametrize(("option", "least"), [item for item in WHOLE.items() if item[1]])
def test_a_number_below_the_least_is_refused(refuse, option, least):
    assert f"from {least} up" in refuse(option, str(least - 1))


def test_a_negative_number_needs_no_equals_sign_to_be_refused(refuse):
    assert "--seed" in refuse("--seed", "-1")


@pytest.mark.parametrize("text", ["some", "", "0", "-1", "nan", "inf", "-inf", "1e999"])
def test_minutes_that_are_none_are_refused(refuse, text):
    assert "number of minutes above 0" in refuse(f"--budget={text}")


@pytest.mark.parametrize("text", ["some", "", "0", "-8", "nan", "8x", "x8", "0x8", "8x8x3", "1e99"])
def test_a_size_that_is_none_is_refused(refuse, text):
    assert "write 32, or 24x32" in refuse(f"--image-size={text}")


@pytest.mark.parametrize("text", ["", " ", ",", " , "])
def test_no_strategy_at_all_is_refused(refuse, text):
    assert "--strategies" in refuse(f"--strategies={text}")


@pytest.mark.parametrize("option", ["--dataset", "--data-dir", "--out", "--resume"])
@pytest.mark.parametrize("text", ["", " "])
def test_an_empty_name_is_refused(refuse, option, text):
    assert option in refuse(f"{option}={text}")


@pytest.mark.parametrize("arguments", [["--colour"], ["digits"], ["--seed"], ["--mirror=maybe"]])
def test_options_that_do_not_exist_are_refused(refuse, arguments):
    assert "--help" in refuse(*arguments)


def test_the_defaults_and_the_limits_are_accepted(cwd, no_search):
    largest = ["--seed", "999999999", "--batch-size", "999999999", "--trial-timeout", "1e99"]
    assert run_search.main(["--out", "default"]) == 0
    assert run_search.main([*largest, "--out", "large"]) == 0
    assert no_search[0].store.experiment.seed == 0
    assert no_search[0].store.experiment.strategies == tuple(run_search_strategies())
    assert no_search[1].store.experiment.seed == 999999999


def test_where_it_runs_is_no_part_of_what_was_asked_for(cwd, no_search):
    how = ["--workers", "3", "--retries", "0", "--trial-timeout", "2", "--checkpoint-every", "0.5"]
    assert run_search.main(["--out", "run"]) == 0
    assert run_search.main(["--out", "other", *how]) == 0
    first, second = no_search
    assert first.store.experiment == second.store.experiment
    assert (second.execution.workers, second.execution.retries) == (3, 0)
    assert (second.execution.trial_timeout, second.execution.checkpoint_every) == (2.0, 0.5)
    assert len(second.environments) == 3
    # And so it goes with a resume, where nothing else does.
    for given in no_search:
        given.store.close()
    assert run_search.main(["--resume", "run", "--workers", "2", "--retries=1"]) == 0
    assert (no_search[2].execution.workers, no_search[2].execution.retries) == (2, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--workers", "0"], "from 1 up"),
        (["--workers", "many"], "from 1 up"),
        (["--retries=-1"], "from 0 up"),
        (["--trial-timeout", "0"], "number of minutes above 0"),
        (["--worker-memory", "nan"], "number of gigabytes above 0"),
        (["--cluster", "tcp://127.0.0.1:1", "--workers", "2"], "leave out --workers"),
        (["--workers", "1", "--dashboard"], "--dashboard is for several workers"),
        (["--shared-dir", "nowhere"], "make it first"),
    ],
)
def test_workers_that_cannot_be_are_refused(refuse, arguments, words):
    assert words in refuse(*arguments)


def run_search_strategies():
    from spaces import STRATEGIES

    return STRATEGIES


# Refused: names


def test_an_unknown_data_set_is_told_the_nearest(refuse):
    assert "did you mean fashion_mnist" in refuse("--dataset", "fashon_mnist")
    assert "digits, mnist" in refuse("--dataset", "quaternion")


def test_an_unknown_strategy_is_told_the_nearest(refuse):
    assert "did you mean cnn_lines" in refuse("--strategies", "lines,cnn_line")
    every = refuse("--strategies", "quaternion")
    assert "did you mean" not in every
    assert ", ".join(run_search_strategies()) in every


def test_a_name_that_no_file_can_have_is_refused(refuse):
    for option in ("--dataset", "--out", "--resume", "--data-dir"):
        refuse(option, "x" * 5000)


def test_a_strategy_that_cannot_read_the_images_is_refused(refuse, cwd):
    x = np.arange(8 * 4000).reshape(8, 1, 4000).astype("u1")
    npz(cwd / "long.npz", x_train=x, x_test=x[:2])
    line = refuse("--dataset", "long.npz")
    assert "cnn_flat" in line and "--strategies" in line


# Refused: files


def npz(path, **changes):
    arrays = {
        "x_train": np.arange(8 * 16, dtype="u1").reshape(8, 4, 4),
        "y_train": np.arange(8) % 2,
        "x_test": np.zeros((2, 4, 4), "u1"),
        "y_test": np.arange(2),
    }
    arrays |= changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


class Trap:
    """Leaves a trace where it is unpickled."""

    def __reduce__(self):
        return (Path.touch, (Path("trapped"),))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"x_train": None}, "lacks x_train"),
        ({"x_test": None, "y_test": None}, "lacks x_test, y_test"),
        ({"x_train": np.zeros((8, 4), "u1")}, "shape (8, 4)"),
        ({"x_train": np.zeros((8, 4, 4, 2), "u1")}, "shape (8, 4, 4, 2)"),
        ({"y_train": np.zeros(7, int)}, "(7,)"),
        ({"x_test": np.zeros((2, 4, 5), "u1")}, "test images of shape"),
        ({"x_train": np.full((8, 4, 4), 300)}, "300"),
        ({"x_train": np.array([Trap()] * 8, dtype=object)}, "pickled"),
        ({"y_train": np.array([Trap()] * 8, dtype=object)}, "pickled"),
        ({"y_test": np.array([Trap()] * 2, dtype=object)}, "pickled"),
        ({"y_train": np.array([0] * 7 + [1])}, "fewer than two"),
        ({"y_train": np.zeros(8, int)}, "one class only"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_npz_that_cannot_be_used_is_refused(refuse, cwd, changes, words):
    npz(cwd / "images.npz", **changes)
    assert words in refuse("--dataset", "images.npz")
    assert not (cwd / "trapped").exists()


def test_a_file_that_is_no_npz_is_refused(refuse, cwd):
    (cwd / "text.npz").write_text("not an archive")
    (cwd / "trap.npz").write_bytes(pickle.dumps(Trap()))
    for name in ("text.npz", "trap.npz", "missing.npz", "no/such/folder"):
        assert name in refuse("--dataset", name)
    assert not (cwd / "trapped").exists()


def test_a_folder_that_cannot_be_used_is_refused(refuse, cwd):
    (cwd / "empty").mkdir()
    assert "no images" in refuse("--dataset", "empty")
    for name in ("cat", "dog"):
        (cwd / "pets" / name).mkdir(parents=True)
        Image.new("L", (4, 4)).save(cwd / "pets" / name / "1.png")
    Image.new("L", (4, 4)).save(cwd / "pets" / "dog" / "2.png")
    line = refuse("--dataset", "pets")
    assert "class cat" in line and "fewer than two" in line


def test_a_limit_too_small_for_the_classes_is_told_what_is_enough(refuse):
    assert "is enough" in refuse("--train-limit", "5")


def test_of_a_limit_that_two_splits_share_it_is_told_what_is_enough_in_all(refuse, cwd):
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            for number in range(8):
                folder = cwd / "pets" / split / name
                folder.mkdir(parents=True, exist_ok=True)
                image = Image.new("L", (4, 4), 17 * number + ord(name[0]) % 9)
                image.putpixel((0, 0), len(split) + len(name))
                image.save(folder / f"{number}.png")
    asked = ["--dataset", "pets", "--train-limit"]
    enough = int(re.search(r"(\d+) is enough", refuse(*asked, "3"))[1])
    assert enough > 3 and run_search.main([*asked, str(enough)]) == 0


def test_a_limit_that_hardly_a_model_keeps_makes_no_run(refuse):
    said = refuse("--strategies", "lines", "--max-multiply-adds", "1")
    assert "hardly a model" in said


def test_what_is_known_at_once_is_said_before_anything_slow_is_imported(cwd):
    code = (
        "import sys, run_search; code = run_search.main(sys.argv[1:]); "
        "print(code, {'keras', 'tensorflow', 'distributed'} & {*sys.modules})"
    )
    for asked, why in (
        (["--dataset", "no/where"], "no file or folder"),
        (["--dataset", "mnits"], "did you mean mnist"),
        (["--strategies", "rows"], "no strategy 'rows'"),
        (["--warm-start", "gone.json"], "no gone.json"),
    ):
        ended = subprocess.run(
            [sys.executable, "-c", code, *asked],
            cwd=cwd,
            env=small_run.environment(PYTHONPATH=str(small_run.PROGRAM.parent)),
            capture_output=True,
            text=True,
        )
        assert ended.stdout == "2 set()\n", ended.stderr
        assert why in the_line(ended.stderr)


def test_the_strategies_are_known_without_them():
    code = "from search.options import strategy_names; print(*strategy_names())"
    root = small_run.PROGRAM.parent
    ended = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert sorted(ended.stdout.split()) == sorted(STRATEGIES), ended.stderr


def test_a_data_dir_without_the_file_is_refused(refuse, cwd, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert "--data-dir" in refuse("--dataset", "mnist", "--data-dir", "missing")
    (cwd / "data").mkdir()
    npz(cwd / "data" / "mnist.npz", y_test=None)
    assert "lacks y_test" in refuse("--dataset", "mnist", "--data-dir", "data")


# Refused: run directories


@pytest.fixture
def stopped(cwd, no_search):
    """A run that was made and then stopped."""
    assert run_search.main([*small_run.ARGUMENTS, "--out", "run"]) == 0
    no_search.clear()
    return cwd / "run"


def test_a_run_directory_that_exists_is_not_overwritten(stopped, refuse, cwd):
    assert "--resume run" in refuse("--out", "run")
    (cwd / "notes.txt").write_text("mine")
    assert "exists" in refuse("--out", "notes.txt")
    assert "notes.txt" in refuse("--out", "notes.txt/run")
    assert (cwd / "notes.txt").read_text() == "mine"


def test_a_run_that_does_not_exist_or_is_none_cannot_be_resumed(refuse, cwd):
    assert "no run directory nowhere" in refuse("--resume", "nowhere")
    (cwd / "photos").mkdir()
    assert "photos is not a run directory" in refuse("--resume", "photos")
    (cwd / "file").write_text("")
    assert "file" in refuse("--resume", "file")


@pytest.mark.parametrize("name", ["experiment.json", "results.sqlite"])
@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, b"[]", b"{}", b"\xff\xfe"])
def test_a_damaged_run_cannot_be_resumed(stopped, refuse, name, content):
    (stopped / name).write_bytes(content)
    assert name in refuse("--resume", "run")


def test_resume_takes_no_other_option(stopped, refuse):
    line = refuse("--resume", "run", "--seed", "1", "--out=x")
    assert "--seed" in line and "--out" in line and "leave out" in line
    assert "--no-mirror" in refuse("--no-mirror", "--resume=run")
    assert "unrecognized" in refuse("--resu", "run", "--se", "1")


NO_MORE = [
    ([], "nothing that the run does not have"),
    (["--seed", "1", "--out=x"], "leave out --seed --out=x"),
    (["--no-mirror", "--iterations", "2"], "leave out --no-mirror"),
    (["--dataset", "mnist"], "leave out --dataset"),
    (["--warm-start", "designs", "--iterations", "2"], "leave out --warm-start"),
    (["--iterations", "0"], "from 1 up"),
    (["--final-seeds", "0"], "from 1 up"),
    (["--strategies", "lines"], "leaves out line_cnn"),
    (["--strategies", "lines,line_cnn,rows"], "no strategy 'rows'"),
    (["--max-epochs", "1"], "--max-epochs 1 is less than the run has"),
    (["--min-epochs", "2"], "fewer would be tried"),
    (["--resume", "run"], "leave out --extend"),
]


def test_what_is_no_more_of_a_run_is_refused(stopped, refuse):
    before = (stopped / "experiment.json").read_bytes()
    for arguments, words in NO_MORE:
        assert words in refuse("--extend", "run", *arguments)
        assert (stopped / "experiment.json").read_bytes() == before
    assert "no run directory nowhere" in refuse("--extend", "nowhere", "--iterations", "2")


def test_a_strategy_that_cannot_read_the_images_extends_no_run(refuse, cwd, no_search):
    x = np.arange(8 * 4000).reshape(8, 1, 4000).astype("u1")
    npz(cwd / "long.npz", x_train=x, x_test=x[:2])
    asked = ["--dataset", "long.npz", "--strategies", "lines", "--out", "run"]
    assert run_search.main(asked) == 0
    no_search.pop().store.close()
    before = (cwd / "run" / "experiment.json").read_bytes()
    said = refuse("--extend", "run", "--strategies", "lines,cnn_flat")
    assert "cnn_flat cannot read" in said and "go on" not in said
    assert (cwd / "run" / "experiment.json").read_bytes() == before


def test_what_a_run_was_extended_by_is_what_a_resume_goes_on_with(stopped, no_search):
    before = Store(stopped).experiment
    asked = ["--iterations", "2", "--strategies=patches,lines,line_cnn", "--workers", "1"]
    assert run_search.main(["--extend", "run", *asked]) == 0
    (given,) = no_search
    larger = dataclasses.replace(
        before, iterations=2, most_iterations=2, strategies=("patches", "lines", "line_cnn")
    )
    assert given.store.experiment == larger
    given.store.close()
    assert run_search.main(["--resume", "run"]) == 0
    assert no_search[1].store.experiment == larger
    (extension,) = no_search[1].store.extended
    assert extension["command"] == shlex.join(
        ["python", "run_search.py", "--extend", "run", *asked]
    )
    assert not extension["tested"]


def test_a_run_whose_images_are_gone_says_so(refuse, cwd, no_search):
    npz(cwd / "images.npz")
    assert (
        run_search.main(["--dataset", "images.npz", "--strategies", "lines", "--out", "run"]) == 0
    )
    no_search.clear()
    (cwd / "images.npz").unlink()
    assert "images.npz" in refuse("--resume", "run")


def test_a_run_whose_images_are_others_says_which(refuse, cwd, no_search):
    x = np.arange(8 * 16, dtype="u1").reshape(8, 4, 4)
    npz(cwd / "images.npz")
    command = ["--dataset", "images.npz", "--strategies", "lines", "--out", "run"]
    assert run_search.main(command) == 0
    with Store.resume(cwd / "run") as store:
        run_search.record_dataset(store, no_search.pop().dataset)
    npz(cwd / "images.npz", x_train=x[::-1])
    assert "x_train[0] of" in refuse("--resume", "run")
    npz(cwd / "images.npz")
    assert run_search.main(["--resume", "run"]) == 0


def test_a_run_goes_on_on_its_own_backend_alone(refuse, cwd, no_search, monkeypatch):
    command = ["--strategies", "lines", "--out", "run"]
    assert run_search.main(command) == 0
    no_search.clear()
    saved = json.loads((cwd / "run" / "experiment.json").read_text())
    saved["about"]["backend"] = "jax"
    (cwd / "run" / "experiment.json").write_text(json.dumps(saved))
    assert "go on with KERAS_BACKEND=jax" in refuse("--resume", "run")


# Accepted: a run is found again


def test_relative_paths_are_found_from_elsewhere(cwd, no_search, monkeypatch, tmp_path):
    (cwd / "data").mkdir()
    npz(cwd / "images.npz")
    npz(cwd / "data" / "mnist.npz")
    common = ["--strategies", "lines", "--out"]
    assert run_search.main(["--dataset", "images.npz", *common, "a"]) == 0
    assert run_search.main(["--dataset", "mnist", "--data-dir", "data", *common, "b"]) == 0
    monkeypatch.chdir(tmp_path)
    assert run_search.main(["--resume", "somewhere/a"]) == 0
    assert run_search.main(["--resume", str(cwd / "b")]) == 0
    for before, after in zip(no_search[:2], no_search[2:], strict=True):
        assert np.array_equal(before.dataset.train.x, after.dataset.train.x)
        assert before.dataset.name == after.dataset.name
    assert [given.dataset.name for given in no_search[:2]] == ["images", "mnist"]


def test_a_folder_that_happens_to_be_called_as_a_data_set_changes_nothing(cwd, no_search):
    (cwd / "digits").mkdir()
    assert run_search.main(["--out", "run"]) == 0
    assert no_search[0].store.experiment.dataset == "digits"
    assert no_search[0].dataset.image_shape == (8, 8, 1)


def test_the_experiment_is_what_was_asked_for(cwd, no_search):
    arguments = "--seed 3 --factor 2 --iterations 2 --batch-size 7 --steps-per-epoch 5 --mirror"
    names = "--strategies line_cnn,lines,line_cnn --final-seeds 4 --max-epochs 5 --out run"
    assert run_search.main([*shlex.split(arguments), *shlex.split(names)]) == 0
    saved = json.loads((cwd / "run" / "experiment.json").read_text())
    expected = {
        **{"seed": 3, "factor": 2, "iterations": 2, "batch_size": 7, "budget": None},
        **{"strategies": ["line_cnn", "lines"], "final_seeds": 4, "max_epochs": 5, "mirror": True},
        **{"dataset": "digits", "data_dir": None, "image_size": None, "train_limit": None},
        "initial": [],
        "skip_broken": False,
        "metric": "accuracy",
        "class_weight": "none",
        "final_epochs": None,
        "max_multiply_adds": None,
        "min_epochs": 1,
        "configurations": 27,
        "most_iterations": 4,
        "steps_per_epoch": 5,
    }
    assert saved["experiment"] == expected
    assert f"{arguments} {names}" in saved["about"]["command"]


def test_without_a_name_a_run_is_called_after_its_data_and_the_time(cwd, no_search):
    assert run_search.main([]) == 0
    (made,) = (cwd / "runs").iterdir()
    assert made.name.startswith("digits-")


# Errors and interruptions that no argument causes


def fail_with(monkeypatch, error):
    """Has the program fail as soon as it has a run."""

    def record(*_):
        raise error

    monkeypatch.setattr(run_search, "record_dataset", record)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        sqlite3.DatabaseError("disk I/O error"),
    ],
)
def test_a_full_disk_is_one_line_and_the_way_on(cwd, monkeypatch, capsys, error):
    fail_with(monkeypatch, error)
    assert run_search.main([*small_run.ARGUMENTS, "--out", "my run"]) == 2
    line = the_line(capsys.readouterr().err)
    assert line.rstrip().endswith("--resume 'my run'")
    monkeypatch.undo()
    Store.resume(cwd / "my run").close()  # it is locked no more


def test_ctrl_c_twice_is_a_clean_end_too(cwd, monkeypatch, capsys):
    def write_report(path):
        raise KeyboardInterrupt

    fail_with(monkeypatch, KeyboardInterrupt())
    monkeypatch.setattr("analysis.report.write.write_report", write_report)
    assert run_search.main([*small_run.ARGUMENTS, "--out", "run"]) == 130
    output, errors = capsys.readouterr()
    assert output == ""
    assert "--resume run" in errors and len(errors.splitlines()) == 1


def test_ctrl_c_before_anything_has_been_tried_reports_nothing_and_resumes(
    cwd, monkeypatch, capsys
):
    fail_with(monkeypatch, KeyboardInterrupt())
    assert run_search.main([*small_run.ARGUMENTS, "--out", "run"]) == 130
    output, errors = capsys.readouterr()
    assert errors == ""
    assert output.splitlines()[-1].endswith("--resume run")
    assert (cwd / "run" / "report" / "report.html").exists()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("file/run", "file is no folder"),
        ("x" * 300, "name too long"),
        ("pets/run", "would lie among the images"),
        ("circle", "cannot make circle"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_anything_is_read(
    cwd, monkeypatch, capsys, out, words
):
    monkeypatch.setattr("search.run_images.load_dataset", None)
    (cwd / "file").write_text("")
    (cwd / "pets").mkdir()
    (cwd / "circle").symlink_to("circle")
    assert run_search.main(["--dataset", "pets", "--out", out]) == 2
    said = capsys.readouterr().err
    assert words in said and "choose another --out" in said


def test_ctrl_c_before_there_is_a_run_leaves_nothing(cwd, monkeypatch, capsys):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("search.run_images.load_dataset", interrupted)
    assert run_search.main(["--out", "run"]) == 130
    assert small_run.everything_below(cwd) == set()
    assert "nothing was written" in capsys.readouterr().err


def test_ctrl_c_while_a_resumed_run_reads_its_images_says_how_to_go_on(
    cwd, monkeypatch, capsys, finished_run
):
    def interrupted(*_):
        raise KeyboardInterrupt

    shutil.copytree(finished_run.path, "run")
    monkeypatch.setattr("search.run_images.load_dataset", interrupted)
    assert run_search.main(["--resume", "run"]) == 130
    assert capsys.readouterr().err.endswith("--resume run\n")


def test_a_resume_says_which_versions_are_others_and_the_report_does(
    cwd, monkeypatch, capsys, finished_run
):
    shutil.copytree(finished_run.path, "run")
    monkeypatch.setattr("search.environment.VERSION", "9.9")
    for _ in range(2):
        assert run_search.main(["--resume", "run"]) == 0
        said = "the run was begun with other versions; now it is scanline 9.9"
        assert said in capsys.readouterr().out
    assert Store("run").about["went_on_with"] == ["scanline 9.9"]
    assert "; went on with scanline 9.9" in Path("run/report/report.md").read_text()


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("experiment.json", '"batch_size": 64', '"batch_size": 32', "at experiment.batch_size"),
        ("results.sqlite", "DELETE FROM members WHERE split = 'unused'", "", "at members"),
    ],
)
def test_a_run_of_which_somebody_has_changed_what_it_began_with_does_not_go_on(
    cwd, capsys, finished_run, file, before, after, said
):
    run = shutil.copytree(finished_run.path, cwd / "run")
    if after:
        text = (run / file).read_text()
        assert before in text
        (run / file).write_text(text.replace(before, after))
    else:
        with contextlib.closing(sqlite3.connect(run / file)) as database, database:
            assert database.execute(before).rowcount
    assert run_search.main(["--resume", "run"]) == 2
    assert said in capsys.readouterr().err


class Cycle:
    """What only a garbage collector's callback sees go."""


def test_ctrl_c_is_not_lost_where_python_ignores_exceptions(cwd, monkeypatch, capsys):
    """Python drops what is raised in a callback of the garbage collector: Ctrl-C, too."""
    reached, went_on = threading.Event(), threading.Event()

    def record(*_):
        def callback(_):
            reached.set()
            signal.raise_signal(signal.SIGINT)
            time.sleep(0.01)  # here Python raises it, and ignores it

        thing = Cycle()
        reference = weakref.ref(thing, callback)
        del thing
        assert reference() is None
        for _ in range(200):  # a long training, in which nobody presses the keys again
            time.sleep(0.1)
        went_on.set()

    monkeypatch.setattr(run_search, "record_dataset", record)
    assert run_search.main([*small_run.ARGUMENTS, "--out", "run"]) == 130
    assert reached.is_set()
    assert not went_on.is_set()
    assert capsys.readouterr().err == ""


# Real processes


def test_help_is_quick_because_it_imports_no_backend(tmp_path):
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", str(small_run.PROGRAM), "--help"],
        cwd=tmp_path,
        env=small_run.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.startswith("usage: run_search.py")
    for option in (*WHOLE, "--dataset", "--strategies", "--resume", "--out", "--budget"):
        assert option in ended.stdout
    imported = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines()}
    assert "argparse" in imported
    assert not imported & {"keras", "tensorflow", "jax", "keras_tuner", "numpy", "pandas"}
    assert small_run.everything_below(tmp_path) == set()


def test_without_network_or_cache_a_download_is_refused_in_one_line(tmp_path):
    home, empty = tmp_path / "home", tmp_path / "empty"
    home.mkdir()
    empty.mkdir()
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")
    changes = dict.fromkeys(names, "http://127.0.0.1:9")  # where nobody listens
    changes |= {"HOME": str(home), "KERAS_HOME": str(home / "keras"), "no_proxy": ""}
    ended = small_run.execute(["--dataset", "mnist"], empty, **changes)
    line = the_line(ended.stderr)
    for words in ("check the network", "--data-dir", "--dataset digits"):
        assert words in line
    assert (ended.returncode, ended.stdout) == (2, "")
    assert small_run.everything_below(empty) == set()
    assert not [path for path in small_run.everything_below(home) if "mnist" in path]


HOLD = """
import sys
from search.store import Store

with Store.resume(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_run_that_another_process_uses_is_refused_until_that_ends(stopped, refuse, no_search):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(stopped)],
        cwd=small_run.PROGRAM.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        assert "run is in use by another process" in refuse("--resume", "run")
    finally:
        holder.kill()
        holder.communicate()
    assert run_search.main(["--resume", "run"]) == 0
    assert len(no_search) == 1


def test_list_strategies_prints_each_and_nothing_else(cwd, capsys):
    assert run_search.main(["--list-strategies"]) == 0
    output, errors = capsys.readouterr()
    assert errors == ""
    assert [line.split()[0] for line in output.splitlines()[::2]] == list(run_search_strategies())
    assert small_run.everything_below(cwd) == set()


def test_where_there_is_no_terminal_the_output_is_plain_lines(finished_run):
    assert finished_run.errors == ""
    assert ESCAPE not in finished_run.output and "\r" not in finished_run.output
    read, classes, plan, devices, *lines = finished_run.output.splitlines()
    assert read == (
        "read: 80 images to train on, 20 to validate on, 359 to test on; 8x8 pixels, grey"
    )
    assert classes.startswith("10 classes, images but for the test: 0 10, 1 10, ")
    assert plan.startswith(
        "80 images to train on in batches of 64, 2 steps an epoch: trials of 1 to 2 epochs; "
    )
    assert re.fullmatch(r"(TensorFlow|JAX) [\d.]+: 1 worker on .+", devices)
    assert Store(finished_run.path).about["devices"] == [devices]
    for number in range(1, small_run.TRIALS + 1):
        assert lines[number - 1].startswith(f"[{number}/{small_run.TRIALS}] ")
    assert lines[small_run.TRIALS].startswith("1 worker, busy ")
    finals = lines[small_run.TRIALS + 1 :][: small_run.FINALS]
    assert [line.split()[0] for line in finals] == ["final", "final"]
    assert lines[-1].startswith("report: ")
    report = finished_run.path.parent / lines[-1].removeprefix("report: ")
    assert report.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html")


def test_an_extended_run_keeps_what_it_has_and_says_when_it_was_extended(finished_run, tmp_path):
    shutil.copytree(finished_run.path, tmp_path / "run")
    before = Store(finished_run.path)
    ended = small_run.execute(["--extend", "run", "--final-seeds", "2", "--workers", "1"], tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    store = Store(tmp_path / "run")
    for table in ("trials", "searches", "plans", "baselines", "sequences"):
        assert store.rows(table) == before.rows(table)
    finals = store.finals()
    assert {*before.finals()} < {*finals} and len(finals) == 2 * small_run.FINALS
    for file in before.design_files():
        assert (store.designs_directory / file.name).with_suffix(".keras").read_bytes() == (
            file.with_suffix(".keras").read_bytes()
        )
        design = json.loads((store.designs_directory / file.name).read_text())
        assert design["weights"]["seed"] == 0
        assert [row["seed"] for row in design["scores"]["finals"]] == [0, 1]
    page = (store.report_directory / "report.md").read_text(encoding="utf-8")
    assert "extended after its test had been seen" in page and "--final-seeds 2" in page
    assert list((store.path / "checkpoints").iterdir()) == []


@pytest.mark.slow
def test_an_extended_run_ends_as_one_from_the_start_though_it_was_killed(finished_run, tmp_path):
    """More searches, another strategy and more seeds; killed in its search and in its finals."""
    more = ["--iterations", "2", "--final-seeds", "2", "--strategies", "lines,patches,line_cnn"]
    run, begun = tmp_path / "run", small_run.finished_rows(finished_run.path)
    shutil.copytree(finished_run.path, run)
    # With --iterations alone an extension makes no further rounds possible.
    command = [*small_run.ARGUMENTS, *more, "--most-iterations", "2", "--out", "at once"]
    at_once = small_run.execute(command, tmp_path)
    assert at_once.returncode == 0, at_once.stderr
    expected = Store(tmp_path / "at once")
    all_rows = small_run.finished_rows(expected.path)
    for wait, begin in ((begun + 3, "--extend"), (all_rows - 2, "--resume")):
        arguments = [begin, "run", *(more if begin == "--extend" else []), "--workers", "1"]
        process = small_run.start(arguments, tmp_path)
        small_run.stop(process, run, wait, 0.3, signal.SIGKILL)
    ended = small_run.execute(["--resume", "run", "--workers", "1"], tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    store = Store(run)
    found, wanted = small_run.tables(run), small_run.tables(expected.path)
    assert {name: found[name] for name in found if name != "datasets"} == {
        name: wanted[name] for name in wanted if name != "datasets"
    }
    for table in ("searches", "plans"):
        rows = [sorted(map(str, each.rows(table))) for each in (store, expected)]
        assert rows[0] == rows[1]
    designs = [{file.name: file for file in each.design_files()} for each in (store, expected)]
    assert designs[0].keys() == designs[1].keys() and len(designs[0]) == 3
    for name, file in designs[0].items():
        one, other = (json.loads(each.read_text()) for each in (file, designs[1][name]))
        for each in (one, other):
            del each["command"]
            for row in each["scores"]["finals"]:
                del row["latency_ms"]
        assert one == other
        weights = [keras.saving.load_model(f.with_suffix(".keras"), safe_mode=True).get_weights()
                   for f in (file, designs[1][name])]  # fmt: skip
        assert all(map(np.array_equal, *weights))


def resume_command(ended):
    """Returns the program and the arguments of the command that a stopped search printed."""
    says, _, command = ended.stdout.splitlines()[-1].partition(": ")
    assert says == "to go on"
    python, *words = shlex.split(command)
    assert python == "python"
    return words


def test_ctrl_c_reports_and_says_how_to_go_on(stopped_run):
    ended = stopped_run.by_hand
    assert (ended.returncode, ended.stderr) == (130, "")
    assert "interrupted" in ended.stdout
    assert stopped_run.reported
    program, *arguments = resume_command(ended)
    assert arguments == ["--resume", "run"]
    assert Path(program).resolve() == small_run.PROGRAM


def test_sigterm_is_as_clean(stopped_run):
    ended = stopped_run.by_system
    assert (ended.returncode, ended.stderr) == (130, "")
    assert resume_command(ended) == resume_command(stopped_run.by_hand)
    assert 6 <= stopped_run.rows < small_run.TRIALS + small_run.FINALS  # it was stopped midway


def test_a_stopped_search_ends_as_if_nothing_had_happened(stopped_run, finished_run):
    ended = stopped_run.finished
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.tables(stopped_run.path) == small_run.tables(finished_run.path)
    assert small_run.everything_below(stopped_run.elsewhere) == set()
    assert ended.stdout.splitlines()[-1] == f"report: {stopped_run.path}/report/report.html"


@pytest.mark.slow
def test_ctrl_c_at_any_instant_is_clean(tmp_path):
    """While it starts, before the first row, and in training."""
    rng = random.Random(11)
    begun = 0
    for number, wait in enumerate([0] * 5 + [1] * 5 + [3] * 5):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        delay = 0.3 + rng.uniform(0, 2 if wait else 8)
        process = small_run.resume_or_start(folder)
        ended = small_run.stop(process, folder / "run", wait, delay, signal.SIGINT)
        assert ended.returncode == 130
        assert "Traceback" not in ended.stderr and "Exception" not in ended.stderr
        if (folder / "run").exists():
            begun += 1
            assert "--resume run" in ended.stdout + ended.stderr
            statuses = {row["status"] for row in Store(folder / "run").rows("trials")}
            assert "failed" not in statuses
        else:
            assert small_run.everything_below(folder) == set()
    assert begun >= 10


def test_an_in_process_search_loads_what_the_command_line_loaded(finished_run):
    """The tables say how many images there were; loading again gives as many."""
    store = Store(finished_run.path)
    dataset = load_dataset(store.experiment)
    (row,) = store.rows("datasets")
    assert row["train_images"] == len(dataset.train.y)
    assert row["validation_images"] == len(dataset.validation.y)
    assert row["train_images"] + row["validation_images"] == small_run.FIELDS["train_limit"]
    assert row["test_images"] == len(dataset.open_test().y) == len(row["test_labels"]) // 2
