"""A name, an `.npz` or a folder -> train, validation, and a test split that stays shut."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from search.data.builtin import CLASS_NAMES, MIRRORED, NAMES, digits_source, keras_source
from search.data.folders import folder_source
from search.data.npz import npz_source
from search.data.sources import Source, bad_data, one_line
from search.experiment import Experiment, ExperimentError, derive_seed

__all__ = ["NAMES", "Dataset", "Images", "load_dataset"]

HELD_OUT = 0.2  # of the images for the test, and of what is left for validation


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """One labelled set.

    Attributes:
        x: images, uint8 (N, H, W, C), C being 1 (grey), 3 (RGB) or 4 (RGBA).
        y: labels, int32 (N,): indices into the data set's `class_names`.
    """

    x: np.ndarray
    y: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """What a search works on.

    Attributes:
        name: the experiment's `dataset_name`.
        train: what trials train on.
        validation: what trials are scored on.
        class_names: one text a class, in the order of the labels.
        mirror: whether a mirror image keeps its class.
        test_count: how many test images there are.
        open_test: reads the test split; only the finals call it. Raises ExperimentError.
    """

    name: str
    train: Images
    validation: Images
    class_names: tuple[str, ...]
    mirror: bool
    test_count: int
    open_test: Callable[[], Images]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of every image."""
        height, width, channels = self.train.x.shape[1:]
        return height, width, channels

    def facts(self) -> dict[str, Any]:
        """Returns its row of the table `datasets`, without the test labels."""
        height, width, channels = self.image_shape
        return {
            "dataset": self.name,
            "height": height,
            "width": width,
            "channels": channels,
            "train_images": len(self.train.y),
            "validation_images": len(self.validation.y),
            "test_images": self.test_count,
            "class_names": json.dumps(self.class_names, ensure_ascii=False),
            "mirror": int(self.mirror),
        }


def load_dataset(experiment: Experiment) -> Dataset:
    """Reads the images that an experiment asks for, all but the test split.

    All splits are stratified and follow from the experiment's seed and the data set's name. Of the
    training images a fifth is for validation; where there is no official test split, a fifth of all
    images is the test.

    Raises:
        ExperimentError: there is no such data set, or it cannot be used.
    """
    seed_of = functools.partial(derive_seed, experiment.seed, experiment.dataset_name)
    source = _source(experiment, functools.partial(hold_out, seed=seed_of("test"), keep=2))
    classes, y = np.unique(source.labels, return_inverse=True)
    y = y.astype(np.int32)
    _check_classes(experiment.dataset, classes, np.bincount(y))
    if source.test_count == 0:
        raise bad_data(
            f"no image of {experiment.dataset} is left for the test: give three images or more "
            "of a class"
        )

    chosen = _limited(y, classes, experiment.train_limit, seed_of("limit"))
    train, validation = (
        chosen[part] for part in hold_out(y[chosen], seed=seed_of("validation"), keep=1)
    )
    x = source.read(np.concatenate([train, validation]))
    mirror = experiment.mirror
    return Dataset(
        name=experiment.dataset_name,
        train=Images(x[: len(train)], y[train]),
        validation=Images(x[len(train) :], y[validation]),
        class_names=_class_names(experiment.dataset, classes),
        mirror=experiment.dataset in MIRRORED if mirror is None else mirror,
        test_count=source.test_count,
        open_test=functools.partial(_open_test, experiment.dataset, source.read_test, classes),
    )


