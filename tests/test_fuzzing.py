"""Whatever is typed or read: it works, or one line says what is wrong. Nothing ends in a traceback.

What is made up is the same each time, and little, so that it takes a minute. `make fuzz` makes up
more, and other things each time.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import run_search
from analysis.report.write import write_report
from search.data.datasets import load_dataset
from search.experiment import Experiment, ExperimentError
from search.options import make_parser
from spaces.design import build_design
from tests.support import small_run
from tests.support.fuzzing import NONSENSE, STEERING, alter_table, altered
from tests.support.invented import InventedWorkers

TIMES = int(os.environ.get("SCANLINE_FUZZ", "0"))
"""How many times as much is made up as in the suite; 0 is the suite."""


def fuzz(examples):
    return settings(
        max_examples=examples * max(1, TIMES),
        derandomize=not TIMES,
        deadline=None,
        database=None,
        suppress_health_check=[*HealthCheck],
    )


def is_one_line(text):
    assert text and len(text.splitlines()) == 1 and text.isprintable(), repr(text)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where the program is started; nothing can be downloaded from here."""
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr(run_search, "end_cleanly", lambda: None)  # pytest has handlers of its own
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.fixture
def invented(monkeypatch):
    """Searches train nothing."""
    monkeypatch.setattr(
        run_search, "make_workers", lambda *_: contextlib.nullcontext(InventedWorkers(2))
    )


@pytest.fixture
def no_search(monkeypatch):
    """Searches do not begin."""

    def run(store, *_):
        store.close()
        return 0

    monkeypatch.setattr(run_search, "run", run)


def execute(arguments, capsys):
    """Runs the command line; it works, or its one line says why not."""
    try:
        code = run_search.main(arguments)
    except SystemExit as end:  # the parser's
        code = end.code
    output, errors = capsys.readouterr()
    assert code in (0, 2), (code, errors)
    assert "\x1b" not in output + errors
    if code:
        assert errors.startswith("error: ") and errors.endswith("\n"), errors
        is_one_line(errors[:-1])
    return code


# The command line

OPTIONS = sorted(option for action in make_parser()._actions for option in action.option_strings)
TYPED = st.one_of(
    st.sampled_from(["0", "1", "3", "64", "auto", "-1", "1e9", "nan", "999999999", "8x8", ""]),
    st.sampled_from(["digits", "mnist", "lines", "lines,cnn_lines", "a.npz", "run", ".", "/"]),
    st.sampled_from([text for text in STEERING if "\0" not in text and "\ud800" not in text]),
    st.sampled_from(["\udcff", "fold\udcff", "ä" * 300]),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=6),
)


@fuzz(40)
@given(
    typed=st.lists(st.tuples(st.sampled_from(OPTIONS), st.none() | TYPED), min_size=1, max_size=4)
)
def test_whatever_is_typed(folder, no_search, capsys, typed):
    arguments = [part for pair in typed for part in pair if part is not None]
    arguments = [part for part in arguments if part not in ("-h", "--help")]
    execute(arguments, capsys)
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


# Data sets

KEYS = ["x_train", "y_train", "x_test", "y_test", "x_val", "y_val", "x", "y", "train_images", "z"]
KINDS = ["u1", "i1", "u2", "i4", "u8", "f2", "f4", "f8", "?", "S3", "U3", "c8", "M8[s]", "O"]
SHAPES = [(), (0,), (12,), (12, 1), (12, 4, 4), (12, 4, 4, 1), (12, 4, 4, 3), (12, 3, 4, 4)]


@st.composite
def arrays(draw):
    shape = draw(st.sampled_from(SHAPES))
    kind = np.dtype(draw(st.sampled_from(KINDS)))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    most = draw(st.sampled_from([1, 2, 3, 255, 256, 10_000]))
    if kind.kind == "O":
        return rng.integers(0, most, shape).astype(object)
    with np.errstate(all="ignore"):
        return (rng.random(shape) * most).astype("f8" if kind.kind in "fc" else "i8").astype(kind)


@fuzz(40)
@given(found=st.dictionaries(st.sampled_from(KEYS), arrays(), min_size=1, max_size=8))
def test_whatever_an_npz_holds(found):
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder, "a.npz"), **found)
        read(Path(folder, "a.npz"))


def read(path):
    """Reads a data set, which is right or refused."""
    try:
        dataset = load_dataset(Experiment(str(path), ("lines",)))
    except ExperimentError as error:
        is_one_line(str(error))
        return
    for images in (dataset.train, dataset.validation, dataset.open_test()):
        assert images.x.dtype == np.uint8 and images.x.ndim == 4 and len(images.x) > 0
        assert images.x.shape[1:] == dataset.image_shape
        assert images.y.min() >= 0 and images.y.max() < len(dataset.class_names)
    assert set(dataset.train.y) == set(range(len(dataset.class_names)))
    for line in dataset.in_words():
        is_one_line(line)


