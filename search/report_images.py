"""What the report shows of the images: samples, what the winner gets wrong, and who reads what.

All of it is kept in the run, so that the report needs neither the data set nor a model.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from PIL import Image

from search.data.datasets import Dataset, Images
from search.metric import Metric, mostly_wrong
from search.ranking import by_mean
from search.rows import FinalRow, TrialRow
from search.store import Store
from spaces import STRATEGIES, SequenceHyperModel

MOST_IMAGES = 24
LARGEST_SIDE = 128  # pixels; larger images are kept smaller, for a look at them is all they are for
MOST_PLACES = 2500  # that are measured one by one
TRIES = 4


def record_samples(store: Store, dataset: Dataset) -> None:
    """Keeps a few training images: the first of every class, then the second of every class."""
    if not any(row["split"] == "train" for row in store.rows("images")):
        chosen = samples(dataset.train.y)
        store.record_report_rows("images", image_rows(dataset.name, "train", dataset.train, chosen))


def record_mistakes(store: Store, dataset: Dataset, test: Images) -> None:
    """Keeps a few test images that most seeds of the best finalist classify wrongly.

    To be called when the finals are done, and by nobody before: it looks at the test split.

    Args:
        store: the run directory, open for writing.
        dataset: whose they are.
        test: uint8 images (n, height, width, channels) and their classes (n,).
    """
    asked = store.experiment
    wrong = mistakes(store.finals(), test.y, asked.strategies, asked.objective)
    # A folder's images come class by class: the first of all would be those of its first class.
    shown = sorted(wrong[place] for place in samples(test.y[wrong]))
    store.record_report_rows("images", image_rows(dataset.name, "test", test, shown))


def record_sequences(store: Store, dataset: Dataset, finalists: Mapping[str, TrialRow]) -> None:
    """Measures and keeps where each finalist's timesteps lie in the image.

    Args:
        store: the run directory, open for writing.
        dataset: the images, of which only the shape matters here.
        finalists: strategy to the row of its best trial, as `search.ranking.finalists` finds it.
    """
    known = {(row["strategy"], row["trial_id"]) for row in store.rows("sequences")}
    for strategy, row in finalists.items():
        if (strategy, row.trial_id) in known or not STRATEGIES[strategy].recurrent:
            continue
        model = sequence_model(strategy, row.values, dataset)
        times = timestep_map(model)
        columns = {
            "dataset": dataset.name, "strategy": strategy, "trial_id": row.trial_id,
            "height": times.shape[0], "width": times.shape[1],
            "timesteps": times.astype("<u2").tobytes(),
        }  # fmt: skip
        store.record_report_rows("sequences", [columns])
    keras.backend.clear_session(free_memory=False)


def samples(labels: np.ndarray, most: int = MOST_IMAGES) -> list[int]:
    """Returns the positions of the first image of each class, then the second, up to `most`.

    Args:
        labels: classes, (images,).
        most: how many positions at most.

    >>> samples(np.array([2, 2, 0, 1, 0]), most=4)
    [2, 3, 0, 4]
    """
    order = np.argsort(labels, kind="stable")
    grouped = labels[order]
    # How many of the same class come before: 0 for the first of a class.
    place = np.arange(len(labels)) - np.searchsorted(grouped, grouped)
    return [int(position) for position in order[np.lexsort((grouped, place))][:most]]


def mistakes(
    finals: Iterable[FinalRow], labels: np.ndarray, strategies: Sequence[str], metric: Metric
) -> list[int]:
    """Returns the test images that most seeds of the best strategy classify wrongly.

    Args:
        finals: rows of the table.
        labels: (test images,).
        strategies: in the experiment's order, which decides between equals.
        metric: what they were tested by.

    Returns:
        Positions in the test split, ascending.
    """
    tested: dict[str, list[np.ndarray]] = {}
    scores: dict[str, list[float]] = {}
    for row in finals:
        if row.status == "completed" and row.predictions and row.score is not None:
            tested.setdefault(row.strategy, []).append(np.frombuffer(row.predictions, "<u2"))
            scores.setdefault(row.strategy, []).append(row.score)
    if not tested:
        return []
    best, *_ = by_mean({name: scores[name] for name in strategies if name in scores}, metric)
    wrong = mostly_wrong(np.stack(tested[best]), labels)
    return [int(position) for position in np.flatnonzero(wrong)]


def image_rows(
    dataset: str, split: str, images: Images, positions: Iterable[int]
) -> list[dict[str, Any]]:
    """Returns rows of the table `images`.

    Args:
        dataset: its name.
        split: `train` or `test`.
        images: uint8 (n, height, width, channels), of which large ones are kept smaller, and their
            classes (n,).
        positions: which of them, in [0, n).
    """
    rows = []
    for position in positions:
        pixels = smaller(images.x[position])
        height, width, channels = pixels.shape
        rows.append(
            {
                "dataset": dataset, "split": split, "position": position,
                "label": int(images.y[position]), "height": height, "width": width,
                "channels": channels, "pixels": pixels.tobytes(),
            }
        )  # fmt: skip
    return rows


def smaller(image: np.ndarray) -> np.ndarray:
    """Returns an image (H, W, C) with no side above `LARGEST_SIDE`, its proportions kept."""
    height, width, channels = image.shape
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return np.ascontiguousarray(image)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    layers = [
        Image.fromarray(np.ascontiguousarray(image[:, :, c])).resize(size) for c in range(channels)
    ]
    return np.stack([np.asarray(layer) for layer in layers], axis=-1)


def sequence_model(strategy: str, values: Mapping[str, Any], dataset: Dataset) -> keras.Model:
    """Builds a configuration, untrained, as a model from images to its sequence."""
    keras.backend.clear_session(free_memory=False)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(values)
    hypermodel = SequenceHyperModel(
        dataset.image_shape, len(dataset.class_names), [strategy], mirror=dataset.mirror,
        decay_steps=1, seed=0,
    )  # fmt: skip
    model = hypermodel.build(hp)
    return keras.Model(model.inputs, model.get_layer("sequence").output)


def timestep_map(model: keras.Model, batch: int = 64) -> np.ndarray:
    """Returns which timestep of a model's sequence each place of the image changes most.

    Measured, not derived: each place in turn is changed in a random image, and the sequence
    compared. So it holds for a strategy that nobody has thought of yet, and on every backend.

    Args:
        model: from uint8 images (n, H, W, C) to a sequence (n, timesteps, features).
        batch: how many changed images are looked at together.

    Returns:
        Integers, (H, W), or (H', W') where places are blocks of pixels.
    """
    height, width, channels = model.input_shape[1:]
    # Blocks, where the image has too many pixels to try each.
    side = math.ceil(math.sqrt(height * width / MOST_PLACES))
    # Of a block the pixel in its middle: to change all would change the timesteps of several rows.
    rows, columns = -(-height // side), -(-width // side)
    tops = np.minimum(np.arange(rows) * side + side // 2, height - 1)
    lefts = np.minimum(np.arange(columns) * side + side // 2, width - 1)
    random = np.random.default_rng(0)
    changes = np.zeros((rows * columns, model.output_shape[1]))
    for _ in range(TRIES):
        image = random.integers(0, 256, (height, width, channels), dtype=np.uint8)
        before = np.asarray(model.predict_on_batch(image[None]))
        for start in range(0, rows * columns, batch):
            places = np.arange(start, min(start + batch, rows * columns))
            changed = np.repeat(image[None], batch, axis=0)  # one shape, so one trace
            for copy, place in zip(changed, places, strict=False):
                row, column = divmod(int(place), columns)
                # Half the range further on: every pixel changes by the same amount.
                copy[tops[row], lefts[column]] += 128
            after = np.asarray(model.predict_on_batch(changed))[: len(places)]
            changes[places] += np.square(after - before).sum(axis=-1)
    return changes.argmax(axis=1).reshape(rows, columns)
