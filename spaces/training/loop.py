"""How a built model is trained: a model, arrays, a seed, epochs and callbacks in; a history out.

It knows no hyperparameters, no strategy and no tuner. Whoever trains goes through `fit`: trials,
finals, and stock tuners by way of the hypermodel.

Keras's own `fit` spends 4 to 7 ms a step around less than one of arithmetic, for a small model. Here
the images are on the device, and one compiled call makes as many steps as fit into a quarter of a
second.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy import special

from spaces.training import augmentation as augmentations
from spaces.training import randomness
from spaces.training.adamw import Moments, learning_rates
from spaces.training.program import Epoch, Program, State, program_of

# Seconds a compiled call takes at most, about: limits, progress and Ctrl-C wait for its end.
CALL_SECONDS = 0.25
# Images a call where nothing is learned: as many as memory always holds, for speed.
PREDICTION_BATCH = 256


def fit(
    model: keras.Model,
    x: Any,
    y: Any,
    *,
    seed: int,
    epochs: int,
    initial_epoch: int = 0,
    batch_size: int = 64,
    augmentation: str = "none",
    label_smoothing: float = 0.0,
    validation_data: tuple[Any, Any] | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
) -> keras.callbacks.History:
    """Trains a compiled model; every epoch follows from the seed and the epoch's number.

    So epochs 0 to a and a to b give the weights of 0 to b, bit for bit on one CPU thread, whatever
    process each part ran in.

    Args:
        model: takes images (batch, height, width, channels) to logits (batch, classes); compiled
            with AdamW. It is trained in place, and up to date whenever an epoch has ended. The
            loss is the cross-entropy of the logits.
        x: images, uint8 (n, height, width, channels); an array, or a tensor that is on the device.
        y: labels, integers (n,), 0 to classes - 1.
        seed: what the order, the augmentation and the layers' generators follow from.
        epochs: the number of epochs that the model has been trained when it ends.
        initial_epoch: the same when it begins.
        batch_size: images a step; the last step of an epoch may have fewer.
        augmentation: of the training images, one of `AUGMENTATIONS`.
        label_smoothing: the share of a training target that is spread over all classes, 0 to 1.
        validation_data: (images, labels), measured after every epoch, as they are.
        callbacks: as in `keras.Model.fit`, but that a compiled call makes many steps: the hooks of
            a batch are called at its end, a few times a second, with the number of its last batch.
        verbose: as in `keras.Model.fit`.

    Returns:
        Keras's history: of each epoch the loss, the accuracy, and `val_` of both.

    Raises:
        ValueError: there is no such augmentation, or the model has another optimizer.
    """
    data = Data(x, y)
    program = program_of(model, augmentation != "none", batch_size, data.pixels)
    steps = -(-len(data) // batch_size)
    watching = keras.callbacks.CallbackList(
        [*callbacks],
        add_history=True,
        add_progbar=bool(verbose),
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=steps,
    )
    validation = Data(*validation_data) if validation_data is not None else None
    model.stop_training = False
    logs: dict[str, float] = {}
    watching.on_train_begin()
    for epoch in range(initial_epoch, epochs):
        watching.on_epoch_begin(epoch)
        logs = train_epoch(
            program, model, data, seed, epoch, augmentation, label_smoothing, watching
        )
        if validation is not None:
            logs |= validate(program, model, validation, watching)
        watching.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    watching.on_train_end(logs)
    return model.history


class Data:
    """Images and labels on the device."""

    def __init__(self, x: Any, y: Any):
        self.x = ops.convert_to_tensor(x)
        self.labels = np.asarray(y).reshape(-1).astype("int32")
        self.y = ops.convert_to_tensor(self.labels)
        self.pixels = keras.backend.standardize_dtype(self.x.dtype)

    def __len__(self) -> int:
        return len(self.labels)


def train_epoch(
    program: Program,
    model: keras.Model,
    data: Data,
    seed: int,
    epoch: int,
    kind: str,
    smoothing: float,
    watching: keras.callbacks.CallbackList,
) -> dict[str, float]:
    """Trains a model for one epoch.

    Returns:
        The mean loss and accuracy over the images, each as it was when its step was made.
    """
    images, size = len(data), program.batch_size
    steps = -(-images // size)
    state = state_of(model, seed, epoch)
    rng = randomness.augmentation_generator(seed, epoch)
    numbers = {
        "order": randomness.order(seed, epoch, images),
        "drawn": augmentations.draw(kind, data.x.shape[1:3], images, rng),
        "learning_rates": learning_rates(model.optimizer, int(state.steps), steps),
        "weight_decay": np.float32(model.optimizer.weight_decay or 0),
        "smoothing": np.float32(smoothing),
    }
    given = Epoch(data.x, data.y, **{name: on_device(each) for name, each in numbers.items()})
    done, count = 0, 1
    while done < steps:
        began = time.perf_counter()
        watching.on_train_batch_begin(done)
        state = program.steps(state, given, on_device(np.int32(done)), on_device(np.int32(count)))
        done += count
        seen = min(done * size, images)
        logs = {"loss": float(state.loss) / seen, "accuracy": float(state.correct) / seen}
        watching.on_train_batch_end(done - 1, logs)
        # As many as fit, if they take as long as those just made. The first call compiles.
        each = (time.perf_counter() - began) / count
        count = min(max(1, int(CALL_SECONDS / each)), steps - done)
    give_back(state, model)
    return logs


def validate(
    program: Program, model: keras.Model, data: Data, watching: keras.callbacks.CallbackList
) -> dict[str, float]:
    """Returns the mean loss and accuracy of a model on images as they are: `val_loss`, …"""
    watching.on_test_begin()
    logits = []
    for number, batch in enumerate(predictions(program, model, data.x)):
        watching.on_test_batch_begin(number)
        logits.append(batch)
        watching.on_test_batch_end(number)
    every = np.concatenate(logits)
    logs = {
        "loss": float(np.mean(cross_entropy(every, data.labels))),
        "accuracy": float(np.mean(every.argmax(axis=1) == data.labels)),
    }
    watching.on_test_end(logs)
    return {f"val_{name}": value for name, value in logs.items()}


def predict(model: keras.Model, images: Any) -> np.ndarray:
    """Returns the logits (n, classes) of images (n, height, width, channels).

    Args:
        model: as for `fit`, by whose program it is asked if that is kept.
        images: an array, or a tensor that is on the device.
    """
    images = ops.convert_to_tensor(images)
    program = program_of(model, pixels=keras.backend.standardize_dtype(images.dtype))
    return np.concatenate([*predictions(program, model, images)])


def predictions(program: Program, model: keras.Model, images: Any) -> Iterator[np.ndarray]:
    """Yields the logits of one batch of images after the other."""
    weights, others = flat(model.trainable_variables), values(model.non_trainable_variables)
    for first in range(0, len(images), PREDICTION_BATCH):
        # The last batch is as large as the others, which JAX has compiled; some images come twice.
        start = max(0, min(first, len(images) - PREDICTION_BATCH))
        logits = program.predict(weights, others, images[start : start + PREDICTION_BATCH])
        yield ops.convert_to_numpy(logits)[first - start :]


def cross_entropy(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Returns each image's loss (n,): the log of the sum of exponentials less the class's logit.

    >>> cross_entropy(np.zeros((1, 4)), np.array([2])).round(4).tolist(), round(np.log(4), 4)
    ([1.3863], 1.3863)

    Args:
        logits: (n, classes).
        labels: integers (n,).
    """
    logits = logits.astype("float64")
    return special.logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]


