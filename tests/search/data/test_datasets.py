"""Data sets: splits that are exact and repeatable, a test split that stays shut, bad input."""

import io
import os
import struct
import subprocess
import sys
import textwrap
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data import builtin as named
from search.data import datasets, folders
from search.data.datasets import NAMES, apportion, hold_out, load_dataset
from search.experiment import Experiment, ExperimentError

COUNTS = {0: 40, 1: 25, 2: 7, 3: 2}  # images a class: uneven on purpose


def load(dataset, **options):
    return load_dataset(Experiment(dataset=str(dataset), strategies=("lines",), **options))


def refusal(dataset, **options):
    """Returns the one line with which an experiment is refused."""
    with pytest.raises(ExperimentError) as caught:
        load(dataset, **options)
    return the_line(caught)


def the_line(caught):
    message = str(caught.value)
    assert message.isprintable() and len(message.splitlines()) == 1
    assert ": " in message  # what is wrong: what to do
    return message


def numbered(count, shape=(4, 6), first=0):
    """Images that can be told apart: the number of each lies in its first two pixels."""
    x = np.zeros((count, *shape), np.uint8)
    flat = x.reshape(count, -1)
    flat[:, 0], flat[:, 1] = np.divmod(np.arange(first, first + count), 256)
    return x


def numbers(images):
    flat = images.x.reshape(len(images.x), -1).astype(int)
    return flat[:, 0] * 256 + flat[:, 1]


def arrays(**changes):
    y = np.repeat(list(COUNTS), list(COUNTS.values()))
    y = np.random.default_rng(0).permutation(y)
    parts = {
        "x_train": numbered(len(y)),
        "y_train": y,
        "x_test": numbered(8, first=1000),
        "y_test": np.arange(8) % 4,
    }
    return {name: array for name, array in {**parts, **changes}.items() if array is not None}


def npz(path, **changes):
    np.savez(path, **arrays(**changes))
    return path


