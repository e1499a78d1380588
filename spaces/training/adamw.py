"""AdamW on one flat vector: what `keras.optimizers.AdamW` computes, in a tenth of the operations.

Keras updates variable by variable, a dozen operations each; most of the time to trace a small
model's step went there. The state lives in the Keras optimizer between epochs, so a saved model
holds it and goes on anywhere.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops


class Moments(NamedTuple):
    """Running means of the gradient and of its square, float32, one number a weight each."""

    first: Any
    second: Any


@dataclasses.dataclass(frozen=True)
class AdamW:
    """The settings that are compiled in; learning rate and weight decay are values.

    Attributes:
        beta_1: how much of the mean gradient stays, a step.
        beta_2: how much of the mean square stays, a step.
        epsilon: keeps the division from zero.
        clip: the gradient's largest norm, over all weights together; None for any.
    """

    beta_1: float
    beta_2: float
    epsilon: float
    clip: float | None

    @classmethod
    def of(cls, optimizer: keras.optimizers.Optimizer) -> AdamW:
        """Returns the settings of a Keras optimizer.

        Raises:
            ValueError: it is not AdamW, or has an option that this does not know.
        """
        known = {
            *("name", "learning_rate", "weight_decay", "global_clipnorm"),
            *("beta_1", "beta_2", "epsilon"),
        }
        config = optimizer.get_config()
        options = {
            name: value
            for name, value in config.items()
            if name not in known and value not in (None, False)
        }
        # Kept by every optimizer's configuration; the first means nothing without the average.
        options.pop("ema_momentum", None)
        if type(optimizer) is not keras.optimizers.AdamW or options:
            unknown = ", ".join(sorted(options)) or type(optimizer).__name__
            raise ValueError(f"trained by AdamW with clipping by the global norm, not {unknown}")
        names = ("beta_1", "beta_2", "epsilon", "global_clipnorm")
        return cls(*(config[name] for name in names))

    def step(
        self,
        weights: Any,
        gradient: Any,
        moments: Moments,
        steps: Any,
        learning_rate: Any,
        weight_decay: Any,
    ) -> tuple[Any, Moments]:
        """One step (Loshchilov and Hutter 2019, arXiv:1711.05101; Kingma and Ba 2015).

        With the gradient g, clipped (Pascanu et al. 2013), t the step from 1, and the moments m
        and v:

            m = m + (1 - β1) (g - m)         v = v + (1 - β2) (g² - v)
            w = w - rate · decay · w - rate · √(1 - β2^t) / (1 - β1^t) · m / (√v + ε)

        Args:
            weights: float32 (weights,), as are the gradient and both moments.
            gradient: of the loss.
            moments: before the step.
            steps: made before this one.
            learning_rate: a number.
            weight_decay: a number; 0 for none.

        Returns:
            Weights and moments after the step.
        """
        if self.clip:
            norm = ops.sqrt(ops.sum(ops.square(gradient)))
            # A norm that is no number makes the weights none, and so the trial fails as it should.
            gradient = gradient * (self.clip / ops.maximum(norm, self.clip))
        number = ops.cast(steps + 1, "float32")
        rate = learning_rate * ops.sqrt(1 - ops.power(self.beta_2, number))
        rate = rate / (1 - ops.power(self.beta_1, number))
        first = moments.first + (gradient - moments.first) * (1 - self.beta_1)
        second = moments.second + (ops.square(gradient) - moments.second) * (1 - self.beta_2)
        weights = weights - weights * (weight_decay * learning_rate)
        weights = weights - first * rate / (ops.sqrt(second) + self.epsilon)
        return weights, Moments(first, second)


def learning_rates(optimizer: keras.optimizers.Optimizer, first: int, steps: int) -> np.ndarray:
    """Returns the learning rate of each of an epoch's steps: float32 (steps,).

    Args:
        optimizer: its schedule, if it has one, is asked for all steps at once.
        first: steps made before the epoch.
        steps: of the epoch.
    """
    schedule = optimizer.get_config()["learning_rate"]
    if not isinstance(schedule, dict):
        return np.full(steps, float(optimizer.learning_rate), "float32")
    decay = keras.optimizers.schedules.deserialize(schedule)
    return np.asarray(decay(np.arange(first, first + steps, dtype="float32")), "float32")
