"""Which files are read, as what, and what is said of those that are not."""

import os
from pathlib import Path

import pytest
from PIL import Image

from search.data.layouts import list_folder
from tests.support.images import load, picture, pictures, refusal


@pytest.mark.parametrize(
    "names",
    [
        ("train", "val", "test"),
        ("Training", "validation", "TESTING"),
        ("training_set", "dev-set", "test_images"),
    ],
)
def test_folders_of_splits(tmp_path, names):
    for name, count in zip(names, (5, 2, 3), strict=True):
        pictures(tmp_path / name, count)
    splits = list_folder(tmp_path).splits
    assert {name: len(listed.files) for name, listed in splits.items()} == {
        "train": 10,
        "validation": 4,
        "test": 6,
    }
    for listed, name in zip(splits.values(), names, strict=True):
        assert all(file.parent.parent.name == name for file in listed.files)
        assert all(
            file.parent.name == label
            for file, label in zip(listed.files, listed.labels, strict=True)
        )


def test_without_a_test_split_one_is_drawn_and_it_is_said(tmp_path):
    pictures(tmp_path / "train", 10)
    pictures(tmp_path / "val", 3)
    data = load(tmp_path)
    assert (len(data.train.y), len(data.validation.y), data.test_count) == (16, 6, 4)
    assert data.notes[-1] == "no test split comes with it: 4 of 20 images are drawn"


def test_classes_called_as_splits_beside_others_are_classes(tmp_path):
    assert load(pictures(tmp_path, classes=("train", "test", "x"))).class_names == (
        "test",
        "train",
        "x",
    )


@pytest.mark.parametrize("flat", ["train", "test", "val"])
def test_a_split_whose_images_are_in_no_class_folder_is_refused(tmp_path, flat):
    for name in ("train", "test", "val"):
        if name == flat:
            picture(tmp_path / name / "cat.0.jpg")
        else:
            pictures(tmp_path / name)
    message = refusal(tmp_path)
    assert f"{flat} has no class folders" in message and "/train/CLASS/IMAGE.png" in message
    assert ("move" in message) == (flat != "train")


def test_splits_within_classes_and_splits_without_training_are_refused(tmp_path):
    for name in ("cat", "dog"):
        pictures(tmp_path / "a" / name, classes=("train", "test"))
    assert "cat holds folders of splits, and they hold the classes" in refusal(tmp_path / "a")
    pictures(tmp_path / "b" / "val")
    pictures(tmp_path / "b" / "test")
    assert "no folder for training" in refusal(tmp_path / "b")


def test_two_folders_for_one_split_are_refused(tmp_path):
    for name in ("train", "val", "validation"):
        pictures(tmp_path / name)
    assert "val and validation, both for validation: keep one" in refusal(tmp_path)


def test_images_are_found_in_subfolders_by_any_ending_and_by_none(tmp_path):
    pictures(tmp_path)
    for place in ("a.tif", "b.JFIF", "c.jpe", "deep/er/d.png"):
        file = tmp_path / "cat" / place
        kind = "JPEG" if place[0] in "bc" else "TIFF" if place[0] == "a" else "PNG"
        picture(file, format=kind)
    picture(tmp_path / "dog" / "no-ending", format="PNG")
    listing = list_folder(tmp_path)
    names = {file.name for file in listing.splits["train"].files}
    assert {"a.tif", "b.JFIF", "c.jpe", "d.png", "no-ending"} <= names
    assert listing.passed_over == {}
    assert sum(label == "cat" for label in listing.splits["train"].labels) == 9


def test_what_is_passed_over_is_counted_by_kind(tmp_path):
    pictures(tmp_path / "train")
    pictures(tmp_path / "test")
    pictures(tmp_path / "extra", 2)
    (tmp_path / "labels.csv").write_text("a,b")
    cat = tmp_path / "train" / "cat"
    picture(tmp_path / "train" / "loose.png")
    for name in ("a.txt", "b.txt", "c.svg", "LICENSE"):
        (cat / name).write_text("no image")
    (cat / "gone.png").symlink_to(cat / "nothing")
    (cat / "round").symlink_to(cat)
    os.mkfifo(cat / "pipe.png")
    pictures(cat / ".old", 1)
    for name in (".hidden.png", "._0.png", "Thumbs.db"):  # of the last two, nobody meant any
        (cat / name).write_text("no image")
    data = load(tmp_path)
    assert data.notes[0] == (
        "passed over: 4 images in extra/, beside train, test, 1 .csv files, "
        "1 hidden images, 2 images in .old/, a hidden folder, 1 files without an ending, "
        "2 .txt files, 1 .svg files, 1 links that lead nowhere, "
        "1 pipes and devices, 1 links to a folder above, 1 images outside the class folders"
    )
    assert len(data.train.y) + len(data.validation.y) == 10


