"""How a built model is trained: a model, arrays, a seed, epochs and callbacks in; a history out.

It knows no hyperparameters, no strategy and no tuner. Whoever trains goes through `fit`: trials,
finals, and stock tuners by way of the hypermodel.

Keras's own `fit` spends 4 to 7 ms a step around less than one of arithmetic, for a small model.
Here the images are on the device, and one compiled call makes as many steps as fit into a quarter
of a second.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np

from spaces.training import randomness
from spaces.training.adamw import learning_rates
from spaces.training.augmentation import draw
from spaces.training.prediction import Prediction, cross_entropy
from spaces.training.program import Epoch, Program, State, program_of
from spaces.training.state import as_it_begins, give_back, on_device, pixels_of, state_of

# Seconds a compiled call takes at most, about, unless one step takes longer: limits, progress and
# Ctrl-C wait for its end.
CALL_SECONDS = 0.25

Measure = Callable[[np.ndarray, np.ndarray], float]
"""Logits (images, classes) and true classes (images,) to a number."""


def fit(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    seed: int,
    epochs: int,
    initial_epoch: int = 0,
    batch_size: int = 64,
    steps_per_epoch: int | None = None,
    augmentation: str = "none",
    label_smoothing: float = 0.0,
    class_weight: Mapping[int, float] | None = None,
    validation_data: tuple[Any, Any] | None = None,
    validation_measures: Mapping[str, Measure] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
) -> keras.callbacks.History:
    """Trains a compiled model; every epoch follows from the seed and the epoch's number.

    So epochs 0 to a and a to b give the weights of 0 to b, bit for bit on one CPU thread, whatever
    process each part ran in.

    Args:
        model: takes images (batch, height, width, channels) to logits (batch, classes); compiled
            with AdamW. It is trained in place. The loss is the cross-entropy of the logits.
        x: images, uint8 (n, height, width, channels); an array, or a tensor that is on the device.
        y: labels, integers (n,), 0 to classes - 1.
        seed: what the order, the augmentation and the layers' generators follow from.
        epochs: the number of epochs that the model has been trained when it ends.
        initial_epoch: the same when it begins.
        batch_size: images a step; the last step of an epoch may have fewer.
        steps_per_epoch: of an epoch that is a part of a pass over the images; the next goes on
            where it has left off. None, and as many as a pass has, for a whole pass.
        augmentation: of the training images, one of `AUGMENTATIONS`.
        label_smoothing: the share of a training target that is spread over all classes, 0 to 1.
        class_weight: as in `keras.Model.fit`: class to how much its images count in the loss, which
            the loss that is reported holds, too; 1 for those that are left out.
        validation_data: (images, labels), measured after every epoch, as they are.
        validation_measures: what else is measured on them, by name.
        callbacks: as in `keras.Model.fit`, but that a compiled call makes many steps: the hooks of
            a batch are called at its end, a few times a second, with the number of its last batch.
            The model is up to date whenever an epoch has ended; where all callbacks have an
            attribute `only_watches` that is true, only when the training has. One that takes a
            training up again by itself (`BackupAndRestore`) cannot: that is `initial_epoch`'s.
        verbose: as in `keras.Model.fit`.

    Returns:
        Keras's history: of each epoch the loss, the accuracy, and `val_` of both and of what else
        is measured.

    Raises:
        ValueError: there is no such augmentation, the model has another optimizer, there are no
            images, a label is none of the model's classes, or a callback is `BackupAndRestore`.
    """
    if any(isinstance(each, keras.callbacks.BackupAndRestore) for each in callbacks):
        raise ValueError("BackupAndRestore would train epochs twice here: give initial_epoch")
    classes = model.output_shape[-1]
    data, recipe = (
        Data(x, y, classes),
        Recipe(
            *(seed, batch_size, steps_per_epoch, augmentation, label_smoothing),
            tuple(float((class_weight or {}).get(one, 1.0)) for one in range(classes)),
        ),
    )
    validation = Data(*validation_data, classes) if validation_data is not None else None
    program = program_of(model, pixels_of(data.x))
    model.optimizer.build(model.trainable_variables)  # does nothing where that has been done
    watching = keras.callbacks.CallbackList(
        [*callbacks],
        add_history=True,
        add_progbar=bool(verbose),
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=recipe.steps(len(data)),
    )
    model.stop_training = False
    # To read and assign a model's variables takes as long as an epoch of a small one.
    shared = not all(getattr(callback, "only_watches", False) for callback in callbacks)
    if shared:
        show_metrics(model, classes)
    logs: dict[str, float] = {}
    state = state_of(model)
    try:
        watching.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            watching.on_epoch_begin(epoch)
            state = state_of(model) if shared else state
            state, logs = train_epoch(program, model, state, data, recipe, epoch, watching)
            if shared:
                give_back(state, model)
            if validation is not None:
                prediction = Prediction(program, state.weights, state.others, validation.x)
                logs |= validate(prediction, validation, watching, validation_measures or {})
            watching.on_epoch_end(epoch, logs)
            if model.stop_training:
                break
    finally:
        if not shared:
            give_back(state, model)
    watching.on_train_end(logs)
    return model.history


def steps_of_epoch(images: int, batch_size: int, steps_per_epoch: int | None = None) -> int:
    """Returns the steps of an epoch: a pass over the images, or so many, if those are fewer.

    >>> steps_of_epoch(1000, 64), steps_of_epoch(1000, 64, 10), steps_of_epoch(1000, 64, 100)
    (16, 10, 16)
    """
    whole = math.ceil(images / batch_size)
    return whole if steps_per_epoch is None else min(whole, steps_per_epoch)


def show_metrics(model: keras.Model, classes: int) -> None:
    """Has a model know its metrics, which Keras makes with the first batch.

    A callback that watches the accuracy asks them whether more is better.
    """
    one = on_device(np.eye(classes, dtype="float32")[:1])
    model.compute_metrics(None, one, one, None)
    model.reset_metrics()


class Data:
    """Images and labels on the device, and the labels as an array."""

    def __init__(self, x: Any, y: Any, classes: int):
        given = np.asarray(y).reshape(-1)
        self.labels = given.astype("int32")
        if not len(self.labels) == len(x) > 0:
            raise ValueError(f"{len(x)} images and {len(self.labels)} labels: one each is needed")
        if not np.array_equal(self.labels, given):
            raise ValueError("labels are whole numbers, from 0 to the number of classes less one")
        # A target of such a label would be nothing but zeros, and the training would go on.
        if self.labels.min() < 0 or self.labels.max() >= classes:
            raise ValueError(f"a label is none of the model's {classes} classes")
        self.x, self.y = on_device(x), on_device(self.labels)

    def __len__(self) -> int:
        return len(self.labels)


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How the images are fed, in every epoch; the arguments of `fit` say what each is."""

    seed: int
    batch_size: int
    steps_per_epoch: int | None
    augmentation: str
    label_smoothing: float
    class_weights: tuple[float, ...]

    def steps(self, images: int) -> int:
        """Returns the steps of an epoch, where there are so many images."""
        return steps_of_epoch(images, self.batch_size, self.steps_per_epoch)

    def taken(self, images: int) -> int:
        """Returns how many of them an epoch takes."""
        return min(images, self.steps(images) * self.batch_size)


