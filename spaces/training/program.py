"""A model's training and prediction, compiled once for all models of its architecture.

What depends on numbers alone is not compiled in: weights, learning rates, weight decay, smoothing,
the order and the augmentation of an epoch are arguments. So a finalist's seeds, a promoted trial
and configurations that differ in how they are trained share one program, as long as the process
keeps it.
"""

from __future__ import annotations

import collections
import functools
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from spaces.training import augmentation, backends
from spaces.training.adamw import AdamW, Moments

# Programs that a process keeps: those of designs whose trials and seeds come back.
KEPT = 8

NAMES = ("name", "keras_history", "input_layers", "output_layers")


class State(NamedTuple):
    """All that a step changes.

    Attributes:
        weights: the trainable variables, one after the other, float32 (weights,).
        moments: AdamW's, of each weight.
        others: the variables that are not trained, generators' states among them.
        steps: made so far, int32.
        loss: the sum over the epoch's images so far, float32, each as it was in its step.
        correct: how many of them were classified correctly, float32.
    """

    weights: Any
    moments: Moments
    others: list[Any]
    steps: Any
    loss: Any
    correct: Any


class Epoch(NamedTuple):
    """What the steps of one epoch read.

    Attributes:
        images: uint8 (n, height, width, channels).
        labels: int32 (n,).
        order: int32 (n,), in which the epoch takes them.
        drawn: int32 (n, 3), how each image is varied (`augmentation.draw`).
        learning_rates: float32, one a step.
        weight_decay: a number.
        smoothing: the share of a target that is spread over all classes (Szegedy et al. 2016,
            arXiv:1512.00567, section 7), 0 to 1.
        class_weights: float32 (classes,), how much an image of each counts in the loss.
    """

    images: Any
    labels: Any
    order: Any
    drawn: Any
    learning_rates: Any
    weight_decay: Any
    smoothing: Any
    class_weights: Any


Steps = Callable[[State, Epoch, Any, Any], State]


