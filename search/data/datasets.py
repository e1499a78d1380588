"""A name, an `.npz` or a folder -> train, validation, and a test split that stays shut."""

from __future__ import annotations

import dataclasses
import functools
import json
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from search.data.builtin import CLASS_NAMES, MIRRORED, NAMES
from search.data.locate import source_of
from search.data.membership import (
    LEARNT_FROM,
    Chosen,
    Member,
    copies,
    enrol,
    find,
    first_copies,
    firsts,
    in_two_classes,
)
from search.data.sources import Part, Source, bad_data
from search.data.splits import MOST_VALIDATED, apportion, draw, hold_out, limited, shuffled
from search.data.values import adjustment, check_alike, check_classes
from search.experiment import Experiment, derive_seed
from search.rows import members_fingerprint
from search.wording import escaped

__all__ = ["NAMES", "Dataset", "Images", "drawn", "load_dataset"]


MOST_CLASSES = 20  # that are listed


@dataclasses.dataclass(frozen=True, eq=False)
class Images:
    """One labelled set.

    Attributes:
        x: images, uint8 (N, H, W, C), C being 1 (grey), 3 (RGB) or 4 (RGBA).
        y: labels, int32 (N,): indices into the data set's `class_names`.
        places: (N,), where each was listed when the run began, or the first of its copies was: what
            other splits of them follow from. None is as they come.
    """

    x: np.ndarray
    y: np.ndarray
    places: np.ndarray | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """What a search works on.

    Attributes:
        name: the experiment's `dataset_name`.
        train: what trials train on.
        validation: what trials are scored on.
        class_names: one text a class, in the order of the labels.
        mirror: whether a mirror image keeps its class.
        parts: the splits that come with it as such, `train` among them.
        own_validation: whether its validation split comes with it, and is every iteration's.
        test_count: how many test images there are.
        open_test: reads the test split; only the finals call it. Raises ExperimentError.
        notes: what the user is to know of how it was read, a line each.
        members: all its images, for the run to keep.
        reading: what its images are made to be; another would make others of them.
    """

    name: str
    train: Images
    validation: Images
    class_names: tuple[str, ...]
    mirror: bool
    own_validation: bool
    test_count: int
    open_test: Callable[[], Images]
    notes: tuple[str, ...] = ()
    members: tuple[Member, ...] = ()
    reading: str = ""
    parts: tuple[str, ...] = ("train",)

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
            "notes": json.dumps(self.notes, ensure_ascii=False),
            "reading": self.reading,
            "parts": json.dumps(self.parts),
            "test_copies": copies(self.members)["test"],
            "members_fingerprint": members_fingerprint(self.roll()),
        }

    def roll(self) -> list[dict[str, Any]]:
        """Returns the rows of the table `members`."""
        return [
            {"dataset": self.name, "position": position, **member._asdict()}
            for position, member in enumerate(self.members)
        ]

    @property
    def counts(self) -> list[int]:
        """How many images each class has, but for those of the test."""
        labels = np.concatenate([self.train.y, self.validation.y])
        found: list[int] = np.bincount(labels, minlength=len(self.class_names)).tolist()
        return found

    def in_words(self) -> list[str]:
        """Says what was read, a line each: how many images, of which classes, and the notes."""
        height, width, channels = self.image_shape
        colours = {1: "grey", 3: "in colour", 4: "in colour with alpha"}[channels]
        read = (
            f"read: {len(self.train.y):,} images to train on, {len(self.validation.y):,} to "
            f"validate on, {self.test_count:,} to test on; {height}x{width} pixels, {colours}"
        )
        shown = [f"{name} {n:,}" for name, n in zip(self.class_names, self.counts, strict=True)]
        more = len(shown) - MOST_CLASSES
        listed = ", ".join(shown[:MOST_CLASSES]) + (f" and {more:,} more" if more > 0 else "")
        classes = f"{len(shown):,} classes, images but for the test: {listed}"
        return [read, classes, *self.notes]


