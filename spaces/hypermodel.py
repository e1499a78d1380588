"""The hypermodel: strategy -> head -> compile. Runs under any KerasTuner tuner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import keras_tuner
import numpy as np
from keras import layers

from spaces.cost import Cost, cost_of_one, weightless
from spaces.runtime_patches import initial_weights_from
from spaces.strategies import STRATEGIES
from spaces.training import loop


class SequenceHyperModel(keras_tuner.HyperModel):
    """Every strategy that competes, each in its own conditional scope, and how it is trained.

    A built model takes images as they are stored, 0 to 255, (batch, height, width, channels), and
    returns logits (batch, classes). It is made of stock layers, so it loads with `safe_mode=True`.

    Args:
        image_shape: (height, width, channels).
        classes: how many.
        strategies: names from `STRATEGIES`; by default all. With several, the choice is a
            hyperparameter `strategy` and each one's own parameters are named `<strategy>/…`.
        mirror: whether a mirror image keeps its class, so that flips may be tried.
        decay_steps: steps of a full training; without it, no learning-rate schedule is offered.
        seed: of the weights and of all that is random in training.
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        classes: int,
        strategies: Sequence[str] | None = None,
        mirror: bool = False,
        decay_steps: int | None = None,
        seed: int = 0,
    ):
        super().__init__()
        self.image_shape, self.classes = tuple(image_shape), classes
        self.strategies = list(strategies or STRATEGIES)
        self.mirror, self.decay_steps, self.seed = mirror, decay_steps, seed

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Builds and compiles the model of one configuration.

        Args:
            hp: gets the declarations of all that is searched, and says which values are built.

        Returns:
            A model from images (batch, height, width, channels) to logits (batch, classes).

        Raises:
            ValueError: the strategy cannot make a sequence of images of this size.
        """
        with initial_weights_from(self.seed):
            return self._model(hp)

    def _model(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        model = self._network(keras.Input(self.image_shape, name="images"), hp)
        self._declare_training(hp)
        model.compile(
            optimizer=self._optimizer(hp),
            loss=keras.losses.CategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
            # XLA on a CPU is slower for LSTMs and takes seconds to compile; cuDNN does without.
            jit_compile=keras.backend.backend() == "jax",
        )
        # So that a model that was never trained is saved with all its variables, too.
        model.optimizer.build(model.trainable_variables)
        return model

    def space(self) -> keras_tuner.HyperParameters:
        """Returns all that is searched of one strategy; of several, of the first of them.

        No weights are made, which is a tenth of the time that a build takes.

        Raises:
            ValueError: as `build` does.
        """
        hp = keras_tuner.HyperParameters()
        with weightless():
            self._network(self._one_image(), hp)
        self._declare_training(hp)
        self._optimizer(hp)
        return hp

    def cost(self, hp: keras_tuner.HyperParameters) -> Cost:
        """Returns what a configuration's model would cost, without making its weights.

        Raises:
            ValueError: as `build` does.
        """
        with weightless():
            return cost_of_one(self._network(self._one_image(), hp))

    def _one_image(self) -> Any:
        return keras.Input(batch_shape=(1, *self.image_shape), name="images")

    def _network(self, images: Any, hp: keras_tuner.HyperParameters) -> keras.Model:
        """Returns the model from images to logits, not compiled."""
        # To -1..1: an LSTM's gates and the first epochs want values around zero.
        scaled = layers.Rescaling(1 / 127.5, offset=-1.0, name="scaled")(images)
        chosen, features = self._features(scaled, hp)
        logits = layers.Dense(self.classes, name="logits")(features)
        return keras.Model(images, logits, name=chosen)

    def _features(self, images: Any, hp: keras_tuner.HyperParameters) -> tuple[str, Any]:
        """Returns the chosen strategy's name and what it makes of the images."""
        if len(self.strategies) == 1:
            name = self.strategies[0]
            return name, STRATEGIES[name].build(images, hp)
        chosen = hp.Choice("strategy", self.strategies)
        for name in self.strategies:
            # Names of their own: KerasTuner drops the value of a name that is active in one scope
            # and inactive in another.
            with hp.conditional_scope("strategy", [name]), hp.name_scope(name):
                if name == chosen:
                    features = STRATEGIES[name].build(images, hp)
        return chosen, features

    def _declare_training(self, hp: keras_tuner.HyperParameters) -> None:
        """Declares what `fit` reads, so that the space is whole after `build`."""
        flips = ["shift_flip"] if self.mirror else []
        hp.Choice("augmentation", ["none", "shift", *flips])
        hp.Choice("label_smoothing", [0.0, 0.1], ordered=True)

    def _optimizer(self, hp: keras_tuner.HyperParameters) -> keras.optimizers.Optimizer:
        rate: Any = hp.Float("learning_rate", 3e-4, 1e-2, sampling="log")
        decay = hp.Float("weight_decay", 1e-4, 1e-1, sampling="log")
        if self.decay_steps and hp.Choice("schedule", ["constant", "cosine"]) == "cosine":
            # A function of the optimizer's step count alone, which a checkpoint keeps: so it goes
            # on exactly across rungs.
            rate = keras.optimizers.schedules.CosineDecay(rate, self.decay_steps)
        # Clipping: gradients through hundreds of timesteps explode (Pascanu et al. 2013).
        return keras.optimizers.AdamW(rate, weight_decay=decay, global_clipnorm=1.0)

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        *,
        epochs: int = 1,
        initial_epoch: int = 0,
        batch_size: int = 64,
        steps_per_epoch: int | None = None,
        class_weight: Mapping[int, float] | None = None,
        validation_data: tuple[np.ndarray, np.ndarray] | None = None,
        validation_split: float = 0.0,
        validation_measures: Mapping[str, loop.Measure] | None = None,
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        verbose: Any = 0,
    ) -> keras.callbacks.History:
        """Trains a built model with `spaces.training.loop.fit`; here are KerasTuner's words for it.

        Args:
            hp: the configuration; where `StrategyHyperband` runs under a stock tuner, its
                `tuner/epochs` is the rung's last epoch.
            model: what `build` returned, or the same after `initial_epoch` epochs.
            x: images, uint8 (n, height, width, channels).
            y: labels, integers (n,).
            epochs: the number of epochs trained when it ends.
            initial_epoch: the number of epochs trained when it begins.
            batch_size: images a step.
            steps_per_epoch: as in `spaces.training.loop.fit`.
            class_weight: class to how much its images count in the loss.
            validation_data: (images, labels), measured after every epoch.
            validation_split: without `validation_data`, the share of x's end to use for it.
            validation_measures: as in `spaces.training.loop.fit`.
            callbacks: as in `keras.Model.fit`.
            verbose: as in `keras.Model.fit`.

        Returns:
            Keras's history.
        """
        if validation_data is None and validation_split:
            cut = len(x) - int(len(x) * validation_split)
            validation_data, x, y = (x[cut:], y[cut:]), x[:cut], y[:cut]
        return loop.fit(
            model,
            x,
            y,
            seed=self.seed,
            epochs=hp.values.get("tuner/epochs", epochs),
            initial_epoch=initial_epoch,
            batch_size=batch_size,
            steps_per_epoch=steps_per_epoch,
            augmentation=hp.get("augmentation"),
            label_smoothing=hp.get("label_smoothing"),
            class_weight=class_weight,
            validation_data=validation_data,
            validation_measures=validation_measures,
            callbacks=callbacks or (),
            verbose=verbose,
        )