class Program:
    """The compiled functions of one architecture.

    Args:
        model: built and compiled; it is looked at when a function is first called, and left as it
            is.
        pixels: the type of the images.

    Attributes:
        predict: from weights, the other variables and images (batch, height, width, channels) to
            logits (batch, classes).
    """

    def __init__(self, model: keras.Model, pixels: str):
        self.model = model
        self.optimizer = AdamW.of(model.optimizer)
        self.shapes = [tuple(variable.shape) for variable in model.trainable_variables]
        tensor, number = keras.KerasTensor, keras.KerasTensor(())
        weights = tensor((sum(map(math.prod, self.shapes)),))
        others = [tensor(each.shape, each.dtype) for each in model.non_trainable_variables]
        moments, steps = Moments(weights, weights), tensor((), "int32")
        images = tensor((None, *model.input_shape[1:]), pixels)
        labels, drawn, rates = tensor((None,), "int32"), tensor((None, 3), "int32"), tensor((None,))
        self._state = State(weights, moments, others, steps, number, number)
        classes = tensor((model.output_shape[-1],))
        self._epoch = Epoch(images, labels, labels, drawn, rates, number, number, classes)
        self._made: dict[tuple[int, bool], Steps] = {}
        self.predict = backends.compiled(self._predict, weights, others, images)

    def steps(self, batch_size: int, augmented: bool) -> Steps:
        """Returns what makes steps of so many images, which may be varied.

        It takes the state, the epoch, the number of the first step in the epoch and how many to
        make; it returns the state after them.
        """
        kind = batch_size, augmented
        if kind not in self._made:
            one = functools.partial(self._step, batch_size=batch_size, augmented=augmented)

            def steps(state: State, epoch: Epoch, first: Any, count: Any) -> State:
                with backends.layers_for(self.model):
                    return ops.fori_loop(
                        first, first + count, lambda number, state: one(state, epoch, number), state
                    )

            number = keras.KerasTensor((), "int32")
            self._made[kind] = backends.compiled(steps, self._state, self._epoch, number, number)
        return self._made[kind]

    def unpacked(self, weights: Any) -> list[Any]:
        """Takes (weights,) apart into the trainable variables' values."""
        sizes = np.cumsum([math.prod(shape) for shape in self.shapes])[:-1]
        parts = ops.split(weights, sizes.tolist())
        return [ops.reshape(part, shape) for part, shape in zip(parts, self.shapes, strict=True)]

    def _step(
        self, state: State, epoch: Epoch, number: Any, batch_size: int, augmented: bool
    ) -> State:
        images_of_epoch = ops.shape(epoch.order)[0]
        chosen, counts = backends.batch(epoch.order, number, batch_size, images_of_epoch)
        images = ops.take(epoch.images, chosen, axis=0)
        labels = ops.take(epoch.labels, chosen, axis=0)
        if augmented:
            images = augmentation.apply(images, ops.take(epoch.drawn, chosen, axis=0))

        def loss(weights: Any) -> Any:
            logits, others, penalties = self.model.stateless_call(
                self.unpacked(weights), state.others, images, training=True, return_losses=True
            )
            classes = logits.shape[-1]
            targets = ops.one_hot(labels, classes) * (1 - epoch.smoothing)
            targets = targets + epoch.smoothing / classes
            losses = counts * ops.categorical_crossentropy(targets, logits, from_logits=True)
            losses = losses * ops.take(epoch.class_weights, labels, axis=0)
            mean = ops.sum(losses) / ops.sum(counts)
            return sum(penalties, mean), (losses, logits, others)

        _, (losses, logits, others), gradient = backends.with_gradient(loss, state.weights)
        weights, moments = self.optimizer.step(
            state.weights,
            gradient,
            state.moments,
            state.steps,
            epoch.learning_rates[number],
            epoch.weight_decay,
        )
        hits = counts * ops.cast(ops.equal(ops.argmax(logits, axis=1), labels), "float32")
        return State(
            weights,
            moments,
            others,
            state.steps + 1,
            state.loss + ops.sum(losses),
            state.correct + ops.sum(hits),
        )

    def _predict(self, weights: Any, others: list[Any], images: Any) -> Any:
        """Logits (batch, classes) of images (batch, height, width, channels)."""
        with backends.layers_for(self.model):
            values = self.unpacked(weights)
            logits, _ = self.model.stateless_call(values, others, images, training=False)
        return logits


_programs: collections.OrderedDict[tuple[str, AdamW, str], Program] = collections.OrderedDict()


def program_of(model: keras.Model, pixels: str) -> Program:
    """Returns the program for a model: one that is kept of another with the same layers, or a new.

    Args:
        model: built and compiled with AdamW.
        pixels: the type of the images.

    Raises:
        ValueError: the model is compiled with another optimizer.
    """
    key = (architecture(model.get_config()), AdamW.of(model.optimizer), pixels)
    program = _programs.pop(key, None) or Program(model, pixels)
    _programs[key] = program
    while len(_programs) > KEPT:
        _programs.popitem(last=False)
        backends.forget()
    return program


def architecture(config: Mapping[str, Any]) -> str:
    """Returns what is computed by a model of this configuration, whatever its layers are called.

    Keras numbers the names of layers in the order in which a process makes them.

    Args:
        config: of a functional model, as `get_config` returns it.
    """
    numbers: dict[str, int] = {}

    def nameless(value: Any, key: str = "") -> Any:
        if isinstance(value, Mapping):
            if "DTypePolicy" in str(value.get("class_name")):
                return value  # whose name says what it is
            return {name: nameless(inner, name) for name, inner in value.items()}
        if isinstance(value, list | tuple):
            return [nameless(inner, key) for inner in value]
        # The keys under which a configuration speaks of layers.
        if isinstance(value, str) and key in NAMES:
            return numbers.setdefault(value, len(numbers))
        return value

    return json.dumps(nameless(config), default=str, sort_keys=True)