def load_dataset(
    experiment: Experiment, members: Sequence[Member] = (), test_begun: bool = False
) -> Dataset:
    """Reads the images that an experiment asks for; those of the test are checked and forgotten.

    All splits are stratified and follow from the experiment's seed and the data set's name. Of the
    training images a fifth is for validation, at most 5,000, and of all images a fifth for the
    test, where the data set has no such split of its own. Exact copies of an image stay together,
    unless nothing could be validated on.

    Args:
        experiment: what is asked for.
        members: the images of a run that goes on, which keep their splits.
        test_begun: whether it has tested, so that no test image may be gone.

    Raises:
        ExperimentError: there is no such data set, or it cannot be used.
    """
    name, source = experiment.dataset, source_of(experiment)
    parts = source.parts
    classes, counts = np.unique(source.train.labels, return_counts=True)
    _check_classes(name, classes, counts)
    for split, part in parts.items():
        _check_labels(name, split, part, classes)
    prints = {split: part.fingerprints() for split, part in parts.items()}
    if members:
        chosen, there, said = find(name, members, parts, prints, test_begun)
    else:
        chosen, said = _choose(source, experiment, firsts(prints["train"]))
        members = enrol(parts, prints, chosen)
        there = np.ones(sum(len(chosen[split].places) for split in LEARNT_FROM), dtype=bool)

    if not len(chosen["validation"].places):
        raise bad_data(
            f"no image of {name} is left to validate on: give more images, or a higher "
            "--train-limit"
        )
    own_splits = [split for split in LEARNT_FROM if chosen[split].part == "train"]
    learnt = np.concatenate([chosen[split].places for split in own_splits])
    reader = source.reader(learnt)
    if len(own_splits) == len(LEARNT_FROM):
        x = reader.read("train", learnt)  # at once, for memory's sake
    else:
        x = np.concatenate([reader.read(*chosen[split]) for split in LEARNT_FROM])
    adjust = adjustment(name, x[: len(learnt)])
    # What is wrong with the test is said before the search, and nothing else of it.
    others = {"validation": x[len(learnt) :]} if source.validation else {}
    others["test"] = reader.read(*chosen["test"])
    lost = []
    for split, images in others.items():
        if chosen[split].part == split:
            check_alike(name, split, images, x[: len(learnt)])
        lost += adjust.check(split, images)
    del others
    x = adjust(x)

    def labels(split: str) -> np.ndarray:
        part, places = chosen[split]
        return np.searchsorted(classes, parts[part].labels[places]).astype(np.int32)

    def open_test() -> Images:
        return Images(adjust(reader.read(*chosen["test"])), labels("test"))

    places = first_copies(members)[there]
    names = _class_names(name, classes)
    lost += check_classes(x[: len(learnt)], np.concatenate([labels(s) for s in own_splits]), names)
    count = len(chosen["train"].places)
    mirror = experiment.mirror
    notes = (*_copies(members), *source.notes, *reader.notes, *adjust.notes, *lost, *said)
    return Dataset(
        name=experiment.dataset_name,
        train=Images(x[:count], labels("train"), places[:count]),
        validation=Images(x[count:], labels("validation"), places[count:]),
        class_names=names,
        mirror=name in MIRRORED if mirror is None else mirror,
        own_validation=source.validation is not None,
        parts=tuple(parts),
        test_count=len(chosen["test"].places),
        open_test=open_test,
        notes=tuple(map(escaped, notes)),
        members=tuple(members),
        reading=f"{reader.form}; {adjust.form}",
    )


def drawn(images: Images, limit: int, seed: int) -> Images:
    """Draws at most so many images, of each class its share."""
    if len(images.y) <= limit:
        return images
    chosen = draw(images.y, apportion(np.bincount(images.y), limit), seed)
    return Images(images.x[chosen], images.y[chosen])