def train_epoch(
    program: Program,
    model: keras.Model,
    state: State,
    data: Data,
    recipe: Recipe,
    epoch: int,
    watching: keras.callbacks.CallbackList,
) -> tuple[State, dict[str, float]]:
    """Trains for one epoch; the model is only asked for its learning rate and when to stop.

    Returns:
        The state after it, and the mean loss and accuracy over the images, each as it was when its
        step was made.
    """
    images, steps = recipe.taken(len(data)), recipe.steps(len(data))
    given = epoch_of(model.optimizer, int(state.steps), data, recipe, epoch)
    state = as_it_begins(state, model, recipe.seed, epoch)
    make = program.steps(recipe.batch_size, augmented=recipe.augmentation != "none")
    done, count = 0, 1
    # A callback may have stopped the training before it began: as in Keras, one call is made.
    while done == 0 or (done < steps and not model.stop_training):
        began = time.perf_counter()
        watching.on_train_batch_begin(done)
        state = make(state, given, on_device(np.int32(done)), on_device(np.int32(count)))
        done += count
        seen = min(done * recipe.batch_size, images)
        logs = {"loss": float(state.loss) / seen, "accuracy": float(state.correct) / seen}
        watching.on_train_batch_end(done - 1, logs)
        # As many as fit, if they take as long as those just made. The first call compiles.
        each = (time.perf_counter() - began) / count
        count = min(max(1, int(CALL_SECONDS / each)), steps - done)
    return state, logs


def epoch_of(
    optimizer: keras.optimizers.Optimizer, first: int, data: Data, recipe: Recipe, epoch: int
) -> Epoch:
    """Returns what an epoch's steps read; `first` steps were made before it."""
    images, steps = len(data), recipe.steps(len(data))
    rng = randomness.augmentation_generator(recipe.seed, epoch)
    numbers = {
        "order": randomness.order(recipe.seed, epoch, images, recipe.taken(images)),
        "drawn": draw(recipe.augmentation, data.x.shape[1:3], images, rng),
        "learning_rates": learning_rates(optimizer, first, steps),
        "weight_decay": np.float32(optimizer.weight_decay or 0),
        "smoothing": np.float32(recipe.label_smoothing),
        "class_weights": np.array(recipe.class_weights, "float32"),
    }
    return Epoch(data.x, data.y, **{name: on_device(each) for name, each in numbers.items()})


def validate(
    prediction: Prediction,
    data: Data,
    watching: keras.callbacks.CallbackList,
    measures: Mapping[str, Measure],
) -> dict[str, float]:
    """Returns the mean loss and accuracy on images as they are: `val_loss` and `val_accuracy`.

    And what else is measured on them, by `val_` and its name.
    """
    watching.on_test_begin()
    logits = []
    for number in range(len(prediction)):
        watching.on_test_batch_begin(number)
        logits.append(prediction.batch(number))
        watching.on_test_batch_end(number)
    every = np.concatenate(logits)
    logs = {
        "loss": float(np.mean(cross_entropy(every, data.labels))),
        "accuracy": float(np.mean(every.argmax(axis=1) == data.labels)),
        **{name: float(measure(every, data.labels)) for name, measure in measures.items()},
    }
    watching.on_test_end(logs)
    return {f"val_{name}": value for name, value in logs.items()}
