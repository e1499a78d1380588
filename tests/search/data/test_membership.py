"""A run's images are those that it began with: what is gone is left out, what is new is refused."""

import os
import shutil

import numpy as np
import pytest

from search.data.datasets import load_dataset
from search.data.membership import copies, first_copies
from search.experiment import Experiment, ExperimentError
from tests.support.images import numbered, picture, pictures, same, the_line


@pytest.fixture
def folder(tmp_path):
    """Thirty images, each with a number in its pixels and in its name."""
    for number in range(30):
        picture(
            tmp_path / "images" / "ab"[number % 2] / f"{number}.png",
            colour=(number, 255 - number, 100),
        )
    return tmp_path / "images"


def load(folder, members=(), test_begun=False):
    return load_dataset(Experiment(str(folder), ("lines",)), members, test_begun)


def colours(images):
    return images.x[:, 0, 0, 0].tolist()


def test_a_resume_finds_the_images_as_they_were(folder):
    one = load(folder)
    again = load(folder, one.members)
    assert same(one.train, again.train) and same(one.validation, again.validation)
    assert same(one.open_test(), again.open_test()) and one.members == again.members
    splits = [member.split for member in one.members]
    assert splits == ["train"] * 19 + ["validation"] * 5 + ["test"] * 6


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_what_is_gone_is_left_out_and_nothing_else_changes_its_split(folder, split):
    one = load(folder)
    gone = [member.name for member in one.members if member.split == split][1:3]
    numbers = [int(name.partition("/")[2].removesuffix(".png")) for name in gone]
    tested = one.open_test()
    for name in gone:
        (folder / name).unlink()
    other = load(folder, one.members)
    assert f"2 images are gone since the run began, {gone[0]} first" in other.notes[-1]
    for part in ("train", "validation", "test"):
        before, after = (
            colours(test if part == "test" else getattr(data, part))
            for data, test in ((one, tested), (other, other.open_test()))
        )
        assert after == [colour for colour in before if colour not in numbers]
    # Nor does any in the splits that are drawn from places.
    for part in ("train", "validation"):
        place = dict(zip(colours(getattr(one, part)), getattr(one, part).places, strict=True))
        kept = getattr(other, part)
        assert kept.places.tolist() == [place[colour] for colour in colours(kept)]
    assert other.members == one.members  # of which nobody knows that they will not come back


def test_test_images_may_not_be_gone_once_the_test_has_begun(folder):
    one = load(folder)
    by_split = {member.split: member.name for member in one.members}
    (folder / by_split["train"]).unlink()
    load(folder, one.members, test_begun=True)
    (folder / by_split["test"]).unlink()
    with pytest.raises(ExperimentError) as caught:
        load(folder, one.members, test_begun=True)
    assert by_split["test"] in the_line(caught)


def renamed(folder):
    (folder / "a").rename(folder / "c")
    return "c/0.png"


def exchanged(folder):
    (folder / "a").rename(folder / "c")
    (folder / "b").rename(folder / "a")
    (folder / "c").rename(folder / "b")
    return "a/1.png"


def replaced(folder):
    picture(folder / "a" / "4.png", colour=(7, 7, 9))
    return "a/4.png of"


def added(folder):
    shutil.copy(folder / "a" / "4.png", folder / "a" / "400.png")
    return "a/400.png"


def emptied(folder):
    for file in (folder / "a").iterdir():
        file.unlink()
    return "class a"


def without_a_class(folder):
    shutil.rmtree(folder / "a")
    for number in range(3):
        picture(folder / "b" / f"new{number}.png")
    return "one class only"


@pytest.mark.parametrize("change", [renamed, exchanged, replaced, added, emptied, without_a_class])
def test_what_is_new_or_changed_is_refused_by_name(folder, change):
    members = load(folder).members
    name = change(folder)
    with pytest.raises(ExperimentError) as caught:
        load(folder, members)
    assert name in the_line(caught)


def test_a_class_needs_an_image_to_train_on(folder):
    one = load(folder)
    for member in one.members:
        if member.split == "train" and member.label == "a":
            (folder / member.name).unlink()
    with pytest.raises(ExperimentError) as caught:
        load(folder, one.members)
    assert "all training images of class a" in the_line(caught)


def test_what_is_gone_may_change_how_the_others_are_read(folder):
    picture(folder / "a" / "wide.png", size=(9, 9), colour=(1, 2, 3))
    one = load(folder)
    (folder / "a" / "wide.png").unlink()
    assert one.reading != load(folder, one.members).reading == load(folder).reading


def test_names_that_are_no_text_can_be_kept(tmp_path):
    for name in ("a", os.fsdecode(b"b\xe9")):
        for number in range(5):
            picture(tmp_path / name / f"{number}.png", colour=(9, number, 200))
    data = load(tmp_path)
    assert all(member.name.encode() for member in data.members)
    assert load(tmp_path, data.members).members == data.members


def test_arrays_are_known_too(tmp_path):
    x, y = numbered(60), np.arange(60) % 3
    file = tmp_path / "a.npz"
    np.savez(file, x=x, y=y)
    members = load(file).members
    load(file, members)
    for change in (
        {"x": x.reshape(60, 6, 4), "y": y},
        {"x": x[::-1], "y": y},
        {"x": x, "y": (y + 1) % 3},
        {"x": np.concatenate([x, x[:1]]), "y": np.append(y, 0)},
    ):
        np.savez(file, **change)
        with pytest.raises(ExperimentError) as caught:
            load(file, members)
        assert "x[" in the_line(caught)
    np.savez(file, x=x[:-2], y=y[:-2])
    assert "2 images are gone since the run began, x[5" in load(file, members).notes[-1]


def test_copies_stay_together_where_we_draw(tmp_path):
    """Every image twelve times: none is in two splits, nor in both parts of a later draw."""
    rng = np.random.default_rng(0)
    for label in "ab":
        for number in range(8):
            pixels = rng.integers(0, 256, 3).tolist()
            file = picture(tmp_path / label / f"{number}.png", colour=tuple(pixels))
            for copy in range(1, 12):
                shutil.copy(file, file.with_name(f"{number} ({copy}).png"))
    data = load(tmp_path)
    parts = [{*map(tuple, part.x[:, 0, 0])} for part in (data.train, data.validation)]
    test = {*map(tuple, data.open_test().x[:, 0, 0])}
    assert not parts[0] & parts[1] and not (parts[0] | parts[1]) & test
    assert [len(part) for part in (*parts, test)] == [10, 2, 4]
    assert copies(data.members) == {"validation": 0, "test": 0}
    places = np.concatenate([data.train.places, data.validation.places])
    colours = np.concatenate([data.train.x, data.validation.x])[:, 0, 0]
    assert len(np.unique(places)) == 12
    for place in np.unique(places):
        assert len(np.unique(colours[places == place], axis=0)) == 1


def test_copies_across_splits_that_come_so_are_counted_first(tmp_path):
    x, y = numbered(60), np.arange(60) % 3
    np.savez(tmp_path / "a.npz", x_train=x, y_train=y, x_test=x[10:40], y_test=y[10:40])
    data = load(tmp_path / "a.npz")
    assert data.notes[0] == "30 test images are exact copies of images to train or validate on"
    assert first_copies(data.members).tolist() == list(range(60))


def test_images_of_two_classes_are_counted_first(tmp_path):
    pictures(tmp_path)
    for number in range(3):
        shutil.copy(tmp_path / "cat" / f"{number}.png", tmp_path / "dog" / f"too{number}.png")
    first = load(tmp_path).notes[0]
    assert first == "6 images lie in two classes or more: which is right, nobody can tell"