def _copies(members: Sequence[Member]) -> list[str]:
    """Says how many images lie in two classes, or have been seen before, a line each."""
    before = {"validation": "to train on", "test": "to train or validate on"}
    torn = in_two_classes(members)
    said = [f"{torn:,} images lie in two classes or more: which is right, nobody can tell"]
    return said[: bool(torn)] + [
        f"{count:,} {split} images are exact copies of images {before[split]}"
        for split, count in copies(members).items()
        if count
    ]


def _choose(
    source: Source, experiment: Experiment, alike: np.ndarray
) -> tuple[dict[str, Chosen], list[str]]:
    """Decides which images are for what: `train`, `validation` and `test`.

    Args:
        source: what there is.
        experiment: what is asked for.
        alike: of each image in the source's part for training, the place of its first copy.

    Returns:
        The choice, and what the user is to know of it.
    """
    seed_of = functools.partial(derive_seed, experiment.seed, experiment.dataset_name)
    name, limit, notes = experiment.dataset, experiment.train_limit, list[str]()
    classes, y = np.unique(source.train.labels, return_inverse=True)
    pool = np.arange(len(y))
    if source.test is not None:
        test = Chosen("test", np.arange(len(source.test.labels)))
    else:
        pool, places = hold_out(y, shuffled(len(y), seed_of("test"))[alike], keep=2)
        test = Chosen("train", places)
        if name not in NAMES:
            notes.append(
                f"no test split comes with it: {len(places):,} of {len(y):,} images are drawn"
            )
    if not len(test.places):
        raise bad_data(
            f"no image of {name} is left for the test: give three images or more of a class, no "
            "copies of each other"
        )
    if source.validation is None:
        pool = pool[limited(y[pool], classes, limit, seed_of("limit"), least=2)]
        _, first, which = np.unique(alike[pool], return_index=True, return_inverse=True)
        ranks = shuffled(len(pool), seed_of("validation"))[first[which]]
        kept, held = hold_out(y[pool], ranks, keep=1, part_copies=True, most_held=MOST_VALIDATED)
        train, validation = pool[kept], Chosen("train", pool[held])
    else:
        own = np.unique(source.validation.labels, return_inverse=True)[1]
        parts = np.array([len(pool), len(own)])
        limits = [None, None] if limit is None else apportion(parts, min(limit, parts.sum()))
        whole = int(parts.sum())
        train = pool[limited(y[pool], classes, limits[0], seed_of("limit"), least=1, whole=whole)]
        places = limited(own, classes, limits[1], seed_of("limit validation"), least=0)
        validation = Chosen("validation", places)
    return {"train": Chosen("train", train), "validation": validation, "test": test}, notes


def _check_classes(name: str, classes: np.ndarray, counts: np.ndarray) -> None:
    if len(classes) < 2:
        raise bad_data(f"{name} has one class only ({classes[0]}): give images of at least two")
    if counts.min() < 2:
        label = classes[counts.argmin()]
        raise bad_data(
            f"class {label} of {name} has fewer than two images to train on: "
            "add images to it, or leave the class out"
        )


def _check_labels(name: str, split: str, part: Part, classes: np.ndarray) -> None:
    """Refuses labels that no training image has."""
    unknown = np.setdiff1d(part.labels, classes)
    if len(unknown):
        raise bad_data(
            f"the {split} split of {name} has the label {unknown[0]}, which no training image "
            "has: take those images out, or train on some of them"
        )


def _class_names(name: str, classes: np.ndarray) -> tuple[str, ...]:
    known = CLASS_NAMES.get(name)
    if known and classes.dtype.kind == "i" and classes[0] >= 0 and classes[-1] < len(known):
        return tuple(known[label] for label in classes)
    names = tuple(escaped(str(label)) for label in classes)
    shown: dict[str, str] = {}
    for label in names:
        if not label.strip():
            raise bad_data(f"a class of {name} has no name: give it one, or leave its images out")
        # One name can be written in several ways: a letter with its accent, or both apart.
        alike = shown.setdefault(unicodedata.normalize("NFC", label).strip(), label)
        if alike is not label:
            raise bad_data(
                f"two classes of {name} are called {label}, written in two ways: rename one, or "
                "put their images together"
            )
    return names
