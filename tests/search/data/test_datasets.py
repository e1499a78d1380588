"""Splits that are exact and repeatable, a limit, a test split that stays shut, wrong names."""

import numpy as np
import pytest

from search.data.datasets import apportion, hold_out, load_dataset
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
    the_line,
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


def test_a_poisoned_test_split_changes_nothing(tmp_path):
    clean = load(npz(tmp_path / "a.npz"))
    poison = {"x_test": np.full((3, 4, 6), 255), "y_test": np.array([0, 1, 99])}
    poisoned = load(npz(tmp_path / "a.npz", **poison))
    assert same(clean.train, poisoned.train) and same(clean.validation, poisoned.validation)
    assert clean.class_names == poisoned.class_names
    with pytest.raises(ExperimentError) as caught:
        poisoned.open_test()
    assert "label 99, which no training image has" in the_line(caught)


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
    script = tmp_path / "images.csv"
    script.write_text("a,b")
    assert "no .npz" in refusal(script)