PARTS = ["train", "test", "val", "a", "b", "c", ".git", "\n", "\x1b[2J", "é", "e\u0301", "\udcff"]
ENDINGS = [".png", ".jpg", ".tif", ".gif", ".bmp", ".txt", ".npy", "", ".PNG"]
MODES = ["L", "RGB", "RGBA", "P", "1", "I;16", "F", "CMYK"]


@fuzz(40)
@given(data=st.data(), names=st.lists(st.sampled_from(PARTS), min_size=1, max_size=5, unique=True))
def test_whatever_lies_in_a_folder(data, names):
    with tempfile.TemporaryDirectory() as folder:
        for number in range(data.draw(st.integers(1, 14))):
            inside = data.draw(st.lists(st.sampled_from(names), max_size=3))
            ending = data.draw(st.sampled_from(ENDINGS))
            mode, side = data.draw(st.sampled_from(MODES)), data.draw(st.integers(1, 9))
            file = Path(folder, *inside, f"{number}{ending}")
            file.parent.mkdir(parents=True, exist_ok=True)
            if data.draw(st.integers(0, 9)) == 0:
                file.write_bytes(data.draw(st.binary(max_size=40)))
                continue
            values = np.random.default_rng(number).integers(0, 255, (side, side), dtype="u1")
            image = Image.fromarray(values).convert(mode)
            with contextlib.suppress(OSError, ValueError, KeyError):  # no such mode there
                image.save(file, format=None if ending in ENDINGS[:5] else "PNG")
        read(folder)


# Designs and runs


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A whole run of two strategies, with a final of each, of which nothing was trained."""
    path = tmp_path_factory.mktemp("searched") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            run_search, "make_workers", lambda *_: contextlib.nullcontext(InventedWorkers(2))
        )
        patch.setattr(run_search, "end_cleanly", lambda: None)
        assert run_search.main([*small_run.ARGUMENTS, "--out", str(path)]) == 0
    return path


@pytest.fixture(scope="module")
def half(searched, tmp_path_factory):
    """The same, stopped halfway."""
    path = shutil.copytree(searched, tmp_path_factory.mktemp("half") / "run")
    with contextlib.closing(sqlite3.connect(path / "results.sqlite")) as database:
        for table in ("finals", "baselines", "searches", "sequences"):
            database.execute(f"DELETE FROM {table}")
        database.execute("DELETE FROM epochs WHERE trial_id LIKE '%final%'")
        database.execute("UPDATE datasets SET test_labels = NULL")
        database.execute("DELETE FROM images WHERE split = 'test'")
        running = "(SELECT trial_id FROM trials WHERE rowid > 6)"
        database.execute(f"DELETE FROM epochs WHERE trial_id IN {running}")
        database.execute(f"DELETE FROM trials WHERE trial_id IN {running}")
        database.commit()
    return path


@fuzz(25)
@given(data=st.data())
def test_whatever_stands_in_a_design(searched, data):
    design = json.loads((searched / "designs" / "digits-lines.json").read_text())
    try:
        build_design(data.draw(altered(design)))
    except ValueError as error:
        is_one_line(str(error))


@contextlib.contextmanager
def copied(run, path):
    """A run to be spoilt."""
    shutil.copytree(run, path)
    try:
        yield path
    finally:
        shutil.rmtree(path)


@fuzz(40)
@given(data=st.data())
def test_whatever_stands_in_an_experiment(half, folder, no_search, capsys, data):
    with copied(half, folder / "run") as run:
        saved = json.loads((run / "experiment.json").read_text())
        text = json.dumps(data.draw(st.one_of(altered(saved), altered(saved), NONSENSE)))
        (run / "experiment.json").write_text(text)
        execute(["--status", "run"], capsys)
        execute(["--resume", "run"], capsys)


@pytest.mark.slow
@fuzz(12)
@given(data=st.data())
def test_whatever_stands_in_the_tables(searched, half, folder, invented, capsys, data):
    whole = data.draw(st.booleans(), "whole")
    with copied(searched if whole else half, folder / "run") as run:
        alter_table(data, run / "results.sqlite")
        execute(["--status", "run"], capsys)
        try:
            write_report(run)
        except ExperimentError as error:
            is_one_line(str(error))
        execute(["--resume", "run", "--workers", "1"], capsys)
