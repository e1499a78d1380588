"""Folders of images: splits, sizes, channels, every format, everything odd in one line."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from search.data import folders
from search.experiment import ExperimentError
from tests.support.images import load, picture, pictures, refusal, same, the_line


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
