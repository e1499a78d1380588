"""Splits that are exact and repeatable, a limit, a test split that stays shut, wrong names."""

import numpy as np
import pytest

from search.data.datasets import load_dataset
from search.experiment import Experiment, ExperimentError
from tests.support.images import (
    COUNTS,
    arrays,
    load,
    npz,
    numbered,
    numbers,
    picture,
    pictures,
    refusal,
    same,
)


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


def test_another_test_split_changes_nothing_of_what_is_learnt_from(tmp_path):
    clean = load(npz(tmp_path / "a.npz"))
    poison = {"x_test": 255 - np.arange(72).reshape(3, 4, 6), "y_test": np.array([0, 1, 3])}
    poisoned = load(npz(tmp_path / "a.npz", **poison))
    assert same(clean.train, poisoned.train) and same(clean.validation, poisoned.validation)
    assert (clean.class_names, clean.notes) == (poisoned.class_names, poisoned.notes)
    assert np.array_equal(poisoned.open_test().x[..., 0], poison["x_test"])


def test_a_label_that_no_training_image_has_is_found_before_the_search(tmp_path):
    for split, label in (("test", 99), ("test", -1), ("val", 7)):
        extra = {"x_val": numbered(8), "y_val": np.arange(8) % 4}
        labels = {f"y_{split}": np.full(8, label)}
        message = refusal(npz(tmp_path / "a.npz", **{**extra, **labels}))
        assert f"the label {label}, which no training image has" in message


def test_a_validation_split_that_comes_with_the_images_is_used(tmp_path):
    extra = {"x_val": numbered(12, first=500), "y_val": np.arange(12) % 4}
    data = load(npz(tmp_path / "a.npz", **extra))
    assert data.own_validation and not load(npz(tmp_path / "b.npz")).own_validation
    assert np.array_equal(numbers(data.validation), np.arange(500, 512))
    assert np.array_equal(data.validation.y, extra["y_val"])
    assert sorted(numbers(data.train)) == list(range(74))
    fewer = load(tmp_path / "a.npz", train_limit=43)
    assert len(fewer.train.y) == 37 and len(fewer.validation.y) == 6
    assert np.bincount(fewer.train.y).min() >= 1


def test_images_and_labels_alone_are_split_by_us(tmp_path):
    np.savez(tmp_path / "a.npz", x=numbered(60), y=np.arange(60) % 3)
    data = load(tmp_path / "a.npz")
    parts = [numbers(part) for part in (data.train, data.validation, data.open_test())]
    assert sorted(np.concatenate(parts)) == list(range(60)) and len(parts[2]) == 12
    assert data.notes == ("no test split comes with it: 12 of 60 images are drawn",)


@pytest.mark.parametrize(
    "names",
    [("caf\u00e9", "cafe\u0301"), ("a", "a ")],
)
def test_classes_whose_names_look_the_same_are_refused(tmp_path, names):
    y = np.array(names)[np.arange(74) % 2]
    message = refusal(npz(tmp_path / "a.npz", y_train=y, y_test=y[:8]))
    assert "written in two ways: rename one" in message


@pytest.mark.parametrize("names", [("2", "\u00b2"), ("a", "\u00aa"), ("\uff71", "\u30a2")])
def test_characters_that_only_resemble_each_other_are_classes_of_their_own(tmp_path, names):
    y = np.array(names)[np.arange(74) % 2]
    data = load(npz(tmp_path / "a.npz", y_train=y, y_test=y[:8]))
    assert data.class_names == tuple(sorted(names))


def test_names_that_differ_by_a_line_break_stay_apart(tmp_path):
    y = np.array(["ab", "a\nb"])[np.arange(74) % 2]
    data = load(npz(tmp_path / "a.npz", y_train=y, y_test=y[:8]))
    assert data.class_names == (r"a\nb", "ab")
    assert np.array_equal(data.open_test().y, [1, 0] * 4)


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
    script = tmp_path / "images.txt"
    script.write_text("a,b")
    assert "give a folder of class folders, an .npz" in refusal(script)


def test_a_limit_that_leaves_nothing_to_validate_on_is_refused(tmp_path):
    x = np.arange(40 * 16, dtype="u1").reshape(40, 4, 4) * 7
    y = np.arange(40) % 2
    arrays = {"x_train": x[:30], "y_train": y[:30], "x_test": x[30:36], "y_test": y[30:36]}
    np.savez(tmp_path / "a.npz", **arrays, x_val=x[36:38], y_val=y[36:38])
    assert "left to validate on" in refusal(tmp_path / "a.npz", train_limit=4)
    assert len(load(tmp_path / "a.npz", train_limit=30).validation.y) == 2