def test_the_order_in_which_the_disk_lists_files_does_not_matter(tmp_path, monkeypatch):
    pictures(tmp_path, 12)
    (tmp_path / "cat" / "more").mkdir()
    picture(tmp_path / "cat" / "more" / "0.png")
    files = list_folder(tmp_path).splits["train"].files.tolist()
    listing = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda path: sorted(listing(path), reverse=True))
    assert list_folder(tmp_path).splits["train"].files.tolist() == files


def test_no_file_but_one_without_an_ending_is_opened(tmp_path, monkeypatch):
    pictures(tmp_path)
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("it is listed, not opened"))
    assert len(list_folder(tmp_path).splits["train"].files) == 10


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
    pictures(folder / "train", classes=("cat",))


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
        (train_alone, "one class only (cat)"),
        (one_class, "one class only (cat)"),
        (one_image, "class mouse of"),
        (empty_class, "class mouse of"),
        (two_of_each, "left for the test"),
        (stranger, "the label mouse"),
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


@pytest.mark.parametrize(
    "names",
    [
        ("seg_train", "seg_test"),
        ("train", "eval"),
        ("train", "holdout"),
        ("trn", "tst"),
        ("trainA", "trainB", "testA", "testB"),
        ("seg_train/seg_train", "seg_test/seg_test"),
    ],
)
@pytest.mark.parametrize("flat", [False, True])
def test_splits_of_other_names_are_no_classes(tmp_path, names, flat):
    for name in names:
        if flat:
            picture(tmp_path / name / "1.png")
        else:
            pictures(tmp_path / name)
    said = refusal(tmp_path)
    assert "no class" in said and "train/CLASS/IMAGE.png" in said


@pytest.mark.parametrize("names", [("attest", "brain"), ("train", "bus"), ("testA", "testB")])
def test_classes_of_such_names_are_classes(tmp_path, names):
    assert load(pictures(tmp_path, classes=names)).class_names == tuple(sorted(names))


def test_folders_in_class_folders_are_said(tmp_path):
    for name in ("fold1", "fold2"):
        pictures(tmp_path / name, classes=("cat", "dog"))
    picture(tmp_path / "more" / "1.png")
    picture(tmp_path / "more" / "2.png")
    data = load(tmp_path)
    assert data.class_names == ("fold1", "fold2", "more")
    assert (
        "what lies in folders of a class's folder is of that class: fold1 holds cat/, dog/; fold2 "
        "holds cat/, dog/"
    ) in data.notes


@pytest.mark.parametrize(
    "names",
    [
        *(("train", "evaluation"), ("trainset", "testset"), ("trainval", "test")),
        *(("learn", "test"), ("train", "extra"), ("train", "query", "gallery")),
        ("Training", "Prüfung"),
    ],
)
def test_folders_that_all_hold_the_same_and_may_be_splits_are_refused(tmp_path, names):
    for name in names:
        pictures(tmp_path / name)
    assert "/train/CLASS/IMAGE.png" in refusal(tmp_path)


@pytest.mark.parametrize("beside", ["pred", "unlabeled"])
def test_a_split_beside_a_folder_that_holds_no_classes_is_refused(tmp_path, beside):
    pictures(tmp_path / "train")
    picture(tmp_path / beside / "1.png")
    assert f"move {beside} away" in refusal(tmp_path)


@pytest.mark.parametrize(
    "names",
    [
        *(("medieval", "modern"), ("trainers", "boots"), ("contest", "protest")),
        *(("retrieval", "strainer"), ("test_positive", "test_negative"), ("car", "bus", "train")),
    ],
)
def test_classes_of_such_names_that_hold_the_same_are_classes(tmp_path, names):
    for name in names:
        pictures(tmp_path / name, classes=("left", "right"))
    assert load(tmp_path).class_names == tuple(sorted(names))


def test_a_folder_that_holds_the_folders_beside_it_again_is_refused(tmp_path):
    pictures(tmp_path, classes=("no", "yes"))
    pictures(tmp_path / "brain", classes=("no", "yes"))
    assert "called as those beside it, no, yes: keep one" in refusal(tmp_path)


def test_classes_of_two_levels_of_which_one_is_called_as_a_split_are_classes(tmp_path):
    pictures(tmp_path / "train", classes=("electric", "steam"))
    pictures(tmp_path / "bus", classes=("red", "blue"))
    picture(tmp_path / "car" / "1.png")
    picture(tmp_path / "car" / "IMG 2021.05.04", format="PNG")
    assert load(tmp_path).class_names == ("bus", "car", "train")


def test_one_folder_too_deep_is_told_where_to_look(tmp_path):
    pictures(tmp_path / "pets")
    assert f"give {tmp_path / 'pets'}" in refusal(tmp_path)


def test_a_class_of_files_that_are_not_read_is_told_which_are(tmp_path):
    pictures(tmp_path)
    (tmp_path / "emu").mkdir()
    for number in range(3):
        (tmp_path / "emu" / f"{number}.heic").write_bytes(b"?")
    said = refusal(tmp_path)
    assert "class emu" in said and "3 .heic files" in said and "PNG" in said