def picture(path, mode="RGB", size=(6, 4), colour=None, **options):
    """Writes an image; `size` is Pillow's (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour or 0).save(path, **options)
    return path


def pictures(folder, count=5, classes=("cat", "dog"), **options):
    for name in classes:
        for number in range(count):
            picture(folder / name / f"{number}.png", **options)
    return folder


def same(one, other):
    return np.array_equal(one.x, other.x) and np.array_equal(one.y, other.y)


# Splits


def test_splits_are_disjoint_complete_and_labelled(tmp_path):
    source = arrays()
    data = load(npz(tmp_path / "a.npz"))
    drawn = np.concatenate([numbers(data.train), numbers(data.validation)])
    assert sorted(drawn) == list(range(len(source["y_train"])))
    for part in (data.train, data.validation):
        assert part.x.dtype == np.uint8 and part.x.shape[1:] == (4, 6, 1) == data.image_shape
        assert part.y.dtype == np.int32
        assert np.array_equal(part.y, source["y_train"][numbers(part)])
    test = data.open_test()
    assert data.test_count == 8 and np.array_equal(numbers(test), np.arange(1000, 1008))
    assert np.array_equal(test.y, source["y_test"]) and test.y.dtype == np.int32


def test_validation_is_stratified_to_within_one(tmp_path):
    data = load(npz(tmp_path / "a.npz"))
    for label, count in COUNTS.items():
        held = np.sum(data.validation.y == label)
        assert abs(held - 0.2 * count) <= 1 and 1 <= held < count


@pytest.mark.parametrize("seed", range(5))
def test_hold_out_keeps_its_promises_for_any_counts(seed):
    rng = np.random.default_rng(seed)
    counts = rng.integers(2, 60, size=rng.integers(2, 40))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    for keep in (1, 2):
        kept, held = hold_out(labels, seed=seed, keep=keep)
        assert sorted([*kept, *held]) == list(range(len(labels)))
        shares = np.bincount(labels[held], minlength=len(counts))
        assert np.all(np.abs(shares - 0.2 * counts) <= 1)
        assert np.all(counts - shares >= keep)
        assert np.all(shares[counts > keep] >= 1)


def test_apportion_by_hand():
    # 10 of 7:8:15 is 2.33, 2.67, 5: the one that is left goes to the largest remainder.
    assert apportion(np.array([7, 8, 15]), 10).tolist() == [2, 3, 5]
    assert apportion(np.array([3, 3, 3]), 1).tolist() == [1, 0, 0]
    assert apportion(np.array([3, 4]), 7).tolist() == [3, 4]


@pytest.mark.parametrize("seed", [0, 1])
def test_same_seed_same_split_other_seed_other_split(tmp_path, seed):
    file = npz(tmp_path / "a.npz")
    one, again, other = load(file, seed=seed), load(file, seed=seed), load(file, seed=seed + 1)
    assert same(one.train, again.train) and same(one.validation, again.validation)
    assert not same(one.validation, other.validation)
    digits, others = load("digits", seed=seed), load("digits", seed=seed + 1)
    assert not same(digits.open_test(), others.open_test())


def test_another_name_has_another_split(tmp_path):
    one, other = load(npz(tmp_path / "a.npz")), load(npz(tmp_path / "b.npz"))
    assert (one.name, other.name) == ("a", "b")
    assert not same(one.validation, other.validation)


def test_train_limit_is_stratified_and_smaller_limits_are_subsets(tmp_path):
    y = np.repeat([0, 1, 2], [50, 30, 20])
    file = npz(tmp_path / "a.npz", x_train=numbered(100), y_train=y, y_test=np.arange(8) % 3)
    drawn = {}
    for limit in (20, 41):
        data = load(file, train_limit=limit)
        both = np.concatenate([data.train.y, data.validation.y])
        assert len(both) == limit
        assert np.all(np.abs(np.bincount(both) - limit * np.array([0.5, 0.3, 0.2])) < 1)
        drawn[limit] = {*numbers(data.train), *numbers(data.validation)}
        assert len(drawn[limit]) == limit
    assert drawn[20] < drawn[41]
    everything = load(file)
    assert same(load(file, train_limit=100).train, everything.train)
    assert same(load(file, train_limit=10**9).train, everything.train)


def test_a_train_limit_that_starves_a_class_is_refused_with_one_that_does_not(tmp_path):
    y = np.repeat([0, 1], [90, 10])
    file = npz(tmp_path / "a.npz", x_train=numbered(100), y_train=y, y_test=np.arange(8) % 2)
    for limit in (-1, 0, 3, 10):
        assert "20 is enough" in refusal(file, train_limit=limit)
    data = load(file, train_limit=20)
    assert np.bincount(data.train.y)[1] == np.bincount(data.validation.y)[1] == 1


# Names


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
    assert {name: len(names) for name, names in named.CLASS_NAMES.items()} == {
        "fashion_mnist": 10,
        "cifar10": 10,
        "cifar100": 100,
    }
    fine = named.CLASS_NAMES["cifar100"]
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

    monkeypatch.setattr(named.importlib, "import_module", lambda name: Loader)
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
    monkeypatch.setattr(named.importlib, "import_module", lambda name: Loader)
    message = refusal("mnist")
    assert f"delete {cache / 'mnist.npz'}" in message and "ended too soon" in message
    assert sorted(path.name for path in cache.iterdir()) == ["mnist.npz", "other.txt"]


@pytest.mark.parametrize("interactive", [True, False])
def test_progress_is_shown_on_a_terminal_once_bytes_come(interactive):
    class Terminal(io.StringIO):
        def isatty(self):
            return interactive

    terminal = Terminal()
    chatter = named._Chatter(terminal)
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


# The test split stays shut


def spoil(path, member):
    """Overwrites what lies behind the header of one array of an uncompressed .npz."""
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo(member).header_offset
        size = archive.getinfo(member).file_size
    name, extra = struct.unpack("<HH", content[start + 26 : start + 30])
    data = start + 30 + name + extra + 128  # NumPy pads its header to 128 bytes
    content[data : start + 30 + name + extra + size] = bytes(
        255 - value for value in content[data : start + 30 + name + extra + size]
    )
    path.write_bytes(content)


@pytest.mark.parametrize("member", ["x_test.npy", "y_test.npy"])
def test_an_npz_is_loaded_without_its_test_values(tmp_path, member):
    file = npz(tmp_path / "a.npz")
    whole = load(file)
    spoil(file, member)
    data = load(file)
    assert same(data.train, whole.train) and same(data.validation, whole.validation)
    assert data.test_count == 8
    with pytest.raises(ExperimentError) as caught:
        data.open_test()
    assert "a.npz" in the_line(caught)


def test_a_poisoned_test_split_changes_nothing(tmp_path):
    clean = load(npz(tmp_path / "a.npz"))
    poison = {"x_test": np.full((3, 4, 6), 255), "y_test": np.array([0, 1, 99])}
    poisoned = load(npz(tmp_path / "a.npz", **poison))
    assert same(clean.train, poisoned.train) and same(clean.validation, poisoned.validation)
    assert clean.class_names == poisoned.class_names
    with pytest.raises(ExperimentError) as caught:
        poisoned.open_test()
    assert "label 99, which no training image has" in the_line(caught)


def test_test_values_that_are_no_uint8_come_out_when_it_opens(tmp_path):
    data = load(npz(tmp_path / "a.npz", x_test=np.full((8, 4, 6), 300)))
    with pytest.raises(ExperimentError) as caught:
        data.open_test()
    assert "0..255" in the_line(caught)


@pytest.mark.parametrize("official", [True, False])
def test_test_images_are_not_opened_before_their_time(tmp_path, monkeypatch, official):
    if official:
        pictures(tmp_path / "train")
        pictures(tmp_path / "test", count=2)
    else:
        pictures(tmp_path, count=10)
    opened = []
    original = Image.open
    monkeypatch.setattr(
        folders.Image, "open", lambda path, **rest: opened.append(path) or original(path, **rest)
    )
    data = load(tmp_path)
    before = set(opened)
    opened.clear()
    test = data.open_test()
    assert len(test.y) == data.test_count == len(opened) == 4
    assert not before & set(opened)


# .npz files


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (1, 2), (5, 3, 1), (5, 7, 3), (5, 7, 4)])
def test_grey_colour_and_alpha_of_any_size(tmp_path, shape):
    x = numbered(74, shape)
    data = load(npz(tmp_path / "a.npz", x_train=x, x_test=numbered(8, shape)))
    assert data.image_shape == (*shape, 1)[:3]
    assert data.open_test().x.shape == (8, *data.image_shape)


@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.uint16, ">i4"])
def test_other_whole_numbers_are_taken_if_they_fit(tmp_path, dtype):
    data = load(npz(tmp_path / "a.npz", x_train=numbered(74).astype(dtype)))
    assert data.train.x.dtype == np.uint8
    assert sorted([*numbers(data.train), *numbers(data.validation)]) == list(range(74))


@pytest.mark.parametrize(
    "names",
    [
        np.array(["pear", "apple", "fig", "kiwi"]),
        np.array([b"pear", b"apple", b"fig", b"kiwi"]),
        np.array([7, -3, 200, 5], np.int16),
        np.array([70, 3, 200, 5], np.uint64),
    ],
)
def test_labels_of_any_kind_become_indices_in_sorted_order(tmp_path, names):
    source = arrays()
    y_train, y_test = names[source["y_train"]], names[source["y_test"]]
    data = load(npz(tmp_path / "a.npz", y_train=y_train[:, None], y_test=y_test))
    text = [name.decode() if isinstance(name, bytes) else str(name) for name in np.sort(names)]
    assert data.class_names == tuple(text)
    given = [np.sort(names).tolist().index(label) for label in y_test.tolist()]
    assert data.open_test().y.tolist() == given


def test_a_compressed_npz_and_fortran_order(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", **arrays(x_train=np.asfortranarray(numbered(74))))
    assert same(load(tmp_path / "a.npz").train, load(npz(tmp_path / "a.npz")).train)


BAD_ARRAYS = {
    "no x_test": ({"x_test": None}, "lacks x_test: save it with numpy.savez"),
    "no labels": ({"y_train": None, "y_test": None}, "lacks y_train, y_test"),
    "floats": ({"x_train": np.zeros((74, 4, 6))}, "float64: scale it to 0..255"),
    "floats to test on": ({"x_test": np.zeros((8, 4, 6), "f4")}, "x_test"),
    "true or false": ({"x_train": np.zeros((74, 4, 6), bool)}, "save images as uint8"),
    "below 0": ({"x_train": np.full((74, 4, 6), -1)}, "values from -1 to -1: scale them"),
    "above 255": ({"x_train": np.full((74, 4, 6), 256)}, "values from 256 to 256: scale them"),
    "two channels": ({"x_train": np.zeros((74, 4, 6, 2), "u1")}, "(N, H, W, C)"),
    "channels first": ({"x_train": np.zeros((74, 3, 6, 6), "u1")}, "transpose(0, 2, 3, 1)"),
    "flat": ({"x_train": np.zeros((74, 24), "u1")}, "(N, H, W)"),
    "five axes": ({"x_train": np.zeros((74, 2, 4, 6, 3), "u1")}, "(N, H, W)"),
    "a number": ({"x_train": np.uint8(7)}, "(N, H, W)"),
    "no images": ({"x_train": np.zeros((0, 4, 6), "u1"), "y_train": np.zeros(0, int)}, "one image"),
    "no test images": ({"x_test": np.zeros((0, 4, 6), "u1"), "y_test": np.zeros(0, int)}, "x_test"),
    "no width": ({"x_train": np.zeros((74, 4, 0), "u1")}, "two pixels"),
    "one pixel": ({"x_train": np.zeros((74, 1, 1), "u1")}, "two pixels"),
    "another size": ({"x_test": np.zeros((8, 6, 4), "u1")}, "save both in one size"),
    "another number": ({"y_train": np.zeros(73, int)}, "save one label an image"),
    "another test number": ({"y_test": np.zeros(7, int)}, "y_test"),
    "one-hot": ({"y_train": np.zeros((74, 4), "u1")}, "save one label an image"),
    "float labels": ({"y_train": np.zeros(74)}, "whole numbers or text"),
    "mixed labels": ({"y_test": np.array(list("abcdabcd"))}, "both as text"),
    "one class": ({"y_train": np.zeros(74, int)}, "at least two"),
    "one image": ({"y_train": np.arange(74) // 73}, "class 1 of"),
    "pickled": ({"x_train": np.array([None] * 74)}, "pickled objects, which are never loaded"),
    "pickled test": ({"y_test": np.array(list("abcdabcd"), object)}, "y_test"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_arrays_are_refused_in_one_line(tmp_path, case):
    changes, words = BAD_ARRAYS[case]
    message = refusal(npz(tmp_path / "bad.npz", **changes))
    assert words in message and "bad.npz" in message


def rezipped(path, name, content):
    """Writes an .npz with one array replaced by bytes."""
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in arrays().items():
            buffer = io.BytesIO()
            np.save(buffer, array)
            archive.writestr(f"{key}.npy", content if key == name else buffer.getvalue())


@pytest.mark.parametrize("name", ["x_train", "y_test"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x93NUMPY",
        b"\x93NUMPY\x03\x00" + b"\x10\x00\x00\x00" + b" " * 16,
        b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr': '|u1',",
        # A header that promises a terabyte.
        b"\x93NUMPY\x01\x00\x76\x00"
        + b"{'descr': '|u1', 'fortran_order': False, 'shape': (1000000, 1000, 1000)}".ljust(118),
    ],
)
def test_damaged_members_are_refused_in_one_line(tmp_path, name, content):
    rezipped(tmp_path / "bad.npz", name, content)
    assert "bad.npz is damaged" in refusal(tmp_path / "bad.npz")


def test_damaged_files_are_refused_in_one_line(tmp_path):
    text = tmp_path / "text.npz"
    text.write_text("x_train")
    assert "save it again with numpy.savez" in refusal(text)
    whole = npz(tmp_path / "whole.npz").read_bytes()
    for length in (0, 10, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.npz").write_bytes(whole[:length])
        assert "cut.npz is damaged" in refusal(tmp_path / "cut.npz")
    for member in ("x_train.npy", "y_train.npy"):
        spoil(npz(tmp_path / "spoilt.npz"), member)
        assert "spoilt.npz is damaged" in refusal(tmp_path / "spoilt.npz")
    (tmp_path / "folder.npz").mkdir()
    assert "has no images" in refusal(tmp_path / "folder.npz")
    (tmp_path / "mnist.npz").mkdir()
    assert "is not a file" in refusal("mnist", data_dir=str(tmp_path))


@pytest.mark.parametrize("failure", [PermissionError(13, "Permission denied"), MemoryError()])
def test_a_file_that_cannot_be_opened(tmp_path, monkeypatch, failure):
    def fail(*_):
        raise failure

    file = npz(tmp_path / "a.npz")
    monkeypatch.setattr(zipfile, "ZipFile", fail)
    assert "a.npz" in refusal(file)


def test_random_damage_never_ends_in_a_traceback(tmp_path):
    rng = np.random.default_rng(0)
    whole = npz(tmp_path / "whole.npz").read_bytes()
    image = picture(tmp_path / "whole.png", colour=(200, 100, 50)).read_bytes()
    pictures(tmp_path / "images")
    for _ in range(300):
        for content, target in (
            (whole, tmp_path / "bad.npz"),
            (image, tmp_path / "images" / "cat" / "0.png"),
        ):
            damaged = bytearray(content)
            for place in rng.integers(len(damaged), size=rng.integers(1, 4)):
                damaged[place] = rng.integers(256)
            target.write_bytes(damaged)
            experiment = Experiment(str(target), ("lines",))
            if target.suffix == ".png":
                experiment = Experiment(str(tmp_path / "images"), ("lines",))
            try:
                load_dataset(experiment).open_test()
            except ExperimentError as error:
                assert str(error).isprintable()


# Folders


def test_a_folder_is_split_by_us(tmp_path):
    for label, (name, count) in enumerate({"b": 20, "a": 15, "c": 3, "d": 2}.items()):
        for number in range(count):
            picture(tmp_path / name / f"{number}.png", "L", colour=50 * label + number)
    data = load(tmp_path)
    test = data.open_test()
    assert data.class_names == ("a", "b", "c", "d") and data.image_shape == (4, 6, 1)
    shares = [np.bincount(part.y, minlength=4) for part in (data.train, data.validation, test)]
    assert np.sum(shares, axis=0).tolist() == [15, 20, 3, 2]
    assert shares[2].tolist() == [3, 4, 1, 0]  # a class's last two are for training
    assert min(shares[0].min(), shares[1].min()) == 1
    colours = np.concatenate([part.x[:, 0, 0, 0] for part in (data.train, data.validation, test)])
    assert len(set(colours.tolist())) == 40  # no image is in two splits
    for part in (data.train, data.validation, test):
        assert np.array_equal(np.array([1, 0, 2, 3])[part.x[:, 0, 0, 0] // 50], part.y)


def test_a_folder_with_a_split_keeps_it(tmp_path):
    pictures(tmp_path / "train", colour=(1, 1, 1))
    pictures(tmp_path / "test", count=3, classes=("dog",), colour=(2, 2, 2))
    (tmp_path / "test" / "cat").mkdir()
    data = load(tmp_path)
    test = data.open_test()
    assert len(data.train.y) + len(data.validation.y) == 10
    assert np.all(data.train.x == 1) and np.all(test.x == 2) and test.y.tolist() == [1, 1, 1]


def test_classes_may_be_called_train_and_test(tmp_path):
    assert load(pictures(tmp_path, classes=("train", "test"))).class_names == ("test", "train")


def test_the_order_in_which_the_disk_lists_files_does_not_matter(tmp_path, monkeypatch):
    for name in ("a", "b"):
        for number in range(12):
            picture(tmp_path / name / f"{number}.png", "L", colour=number)
    one = load(tmp_path)
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(listing(path), reverse=True))
    other = load(tmp_path)
    assert same(one.train, other.train) and same(one.validation, other.validation)
    assert same(one.open_test(), other.open_test())


def test_hidden_files_and_other_files_are_ignored(tmp_path):
    pictures(tmp_path)
    for name in ("cat/.hidden.png", "cat/._0.png", "dog/Thumbs.db", "dog/notes.txt", "README.md"):
        (tmp_path / name).write_text("no image")
    (tmp_path / ".git").mkdir()
    (tmp_path / "cat" / "more.png").mkdir()
    data = load(tmp_path)
    assert data.class_names == ("cat", "dog")
    assert len(data.train.y) + len(data.validation.y) + data.test_count == 10


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "bmp", "gif", "webp"])
def test_every_kind_of_image_file(tmp_path, ending):
    for name, colour in (("a", (250, 0, 0)), ("b", (0, 0, 250))):
        for number in range(5):
            picture(tmp_path / name / f"{number}.{ending}", colour=colour)
    data = load(tmp_path)
    assert data.image_shape == (4, 6, 3)
    red, blue = (data.train.x[data.train.y == label][0, 0, 0].astype(int) for label in (0, 1))
    assert red[0] > 200 > 50 > red[2] and blue[2] > 200 > 50 > blue[0]


def test_the_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("L", (4, 4), colour) for colour in (10, 200)]
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(5):
            file = tmp_path / name / f"{number}.gif"
            frames[0].save(file, save_all=True, append_images=frames[1:])
    assert np.all(load(tmp_path).train.x == 10)


@pytest.mark.parametrize(
    ("modes", "channels"),
    [
        (("L", "1"), 1),
        (("L", "I;16"), 1),
        (("L", "LA"), 1),
        (("L", "RGB"), 3),
        (("RGB", "P"), 3),
        (("RGB", "RGBA"), 3),
        (("L", "RGBA"), 3),
        (("RGBA", "RGBA"), 4),
        (("RGBA", "LA"), 4),
    ],
)
def test_channels(tmp_path, modes, channels):
    for name, mode in zip("ab", modes, strict=True):
        pictures(tmp_path, classes=(name,), mode=mode)
    data = load(tmp_path)
    assert data.image_shape[2] == channels == data.open_test().x.shape[3]


def test_sixteen_bits_of_grey_are_scaled(tmp_path):
    for name, value in (("a", 0x4000), ("b", 0xFFFF)):
        pictures(tmp_path, classes=(name,), mode="I;16", colour=value)
    data = load(tmp_path)
    assert np.array_equal(data.train.x[:, 0, 0, 0], np.where(data.train.y == 0, 0x40, 0xFF))


@pytest.mark.parametrize(
    ("first", "second", "asked", "shape"),
    [
        ((10, 20), (10, 20), None, (20, 10)),
        ((64, 64), (64, 64), None, (64, 64)),
        ((65, 64), (65, 64), None, (32, 32)),
        ((10, 20), (20, 10), None, (32, 32)),
        ((10, 20), (300, 200), (7, 30), (7, 30)),
        ((9, 9), (9, 9), (1, 2), (1, 2)),
    ],
)
def test_sizes(tmp_path, first, second, asked, shape):
    for name, size in (("a", first), ("b", second)):
        pictures(tmp_path, classes=(name,), mode="L", size=size)
    assert load(tmp_path, image_size=asked).image_shape == (*shape, 1)


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_photograph_taken_sideways_stands_up(tmp_path, ending):
    upright = np.zeros((40, 20), np.uint8)
    upright[:20] = 240  # bright above, dark below
    lying = Image.fromarray(np.rot90(upright))
    exif = Image.Exif()
    exif[folders.ORIENTATION] = 6  # "turn it clockwise to see it"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(5):
            lying.save(tmp_path / name / f"{number}.{ending}", exif=exif)
    data = load(tmp_path)
    assert data.image_shape == (40, 20, 1)
    assert data.train.x[:, 2:18].min() > 200 and data.train.x[:, 22:38].max() < 50
    small = load(tmp_path, image_size=(8, 4))
    assert small.train.x[:, :3].min() > 180 and small.train.x[:, 5:].max() < 60


def test_a_limit_reads_no_more_than_it_uses(tmp_path, monkeypatch):
    decoded = []
    original = folders._pixels
    monkeypatch.setattr(
        folders, "_pixels", lambda image, form: decoded.append(1) or original(image, form)
    )
    data = load(pictures(tmp_path, count=20), train_limit=10)
    assert len(decoded) == 10 == len(data.train.y) + len(data.validation.y)


def text_file(path):
    path.write_text("no image")


def cut_short(path):
    picture(path, size=(60, 60))
    path.write_bytes(path.read_bytes()[:-30])


def bomb(path):
    """A PNG of a few bytes that says it has 400 million pixels."""
    picture(path)
    content = bytearray(path.read_bytes())
    content[16:24] = struct.pack(">II", 20_000, 20_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [(text_file, "cannot read"), (cut_short, "cannot read"), (bomb, "too large an image")],
)
@pytest.mark.parametrize("part", ["train", "test"])
def test_damaged_images_are_named_in_one_line(tmp_path, make, words, part):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    make(tmp_path / part / "cat" / "3.png")
    if part == "train":
        message = refusal(tmp_path)
    else:
        data = load(tmp_path)
        with pytest.raises(ExperimentError) as caught:
            data.open_test()
        message = the_line(caught)
    assert words in message and str(Path(part, "cat", "3.png")) in message
    assert "delete it" in message


def empty(folder):
    folder.mkdir()


def loose(folder):
    picture(folder / "1.png")


def documents(folder):
    (folder / "a").mkdir(parents=True)
    (folder / "a" / "1.txt").write_text("")


def one_class(folder):
    pictures(folder, classes=("cat",))


def one_image(folder):
    pictures(folder)
    picture(folder / "mouse" / "1.png")


def empty_class(folder):
    pictures(folder)
    (folder / "mouse").mkdir()


def two_of_each(folder):
    pictures(folder, count=2)


def train_alone(folder):
    pictures(folder / "train")


def stranger(folder):
    pictures(folder / "train")
    pictures(folder / "test", classes=("cat", "mouse"))


def line_break(folder):
    pictures(folder)
    picture(folder / "mo\nuse\x1b[31m" / "1.png")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty, "CLASS/IMAGE.png"),
        (loose, "CLASS/IMAGE.png"),
        (documents, "CLASS/IMAGE.png"),
        (train_alone, "train/ and test/ with class folders in each"),
        (one_class, "one class only (cat)"),
        (one_image, "class mouse of"),
        (empty_class, "class mouse of"),
        (two_of_each, "left for the test"),
        (stranger, "the class mouse"),
        (line_break, r"class mo\nuse\x1b[31m of"),
    ],
)
def test_bad_folders_are_refused_in_one_line(tmp_path, make, words):
    make(tmp_path / "images")
    assert words in refusal(tmp_path / "images")


def test_a_folder_that_may_not_be_read(tmp_path, monkeypatch):
    def fail(path):
        raise PermissionError(13, "Permission denied", str(path))

    pictures(tmp_path)
    monkeypatch.setattr(Path, "iterdir", fail)
    message = refusal(tmp_path)
    assert "Permission denied" in message and "check its rights" in message


# Names that lead nowhere


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cifra10", "did you mean cifar10"),
        ("fashion-mnist", "did you mean fashion_mnist"),
        ("MNIST", "did you mean mnist"),
        ("imagenet", "--dataset takes digits, mnist, fashion_mnist, cifar10, cifar100"),
        ("", "a folder of class folders"),
        (" ", "a folder of class folders"),
        ("no\nsuch", r"no\nsuch"),
        ("nul\0l", "unknown data set"),
        ("missing.npz", "there is no file or folder missing.npz"),
        ("some/where/else", "there is no file or folder some/where/else"),
        ("~nobody-of-that-name/x", "check the path"),
        ("x" * 5000, "check the path"),
    ],
)
def test_unknown_data_sets(tmp_path, monkeypatch, name, words):
    monkeypatch.chdir(tmp_path)
    assert words in refusal(name)


def test_other_refusals(tmp_path):
    assert "--data-dir" in refusal("mnist", data_dir=str(tmp_path / "missing"))
    assert "leave it out" in refusal("digits", image_size=(8, 8))
    assert "two pixels" in refusal(pictures(tmp_path / "a"), image_size=(1, 1))
    assert "two pixels" in refusal(tmp_path / "a", image_size=(0, 8))
    assert "do not fit into memory" in refusal(tmp_path / "a", image_size=(10**7, 10**7))
    script = tmp_path / "images.csv"
    script.write_text("a,b")
    assert "no .npz" in refusal(script)