def _source(
    experiment: Experiment, hold_out: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> Source:
    """Finds the data set; `hold_out` splits off a test set where there is none."""
    name = experiment.dataset
    path = None if name in NAMES else _existing(name)
    if path is None and name not in NAMES:
        raise _unknown(name)
    if path is not None and path.is_dir():
        return folder_source(path, experiment.image_size, hold_out)
    if experiment.image_size is not None:
        raise bad_data(f"--image-size resizes a folder's images, {name} is none: leave it out")
    if path is not None:
        return npz_source(path)
    if name == "digits":
        return digits_source(hold_out)
    if experiment.data_dir is None:
        return keras_source(name)
    folder = _existing(experiment.data_dir)
    if folder is None or not folder.is_dir():
        raise bad_data(f"there is no folder {experiment.data_dir}: check what --data-dir names")
    file = _existing(str(folder / f"{name}.npz"))
    return keras_source(name, looked_in=folder) if file is None else npz_source(file)


def _existing(name: str) -> Path | None:
    """Returns the path of a file or folder, or None if there is none."""
    try:
        path = Path(name).expanduser()
        return path if name.strip() and path.exists() else None
    except (OSError, RuntimeError) as error:  # a name too long, no right to enter, no such home
        raise bad_data(f"cannot read {name} ({error}): check the path and its rights") from error


def _unknown(name: str) -> ExperimentError:
    if name.endswith(".npz") or len(Path(name).parts) > 1:
        return bad_data(f"there is no file or folder {name}: check what --dataset names")
    # Here, because it brings Keras with it, which reading images does without.
    from spaces.values import did_you_mean

    hint = did_you_mean(name, NAMES)
    return bad_data(
        f"unknown data set {name!r}: {hint}--dataset takes {', '.join(NAMES)}, "
        "the path of an .npz, or a folder of class folders"
    )


def _check_classes(name: str, classes: np.ndarray, counts: np.ndarray) -> None:
    if len(classes) < 2:
        raise bad_data(f"{name} has one class only ({classes[0]}): give images of at least two")
    if counts.min() < 2:
        label = classes[counts.argmin()]
        raise bad_data(
            f"class {label} of {name} has fewer than two images to train on: "
            "add images to it, or leave the class out"
        )


def _class_names(name: str, classes: np.ndarray) -> tuple[str, ...]:
    known = CLASS_NAMES.get(name)
    if known and classes.dtype.kind == "i" and classes[0] >= 0 and classes[-1] < len(known):
        return tuple(known[label] for label in classes)
    return tuple(one_line(str(label)) for label in classes)


def _open_test(
    name: str, read_test: Callable[[], tuple[np.ndarray, np.ndarray]], classes: np.ndarray
) -> Images:
    x, labels = read_test()
    unknown = np.setdiff1d(labels, classes)
    if len(unknown):
        raise bad_data(
            f"the test split of {name} has the label {unknown[0]}, which no training image has: "
            "take those images out, or train on some of them"
        )
    return Images(x, np.searchsorted(classes, labels).astype(np.int32))


# Splits: from labels to sorted indices


def draw_images(images: Images, limit: int, seed: int) -> Images:
    """Draws at most so many images, of each class its share."""
    if len(images.y) <= limit:
        return images
    chosen = draw(images.y, apportion(np.bincount(images.y), limit), seed)
    return Images(images.x[chosen], images.y[chosen])


def hold_out(labels: np.ndarray, *, seed: int, keep: int) -> tuple[np.ndarray, np.ndarray]:
    """Splits indices in two, 80 % and 20 % of every class to within one image.

    Args:
        labels: (N,), of any type.
        seed: what the draw follows from.
        keep: how many images of each class stay in the first part, come what may. Of the
            others, at least one goes into the second.

    Returns:
        The sorted indices of either part, integers.
    """
    _, y, counts = np.unique(labels, return_inverse=True, return_counts=True)
    shares = apportion(counts, round(HELD_OUT * len(labels)))
    shares = np.minimum(np.maximum(shares, 1), np.maximum(counts - keep, 0))
    held = draw(y, shares, seed)
    return np.setdiff1d(np.arange(len(labels)), held), held


def _limited(y: np.ndarray, classes: np.ndarray, limit: int | None, seed: int) -> np.ndarray:
    """Returns the sorted indices of the images to use, `limit` of them if there are as many."""
    if limit is None or limit >= len(y):
        return np.arange(len(y))
    counts = np.bincount(y)
    shares = apportion(counts, limit)
    if shares.min() < 2:
        enough = math.ceil(2 * len(y) / counts.min())
        raise bad_data(
            f"--train-limit {limit} leaves class {classes[shares.argmin()]} fewer than two "
            f"images: {enough} is enough"
        )
    return draw(y, shares, seed)


def apportion(counts: np.ndarray, total: int) -> np.ndarray:
    """Shares a total out in proportion to counts, each share exact to within one.

    Hamilton's method: whole parts first, then one more for the largest remainders.

    >>> apportion(np.array([7, 8, 15]), total=10).tolist()  # 2.33, 2.67 and 5
    [2, 3, 5]

    Args:
        counts: (K,), of each class.
        total: to be shared out, at most their sum.

    Returns:
        Integers (K,) whose sum is the total.
    """
    shares, remainders = np.divmod(counts * total, counts.sum())
    most_owed = np.argsort(-remainders, kind="stable")
    shares[most_owed[: total - shares.sum()]] += 1
    return shares


def draw(y: np.ndarray, shares: np.ndarray, seed: int) -> np.ndarray:
    """Draws `shares[k]` members of each class k.

    One permutation for whatever shares: of two limits, the smaller draws a subset of the larger.

    Args:
        y: (N,), classes 0..K-1.
        shares: (K,).
        seed: what the draw follows from.

    Returns:
        The sorted indices of those drawn, integers (sum of shares,).
    """
    order = np.random.default_rng(seed).permutation(len(y))
    by_class = order[np.argsort(y[order], kind="stable")]
    groups = np.split(by_class, np.cumsum(np.bincount(y))[:-1])
    return np.sort(np.concatenate([group[:n] for group, n in zip(groups, shares, strict=True)]))
