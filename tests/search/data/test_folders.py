"""Folders of images as data sets: their splits, and that images are opened when they are needed."""

import numpy as np
from PIL import Image

from search.data import headers, pixels
from tests.support.images import load, picture, pictures, refusal, same


def test_test_images_have_no_part_in_what_is_learnt_from(tmp_path):
    """They are other in size, mode, range and ground: nothing of it is seen before the finals."""
    pictures(tmp_path / "train", 10, size=(5, 7))
    pictures(tmp_path / "test", 2, size=(5, 7))
    clean = load(tmp_path)
    for number, (mode, colour) in enumerate(
        {"RGB": (9, 9, 0), "RGBA": (0, 9, 0, 9), "L": 3}.items()
    ):
        picture(tmp_path / "test" / "cat" / f"{number}.png", mode, (50, 40), colour)
    other = load(tmp_path)
    assert same(clean.train, other.train) and same(clean.validation, other.validation)
    assert other.open_test().x.shape == (5, 7, 5, 3)
    assert clean.notes == () and other.notes == (
        "test images of 7x5 to 40x50 pixels are made 7x5",
        "1 of 5 test images have transparent parts: they are laid on white",
    )


def test_test_images_that_the_training_images_say_nothing_of_are_refused(tmp_path):
    pictures(tmp_path / "train", mode="L")
    pictures(tmp_path / "test", mode="L")
    picture(tmp_path / "test" / "cat" / "deep.png", "I;16", colour=900)
    assert "deep.png has more than 8 bits, and no training image has" in refusal(tmp_path)


def test_colour_in_the_test_alone_is_made_grey_and_it_is_said(tmp_path):
    pictures(tmp_path / "train", mode="L")
    pictures(tmp_path / "test", mode="L")
    picture(tmp_path / "test" / "cat" / "red.png", colour=(200, 0, 0))
    data = load(tmp_path)
    assert "1 of 11 test images are in colour, and are made grey" in data.notes
    assert 60 in data.open_test().x[:, 0, 0, 0]


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
    assert np.all(data.train.x[:, 0] == 1) and np.all(test.x[:, 0] == 2)
    assert test.y.tolist() == [1, 1, 1]


def test_a_limit_reads_no_more_than_it_uses(tmp_path, monkeypatch):
    decoded = []
    original = pixels.pixels
    monkeypatch.setattr(
        pixels, "pixels", lambda path, *rest: decoded.append(path) or original(path, *rest)
    )
    pictures(tmp_path, 20, ("cat",))
    data = load(pictures(tmp_path, 20, ("dog",), colour=(200, 9, 9)), train_limit=10)
    assert len(decoded) == 10 + data.test_count == 18
    assert len(data.train.y) + len(data.validation.y) == 10


def broken_files(folder):
    """Breaks four files, each in another way and split; returns them."""
    pictures(folder / "train", 8)
    pictures(folder / "test", 4)
    empty, text = folder / "train" / "cat" / "1.png", folder / "train" / "dog" / "2.png"
    cut, lying = folder / "test" / "cat" / "3.png", folder / "test" / "dog" / "lying.tif"
    empty.write_bytes(b"")
    text.write_text("not an image")
    cut.write_bytes(cut.read_bytes()[:45])
    Image.new("RGB", (6, 4)).save(lying, tiffinfo={headers.ORIENTATION: 6})
    return [empty, text, cut, lying]


def test_all_files_that_cannot_be_read_are_named_in_one_message(tmp_path):
    files = broken_files(tmp_path)
    message = refusal(tmp_path)
    assert "cannot read 4 of 25 images, " in message and "--skip-broken" in message
    assert all(str(file) in message for file in files)
    for number in range(12):
        (tmp_path / "train" / "cat" / f"more{number}.png").write_text("x")
    message = refusal(tmp_path)
    assert "cannot read 16 of 37 images, " in message and " and 6 more: " in message


def test_files_that_cannot_be_read_are_left_out_where_that_is_asked_for(tmp_path):
    files = broken_files(tmp_path)
    skipped = load(tmp_path, skip_broken=True)
    assert any(note.startswith("left out: 4 of 25 images, ") for note in skipped.notes)
    for file in files:
        file.unlink()
    clean = load(tmp_path)
    assert same(clean.train, skipped.train) and same(clean.validation, skipped.validation)
    assert same(clean.open_test(), skipped.open_test())
    assert not any(note.startswith("left out") for note in load(tmp_path, skip_broken=True).notes)


def test_a_class_of_which_nothing_can_be_read_is_refused(tmp_path):
    pictures(tmp_path, classes=("cat", "dog", "owl"))
    for file in (tmp_path / "cat").iterdir():
        file.write_text("x")
    assert "no image of class cat" in refusal(tmp_path, skip_broken=True)
    for file in tmp_path.glob("*/*.png"):
        file.write_text("x")
    assert "no image of class cat" in refusal(tmp_path, skip_broken=True)
