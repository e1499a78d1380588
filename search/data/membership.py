"""Which images a run has, and in which split: fixed when it begins, checked when it goes on.

An image is known by its name, its class and a fingerprint of its content. A run that goes on takes
away what is gone; what is new or changed it refuses, since neither an answer from two data sets nor
a split drawn anew would be worth anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from search.data.sources import Part, bad_data

LEARNT_FROM = ("train", "validation")
SPLITS = (*LEARNT_FROM, "test")
UNUSED = "unused"  # beyond --train-limit


class Member(NamedTuple):
    """An image of a run.

    Attributes:
        split: `train`, `validation`, `test` or `unused`.
        name: what the source calls it.
        label: its class's.
        fingerprint: of its content.
    """

    split: str
    name: str
    label: str
    fingerprint: str


class Chosen(NamedTuple):
    """The images of a split: in which part of their source they lie, and where in it."""

    part: str
    places: np.ndarray


def enrol(
    parts: Mapping[str, Part], prints: Mapping[str, list[str]], chosen: Mapping[str, Chosen]
) -> list[Member]:
    """Returns all images of a data set, those that are learnt from first.

    Args:
        parts: what the data set holds.
        prints: the fingerprints of each part.
        chosen: the images of each split.
    """
    members: list[Member] = []
    left = {name: np.ones(len(part.labels), dtype=bool) for name, part in parts.items()}
    for split in SPLITS:
        name, places = chosen[split]
        members += _of(split, parts[name], prints[name], places)
        left[name][places] = False
    for name, part in parts.items():
        members += _of(UNUSED, part, prints[name], np.flatnonzero(left[name]))
    return members


def _of(split: str, part: Part, prints: Sequence[str], places: Iterable[int]) -> list[Member]:
    return [Member(split, text(part.names[i]), text(part.labels[i]), prints[i]) for i in places]


def text(name: object) -> str:
    """Returns a name as it can be kept: a file's may hold what is no text."""
    return str(name).encode(errors="backslashreplace").decode()


def find(
    name: str,
    members: Sequence[Member],
    parts: Mapping[str, Part],
    prints: Mapping[str, list[str]],
    test_begun: bool,
) -> tuple[dict[str, Chosen], np.ndarray, list[str]]:
    """Finds a run's images in its data set, as it is now.

    Args:
        name: the data set's, for messages.
        members: those of the run.
        parts: what the data set holds.
        prints: the fingerprints of each part.
        test_begun: whether the run has tested, so that no test image may be gone.

    Returns:
        Each split's images; of all that were learnt from, in the run's order, whether it is there;
        and what the user is to know.

    Raises:
        ExperimentError: an image is new, or another than it was, or one is gone without which the
            run cannot go on.
    """
    known = {member.name: member for member in members}
    found: dict[str, tuple[str, int]] = {}
    for part_name, part in parts.items():
        for place, (image, label) in enumerate(
            zip(map(text, part.names), part.labels, strict=True)
        ):
            member = known.get(image)
            if member is None:
                raise bad_data(
                    f"{image} of {name} was not there when the run began: take it away to go on, "
                    "or begin a new run"
                )
            if member.label != text(label):
                raise bad_data(
                    f"{image} of {name} is of class {label}, and was of {member.label} when the "
                    "run began: put it back to go on, or begin a new run"
                )
            if member.fingerprint != prints[part_name][place]:
                raise bad_data(
                    f"{image} of {name} is another image than when the run began: put that back "
                    "to go on, or begin a new run"
                )
            found[image] = part_name, place
    chosen = {}
    for split in SPLITS:
        here = [found[m.name] for m in members if m.split == split and m.name in found]
        of = {part for part, _ in here}
        if len(of) > 1:
            raise bad_data(
                f"the splits of {name} are others than when the run began: put them back to go on, "
                "or begin a new run"
            )
        if of and of != {split if split in parts else "train"}:
            raise bad_data(
                f"the {split} images of {name} come from another split than when the run began: "
                "put them back to go on, or begin a new run"
            )
        if not of:
            raise bad_data(f"all {split} images of {name} are gone: put them back to go on")
        chosen[split] = Chosen(of.pop(), np.array([place for _, place in here]))
    trained = [member for member in members if member.split == "train"]
    left = {member.label for member in trained if member.name in found}
    if lost := {member.label for member in trained} - left:
        raise bad_data(
            f"all training images of class {min(lost)} of {name} are gone: put them back to go on"
        )
    gone = [member for member in members if member.name not in found]
    tested = [member.name for member in gone if member.split == "test"]
    if test_begun and tested:
        raise bad_data(
            f"{tested[0]} of {name} is gone, and the test has begun: put it back to go on"
        )
    notes = [
        f"{len(gone):,} images are gone since the run began, {member.name} first: it goes on "
        "without them"
        for member in gone[:1]
    ]
    there = [member.name in found for member in members if member.split in LEARNT_FROM]
    return chosen, np.array(there), notes


def first_copies(members: Sequence[Member]) -> np.ndarray:
    """Returns, of all that are learnt from, each one's place: that of the first of its copies.

    >>> first_copies([Member("train", name, "a", name[0]) for name in ("x1", "y1", "x2")]).tolist()
    [0, 1, 0]
    """
    prints = [member.fingerprint for member in members if member.split in LEARNT_FROM]
    return firsts(prints)


def firsts(prints: Sequence[str]) -> np.ndarray:
    """Returns the place of the first that is equal to each.

    >>> firsts(["x", "y", "x"]).tolist()
    [0, 1, 0]
    """
    first: dict[str, int] = {}
    return np.array([first.setdefault(each, place) for place, each in enumerate(prints)], dtype=int)


def in_two_classes(members: Sequence[Member]) -> int:
    """Returns how many images are copies of one that is of another class.

    >>> in_two_classes([Member("train", "a", "x", "1"), Member("unused", "b", "y", "1")])
    2
    """
    classes: dict[str, set[str]] = {}
    for member in members:
        classes.setdefault(member.fingerprint, set()).add(member.label)
    return sum(len(classes[member.fingerprint]) > 1 for member in members)


def copies(members: Sequence[Member]) -> dict[str, int]:
    """Returns how many images of a split are copies of images of one that is learnt from first.

    >>> copies([Member("train", "a", "x", "1"), Member("test", "b", "x", "1")])
    {'validation': 0, 'test': 1}
    """
    seen: dict[str, set[str]] = {split: set() for split in (*SPLITS, UNUSED)}
    for member in members:
        seen[member.split].add(member.fingerprint)
    learnt = {"validation": seen["train"], "test": seen["train"] | seen["validation"]}
    return {
        split: sum(m.split == split and m.fingerprint in before for m in members)
        for split, before in learnt.items()
    }