# A model's variables and a program's state


def state_of(model: keras.Model, seed: int, epoch: int) -> State:
    """Returns a model's state as an epoch begins, with the generators' as they are then."""
    generators, others = itertools.count(), []
    for variable in model.non_trainable_variables:
        if randomness.is_generator_state(variable):
            drawn = randomness.generator_state(seed, epoch, next(generators))
            others.append(ops.convert_to_tensor(drawn, variable.dtype))
        else:
            others.append(ops.convert_to_tensor(variable))
    optimizer, zero = model.optimizer, on_device(np.float32(0))
    first, second = map(flat, moments_of(optimizer))
    steps = on_device(np.int32(optimizer.iterations))
    weights = flat(model.trainable_variables)
    return State(weights, Moments(first, second), others, steps, zero, zero)


def give_back(state: State, model: keras.Model) -> None:
    """Assigns a program's state to the model and its optimizer."""
    first, second = moments_of(model.optimizer)
    for variables, numbers in (
        (model.trainable_variables, state.weights),
        (first, state.moments.first),
        (second, state.moments.second),
    ):
        numbers, done = ops.convert_to_numpy(numbers), 0
        for variable in variables:
            size = math.prod(variable.shape)
            variable.assign(numbers[done : done + size].reshape(variable.shape))
            done += size
    for variable, value in zip(model.non_trainable_variables, state.others, strict=True):
        variable.assign(value)
    model.optimizer.iterations.assign(int(state.steps))


def moments_of(optimizer: keras.optimizers.Optimizer) -> list[list[keras.Variable]]:
    """Returns an optimizer's variables of each moment, in the order of the trainable variables."""
    return [
        [variable for variable in optimizer.variables if variable.path.endswith(kind)]
        for kind in ("momentum", "velocity")
    ]


def flat(variables: Sequence[keras.Variable]) -> Any:
    """Returns the numbers of variables one after the other, float32 (numbers,)."""
    return on_device(np.concatenate([ops.convert_to_numpy(each).ravel() for each in variables]))


def values(variables: Sequence[keras.Variable]) -> list[Any]:
    """Returns variables' values as tensors."""
    return [ops.convert_to_tensor(each) for each in variables]


on_device = ops.convert_to_tensor
