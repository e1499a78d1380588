"""The data sets that have names: where they are looked for, and what goes wrong on the way."""

import io
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from search.data import builtin, datasets
from search.data.builtin import NAMES
from tests.support.images import arrays, load, npz, numbered, numbers, refusal


def test_digits():
    data = load("digits")
    assert data.image_shape == (8, 8, 1) and data.name == "digits" and not data.mirror
    assert data.class_names == tuple("0123456789")
    assert data.train.x.min() == 0 and data.train.x.max() == 255
    test = data.open_test()
    assert len(test.y) == data.test_count == 359
    assert len(data.train.y) + len(data.validation.y) + len(test.y) == 1797
    shares = np.bincount(test.y) / np.bincount(np.concatenate([data.train.y, data.validation.y]))
    assert np.all(np.abs(shares - 0.25) < 0.01)


def test_a_folder_of_that_name_is_not_meant_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load("digits").notes == ()
    (tmp_path / "digits").mkdir()
    assert load("digits").notes == (
        "digits is the data set of that name; for what lies here, give ./digits",
    )


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10", "cifar100"])
def test_names_are_looked_for_in_the_data_dir(tmp_path, name):
    y = np.tile(np.arange(10), 3)
    npz(tmp_path / f"{name}.npz", x_train=numbered(30), y_train=y[:, None], y_test=np.arange(8))
    data = load(name, data_dir=str(tmp_path))
    assert data.name == name and len(data.train.y) + len(data.validation.y) == 30
    assert data.mirror == (name != "mnist")
    assert load(name, data_dir=str(tmp_path), mirror=False).mirror is False
    assert len(data.class_names) == 10
    first = {"mnist": "0", "fashion_mnist": "T-shirt/top", "cifar10": "airplane"}
    assert data.class_names[0] == first.get(name, "apple")


def test_class_names_are_whole():
    assert {name: len(names) for name, names in builtin.CLASS_NAMES.items()} == {
        "fashion_mnist": 10,
        "cifar10": 10,
        "cifar100": 100,
    }
    fine = builtin.CLASS_NAMES["cifar100"]
    assert list(fine) == sorted(set(fine))  # the file that they come in is in this order


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist", "cifar10"])
def test_real_data(name):
    folder = os.environ.get("SCANLINE_DATA_DIR")
    if not folder or not Path(folder, f"{name}.npz").exists():
        pytest.skip("SCANLINE_DATA_DIR has no such file")
    data = load(name, data_dir=folder, train_limit=2000)
    assert data.image_shape == ((32, 32, 3) if name == "cifar10" else (28, 28, 1))
    assert np.all(np.abs(np.bincount(data.validation.y) - 40) <= 10)
    assert data.test_count == 10_000 == len(data.open_test().y)


def test_keras_is_asked_when_the_data_dir_lacks_the_file(tmp_path, monkeypatch):
    parts = arrays()

    class Loader:
        @staticmethod
        def load_data():
            print("Downloading data from somewhere")
            return (parts["x_train"], parts["y_train"]), (parts["x_test"], parts["y_test"])

    monkeypatch.setattr(builtin.importlib, "import_module", lambda name: Loader)
    data = load("mnist", data_dir=str(tmp_path))
    assert data.test_count == 8 and np.array_equal(numbers(data.open_test()), np.arange(1000, 1008))


def test_a_damaged_cache_is_named_and_kept(tmp_path, monkeypatch):
    cache = tmp_path / "datasets"
    cache.mkdir()
    (cache / "mnist.npz").write_text("spoilt")
    (cache / "other.txt").write_text("not ours")

    class Loader:
        @staticmethod
        def load_data():
            (cache / "mnist.npz.part").write_text("half")
            raise EOFError("ended too soon")

    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(builtin.importlib, "import_module", lambda name: Loader)
    message = refusal("mnist")
    assert f"delete {cache / 'mnist.npz'}" in message and "ended too soon" in message
    assert sorted(path.name for path in cache.iterdir()) == ["mnist.npz", "other.txt"]


@pytest.mark.parametrize("interactive", [True, False])
def test_progress_is_shown_on_a_terminal_once_bytes_come(interactive):
    class Terminal(io.StringIO):
        def isatty(self):
            return interactive

    terminal = Terminal()
    chatter = builtin._Chatter(terminal)
    chatter.write("Downloading")
    assert terminal.getvalue() == ""
    chatter.write(" 10 %")
    chatter.write(" 20 %")
    assert terminal.getvalue() == ("Downloading 10 % 20 %" if interactive else "")


def test_no_network_and_no_cache(tmp_path):
    """In a process of its own: Keras settles where its cache lies when it is imported."""
    script = """
        import socket
        def fail(*_, **__): raise socket.gaierror(-2, "Name or service not known")
        socket.getaddrinfo = fail
        from search.data.datasets import load_dataset
        from search.experiment import Experiment, ExperimentError
        for name in ("mnist", "fashion_mnist", "cifar10", "cifar100"):
            try:
                where = "." if name == "mnist" else None
                load_dataset(Experiment(name, ("lines",), data_dir=where))
            except ExperimentError as error:
                print(error)
    """
    environment = {
        **{name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        "KERAS_HOME": str(tmp_path / "keras"),
        "PYTHONPATH": str(Path(datasets.__file__).parents[2]),
    }
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    lines = answer.stdout.splitlines()
    assert len(lines) == 4, answer.stdout  # nothing of Keras's among them
    for name, line in zip(NAMES[1:], lines, strict=True):
        assert name in line and f"{name}.npz in DIR" in line
        assert "--data-dir DIR" in line and "--dataset digits" in line
    assert lines[0].startswith("there is no mnist.npz")
    assert "Traceback" not in answer.stderr and "Downloading" not in answer.stderr
    assert not list(tmp_path.rglob("datasets"))  # nothing left behind
    assert not list(tmp_path.rglob("*cifar*")) and not list(tmp_path.rglob("*mnist*"))
