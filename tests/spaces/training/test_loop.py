"""The training loop: it takes Keras's steps, goes on exactly where it stopped, says what it did."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from spaces import SequenceHyperModel
from spaces.training import loop, program
from spaces.training.prediction import cross_entropy
from spaces.training.state import give_back, on_device
from tests.support.models import (
    ALL,
    CLASSES,
    CONFIGURATION,
    SHAPE,
    accuracy,
    arrays,
    dense,
    distance,
    equal,
    hypermodel_of,
    images,
    train,
    train_by_keras,
    with_values,
)

ROOT = Path(__file__).parents[3]
JAX = keras.backend.backend() == "jax"
CLOSE = 1e-4 if JAX else 1e-5


def everything(model):
    return arrays([*model.weights, *model.optimizer.variables])


# The steps are Keras's


def configuration(hypermodel, seed):
    """The default values for seed 0, or random ones; neither with anything random in training."""
    hp = with_values()
    if seed:
        hypermodel.build(hp)
    rng = np.random.default_rng(seed)
    for parameter in hp.space:
        hp.values[parameter.name] = parameter.random_sample(int(rng.integers(2**30)))
    quiet = {"dropout": 0.0, "augmentation": "none", "label_smoothing": 0.1}
    schedule = {"schedule": "cosine"} if seed else {}
    return with_values(**{**hp.values, **quiet, **schedule})


def check_steps(name, shape, seed):
    rng = np.random.default_rng(seed)
    # 20 steps, of which the last has two images.
    x, y = rng.integers(0, 256, (78, *shape)).astype("uint8"), rng.integers(0, CLASSES, 78)
    hypermodel = SequenceHyperModel(shape, CLASSES, [name], seed=3, decay_steps=25)
    hp = configuration(hypermodel, seed)
    ours, stock = hypermodel.build(hp), hypermodel.build(hp)
    before = arrays(stock.trainable_variables)
    hypermodel.seed = 7
    hypermodel.fit(hp, ours, x, y, epochs=1, batch_size=4)
    train_by_keras(stock, x, y, seed=7, batch_size=4, smoothing=0.1)
    assert int(ours.optimizer.iterations) == int(stock.optimizer.iterations) == 20
    after = [arrays(model.trainable_variables) for model in (ours, stock)]
    assert distance(before, after[1]) > 1e-3
    moments = [arrays(model.optimizer.variables[2:]) for model in (ours, stock)]
    apart = distance(*after), distance(*moments) / 10
    if max(apart) >= CLOSE:
        # Where two values of a pool are all but equal, rounding says which is the larger, and the
        # gradient goes another way: Keras's own steps, begun one rounding beside, say how far.
        hypermodel.seed = 3
        beside = hypermodel.build(hp)
        for variable in beside.trainable_variables:
            variable.assign(np.nextafter(np.asarray(variable), np.float32(9)))
        train_by_keras(beside, x, y, seed=7, batch_size=4, smoothing=0.1)
        assert apart[0] < 2 * distance(arrays(beside.trainable_variables), after[1]) < 1e-3
        assert apart[1] < 2 * distance(arrays(beside.optimizer.variables[2:]), moments[1]) / 10


@pytest.mark.parametrize("name", ALL)
def test_twenty_steps_are_those_of_train_on_batch(name):
    check_steps(name, (4, 3, 1), seed=0)


@pytest.mark.parametrize("name", ["line_cnn"])
def test_so_they_are_for_a_random_configuration(name):
    check_steps(name, (4, 3, 1), seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
@pytest.mark.parametrize("name", ALL)
def test_so_they_are_for_any_configuration(name, seed):
    check_steps(name, (8, 9, 3), seed)


def test_images_of_floats_are_trained_as_they_are():
    x, y = images()
    x = x.astype("float32") + 0.4  # which no byte can be
    ours, stock = dense(), dense()
    loop.fit(ours, x, y, seed=7, epochs=2, batch_size=16)
    train_by_keras(stock, x, y, seed=7, batch_size=16, epochs=2)
    weights = [arrays(model.trainable_variables) for model in (ours, stock)]
    assert distance(*weights) < CLOSE


def test_variables_that_are_not_trained_follow():
    """Running statistics, of whole batches: JAX fills a short one."""
    x, y = images()
    ours, stock = dense(normalized=True), dense(normalized=True)
    loop.fit(ours, x, y, seed=7, epochs=2, batch_size=12)
    train_by_keras(stock, x, y, seed=7, batch_size=12, epochs=2)
    weights = [arrays(model.weights) for model in (ours, stock)]
    assert distance(*weights) < CLOSE
    statistics = [each for each in ours.non_trainable_variables if "moving" in each.path]
    assert len(statistics) == 2 and all(np.ptp(each) > 0 for each in arrays(statistics))


def test_without_the_clipping_the_steps_are_keras_s():
    x, y = images()
    options = {"global_clipnorm": None, "weight_decay": 0.0, "learning_rate": 0.1}
    ours, stock = dense(**options), dense(**options)
    loop.fit(ours, x, y, seed=7, epochs=1, batch_size=16)
    train_by_keras(stock, x, y, seed=7, batch_size=16)
    weights = [arrays(model.trainable_variables) for model in (ours, stock)]
    assert distance(*weights) < CLOSE


def test_with_weights_of_classes_the_steps_are_keras_s():
    x, y = images()
    weight = {0: 0.25, 2: 3.0}  # of the others 1
    ours, stock = dense(), dense()
    loop.fit(ours, x, y, seed=7, epochs=2, batch_size=12, class_weight=weight)
    train_by_keras(stock, x, y, seed=7, batch_size=12, epochs=2, class_weight=weight)
    weights = [arrays(model.trainable_variables) for model in (ours, stock)]
    assert distance(*weights) < CLOSE
    alike, plain = dense(), dense()
    ones = dict.fromkeys(range(CLASSES), 1.0)
    loop.fit(alike, x, y, seed=7, epochs=2, batch_size=12, class_weight=ones)
    loop.fit(plain, x, y, seed=7, epochs=2, batch_size=12)
    assert equal(everything(alike), everything(plain))
    assert distance(arrays(plain.trainable_variables), weights[0]) > 1e-3


# It goes on exactly


def test_1_plus_2_plus_6_epochs_equal_9_bit_for_bit(tmp_path, monkeypatch):
    weights, optimizer = train("cnn_lines", [9], tmp_path)
    # As another process: it compiles a program of its own for every piece.
    monkeypatch.setattr(program, "KEPT", 0)
    resumed_weights, resumed_optimizer = train("cnn_lines", [1, 3, 9], tmp_path)
    assert equal(weights, resumed_weights)
    assert equal(optimizer, resumed_optimizer)
    assert 27 in [int(value) for value in optimizer if value.shape == ()], "9 epochs of 3 steps"


def trained(monkeypatch, seconds, model=None):
    """Everything that comes of a training with all that is random, and the calls it made."""
    monkeypatch.setattr(loop, "CALL_SECONDS", seconds)
    x, y = images()
    hypermodel = hypermodel_of(["lines"], SHAPE)
    hp = with_values(**CONFIGURATION)
    model, calls = hypermodel.build(hp), []
    note = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: calls.append(batch)
    )
    options = {"epochs": 2, "batch_size": 4, "validation_data": (x[:9], y[:9])}
    history = hypermodel.fit(hp, model, x, y, callbacks=[note], **options)
    return everything(model), history.history, calls


def test_the_steps_a_call_makes_change_nothing(monkeypatch):
    single, logs, single_calls = trained(monkeypatch, 0)
    several, several_logs, several_calls = trained(monkeypatch, 1e9)
    assert equal(single, several)
    assert logs == several_logs
    assert single_calls == [*range(15)] * 2
    assert len(several_calls) < 30 and several_calls.count(14) == 2


def test_epochs_that_are_parts_of_a_pass_go_on_exactly():
    """1 + 2 + 6 of them are 9, each of as many steps as it was told."""
    x, y = images()
    options = {"seed": 3, "batch_size": 8, "steps_per_epoch": 3, "augmentation": "shift"}
    whole, parts = dense(rate=0.5), dense(rate=0.5)
    loop.fit(whole, x, y, epochs=9, **options)
    for first, last in ((0, 1), (1, 3), (3, 9)):
        loop.fit(parts, x, y, initial_epoch=first, epochs=last, **options)
    assert equal(everything(whole), everything(parts))
    assert int(whole.optimizer.iterations) == 27


@pytest.mark.parametrize("steps", [4, 5, 100])
def test_an_epoch_is_at_most_a_pass(steps):
    x, y = images()  # 60
    models = dense(rate=0.5), dense(rate=0.5)
    loop.fit(models[0], x, y, seed=3, epochs=2, batch_size=16)
    history = loop.fit(models[1], x, y, seed=3, epochs=2, batch_size=16, steps_per_epoch=steps)
    assert equal(*map(everything, models))
    assert len(history.epoch) == 2


def test_the_loss_of_a_part_is_the_mean_over_the_images_that_it_took():
    """With a learning rate of zero, the parts of a pass have the mean of the pass."""
    x, y = images()
    options = {"seed": 3, "batch_size": 10}
    model = dense(learning_rate=0.0, weight_decay=0.0)
    whole = loop.fit(model, x, y, epochs=1, **options).history
    parts = loop.fit(model, x, y, epochs=3, steps_per_epoch=2, **options).history
    for name in ("loss", "accuracy"):
        assert np.mean(parts[name]) == pytest.approx(whole[name][0], rel=1e-5)


def test_nothing_outside_changes_a_training():
    x, y = images()
    found = []
    for seed in (1, 2):
        model = dense(rate=0.5)
        keras.utils.set_random_seed(seed)
        loop.fit(model, x, y, seed=3, epochs=2, augmentation="shift_flip")
        found.append(everything(model))
    assert equal(*found)


@pytest.mark.parametrize(
    "changes",
    [{"seed": 4}, {"augmentation": "none"}, {"label_smoothing": 0.1}, {"batch_size": 8}],
    ids=str,
)
def test_everything_that_it_is_told_counts(changes):
    x, y = images()
    options = {"seed": 3, "augmentation": "shift", "label_smoothing": 0.0, "batch_size": 16}
    models = dense(), dense()
    loop.fit(models[0], x, y, epochs=1, **options)
    loop.fit(models[1], x, y, epochs=1, **{**options, **changes})
    assert not equal(*(arrays(model.trainable_variables) for model in models))


def test_dropout_is_drawn_anew_in_every_step_and_epoch():
    """With a learning rate of zero, the losses of two epochs differ in what was dropped alone."""
    x, y = images()
    model = dense(rate=0.5, learning_rate=0.0)
    losses = loop.fit(model, x, y, seed=0, epochs=3, batch_size=60).history["loss"]
    assert len(set(losses)) == 3
    with_none = dense(learning_rate=0.0)
    losses = loop.fit(with_none, x, y, seed=0, epochs=3, batch_size=60).history["loss"]
    assert losses == pytest.approx([losses[0]] * 3, rel=1e-6)


def test_images_may_be_on_the_device_and_are_never_changed():
    x, y = images()
    before, models = x.copy(), (dense(), dense())
    logs = []
    for model, given in zip(models, (x, on_device(x)), strict=True):
        options = {"seed": 3, "epochs": 2, "augmentation": "shift_flip"}
        history = loop.fit(model, given, y[:, None], validation_data=(given, y), **options)
        logs.append(history.history)
    assert equal(*map(everything, models))
    assert logs[0] == logs[1]
    assert np.array_equal(x, before)


# What it measures


def test_the_score_is_measured_without_smoothing_or_augmentation():
    x, y = images()
    hypermodel = SequenceHyperModel(SHAPE, CLASSES, ["lines"], mirror=True)
    hp = with_values(label_smoothing=0.1, augmentation="shift_flip", dropout=0.5)
    model = hypermodel.build(hp)
    history = hypermodel.fit(hp, model, x[:40], y[:40], validation_data=(x[40:], y[40:]))
    logits = keras.ops.convert_to_numpy(model(x[40:]))
    loss = np.mean(cross_entropy(logits, y[40:]))
    assert history.history["val_loss"][0] == pytest.approx(loss, rel=1e-4)
    assert history.history["val_accuracy"][0] == pytest.approx(accuracy(model, x[40:], y[40:]))


def test_what_else_is_asked_for_is_measured_on_the_validation_images():
    x, y = images()
    model, seen = dense(), []

    def measure(logits, labels):
        seen.append((logits, labels))
        return len(seen)

    options = {"validation_data": (x[:20], y[:20]), "validation_measures": {"score": measure}}
    logs = loop.fit(model, x, y, seed=0, epochs=2, **options).history
    assert logs["val_score"] == [1.0, 2.0]
    logits, labels = seen[-1]
    assert logits == pytest.approx(keras.ops.convert_to_numpy(model(x[:20])), rel=1e-4, abs=1e-5)
    assert labels.tolist() == y[:20].tolist()


def test_loss_and_accuracy_are_means_over_the_images_as_keras_has_them():
    """With a learning rate of zero: so every step sees the same weights."""
    x, y = images()
    model = dense(learning_rate=0.0)
    logits = keras.ops.convert_to_numpy(model(x))
    for smoothing in (0.0, 0.3):
        options = {"batch_size": 16, "label_smoothing": smoothing}
        logs = loop.fit(model, x, y, seed=0, epochs=1, **options).history
        target = np.eye(CLASSES)[y] * (1 - smoothing) + smoothing / CLASSES
        of_class = [cross_entropy(logits, np.full(len(x), each)) for each in range(CLASSES)]
        expected = np.mean(np.sum(target * np.transpose(of_class), axis=1))
        assert logs["loss"] == pytest.approx([expected], rel=1e-5)
        assert logs["accuracy"] == pytest.approx([accuracy(model, x, y)])


# Callbacks


class Recorder(keras.callbacks.Callback):
    """Notes every hook that is called, with its number, and the names of the last logs."""

    def __init__(self):
        super().__init__()
        self.hooks, self.names = [], {}

    def note(self, hook, number, logs):
        self.hooks.append((hook, number))
        self.names[hook] = set(logs or ())


def recorded(hook):
    def with_number(self, number, logs=None):
        self.note(hook, number, logs)

    def without(self, logs=None):
        self.note(hook, None, logs)

    return with_number if "batch" in hook or "epoch" in hook else without


HOOKS = [
    f"on_{what}_{when}"
    for what in ("train", "epoch", "train_batch", "test", "test_batch")
    for when in ("begin", "end")
]
for each in HOOKS:
    setattr(Recorder, each, recorded(each))


def test_hooks_are_called_in_keras_s_order_with_keras_s_names(monkeypatch):
    """Where a call makes one step, even the hooks of batches are the same."""
    monkeypatch.setattr(loop, "CALL_SECONDS", 0)
    x, y = images()
    targets = np.eye(CLASSES)[y]
    ours, stock = Recorder(), Recorder()
    options = {"epochs": 3, "initial_epoch": 1, "batch_size": 16}
    history = loop.fit(dense(), x, y, seed=0, validation_data=(x, y), callbacks=[ours], **options)
    by_keras = dense().fit(
        x, targets, validation_data=(x, targets), callbacks=[stock], verbose=0, **options
    )
    assert ours.hooks == [
        each for each in stock.hooks if not ("test_batch" in each[0] and each[1] > 0)
    ], "60 images are validated at once"
    assert {hook for hook, _ in ours.hooks} == set(HOOKS)
    epoch = {"loss", "accuracy", "val_loss", "val_accuracy"}
    assert ours.names["on_epoch_end"] == stock.names["on_epoch_end"] == epoch
    assert ours.names["on_train_batch_end"] == stock.names["on_train_batch_end"]
    assert ours.params == {"verbose": 0, "epochs": 3, "steps": 4} == stock.params
    assert history.epoch == by_keras.epoch == [1, 2]
    assert history.history.keys() == by_keras.history.keys() == epoch


def test_batch_hooks_are_called_at_the_end_of_each_call_with_its_last_batch(monkeypatch):
    monkeypatch.setattr(loop, "CALL_SECONDS", 1e9)
    seen, (x, y) = Recorder(), images()
    loop.fit(dense(), x, y, seed=0, epochs=2, batch_size=4, callbacks=[seen])
    begins, ends = (
        [number for hook, number in seen.hooks if hook == f"on_train_batch_{when}"]
        for when in ("begin", "end")
    )
    assert len(ends) < 30 and ends.count(14) == 2
    assert begins == [0 if last == 14 else last + 1 for last in [14, *ends[:-1]]]


def test_it_stops_where_a_callback_says_so():
    seen, (x, y) = Recorder(), images()
    model = dense()

    def stop(epoch, logs):
        model.stop_training = epoch == 1

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=stop), seen]
    assert loop.fit(model, x, y, seed=0, epochs=9, callbacks=callbacks).epoch == [0, 1]
    assert seen.hooks[-1] == ("on_train_end", None)
    assert loop.fit(model, x, y, seed=0, epochs=3, initial_epoch=2).epoch == [2], "and goes on"


def test_it_stops_in_an_epoch_where_a_callback_says_so(monkeypatch):
    monkeypatch.setattr(loop, "CALL_SECONDS", 0)
    model, (x, y) = dense(), images()

    def stop(batch, logs):
        model.stop_training = batch == 1

    callbacks = [keras.callbacks.LambdaCallback(on_train_batch_end=stop)]
    loop.fit(model, x, y, seed=0, epochs=9, batch_size=16, callbacks=callbacks)
    assert int(model.optimizer.iterations) == 2


def after(epochs, **options):
    """Everything of a model after so many epochs at a stretch."""
    model, (x, y) = dense(rate=0.2), images()
    loop.fit(model, x, y, seed=0, epochs=epochs, batch_size=16, **options)
    return everything(model)


def test_the_model_is_up_to_date_whenever_an_epoch_has_ended(tmp_path):
    seen = []
    look = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: seen.append(everything(model)))
    keep = keras.callbacks.ModelCheckpoint(tmp_path / "{epoch}.keras")
    model, (x, y) = dense(rate=0.2), images()
    loop.fit(model, x, y, seed=0, epochs=2, batch_size=16, callbacks=[look, keep])
    assert equal(seen[0], after(1))
    assert equal(seen[1], after(2)) and equal(everything(model), after(2))
    for epoch in (1, 2):
        loaded = keras.models.load_model(tmp_path / f"{epoch}.keras", safe_mode=True)
        learned = slice(len(model.trainable_variables))
        assert equal(everything(loaded)[learned], after(epoch)[learned])


def test_callbacks_that_only_watch_change_nothing_and_spare_the_way_there_and_back(monkeypatch):
    returned = []

    def counted(state, model):
        returned.append(1)
        give_back(state, model)

    monkeypatch.setattr(loop, "give_back", counted)
    watching = keras.callbacks.Callback()
    whole = after(3, callbacks=[watching])
    assert len(returned) == 3
    watching.only_watches = True
    assert equal(after(3, callbacks=[watching]), whole)
    assert len(returned) == 4


def test_the_best_weights_are_restored():
    """Of the highest loss, so the first epoch's; one worse epoch is borne."""
    stop = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    model, (x, y) = dense(rate=0.2), images()
    history = loop.fit(model, x, y, seed=0, epochs=9, batch_size=16, callbacks=[stop])
    assert history.epoch == [0, 1] and history.history["loss"][1] < history.history["loss"][0]
    learned = len(model.trainable_variables)
    assert equal(everything(model)[:learned], after(1)[:learned])


@pytest.mark.parametrize("monitor", ["accuracy", "val_accuracy", "val_loss"])
def test_callbacks_find_out_by_themselves_which_way_is_better(monitor, tmp_path):
    x, y = images()
    watching = [
        keras.callbacks.EarlyStopping(monitor, patience=9),
        keras.callbacks.ModelCheckpoint(tmp_path / "best.keras", monitor, save_best_only=True),
        keras.callbacks.ReduceLROnPlateau(monitor, patience=9),
    ]
    model = dense(rate=0.2)
    options = {"batch_size": 16, "validation_data": (x, y)}
    loop.fit(model, x, y, seed=0, epochs=2, callbacks=watching, **options)
    assert watching[0].monitor_op.__name__ == ("less" if "loss" in monitor else "greater")
    assert (tmp_path / "best.keras").exists()
    assert equal(everything(model), after(2, validation_data=(x, y)))


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin"])
def test_a_training_that_is_stopped_before_it_begins_makes_one_step(hook):
    model, (x, y) = dense(), images()
    stop = keras.callbacks.Callback()
    setattr(stop, hook, lambda *_: setattr(model, "stop_training", True))
    history = loop.fit(model, x, y, seed=0, epochs=3, batch_size=16, callbacks=[stop])
    assert history.epoch == [0] and int(model.optimizer.iterations) == 1


def test_a_callback_that_takes_a_training_up_again_by_itself_is_refused(tmp_path):
    model, (x, y) = dense(), images()
    again = keras.callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(ValueError, match="give initial_epoch"):
        loop.fit(model, x, y, seed=0, epochs=1, callbacks=[again])


def test_labels_that_are_no_whole_numbers_are_refused():
    model, (x, y) = dense(), images()
    with pytest.raises(ValueError, match="whole numbers"):
        loop.fit(model, x, y + 0.4, seed=0, epochs=1)
    loop.fit(model, x, y.astype("float64"), seed=0, epochs=1)


def test_a_learning_rate_that_a_callback_sets_is_obeyed():
    stop = keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else 0.0)
    model, (x, y) = dense(rate=0.2), images()
    loop.fit(model, x, y, seed=0, epochs=4, batch_size=16, callbacks=[stop])
    learned = len(model.trainable_variables)
    assert equal(everything(model)[:learned], after(2)[:learned])
    assert float(model.optimizer.learning_rate) == 0


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
@pytest.mark.parametrize(
    "hook", ["on_epoch_begin", "on_train_batch_end", "on_test_batch_end", "on_epoch_end"]
)
def test_what_a_callback_raises_comes_out_and_the_last_epoch_is_kept(hook, error, monkeypatch):
    monkeypatch.setattr(loop, "CALL_SECONDS", 0)

    class Raising(Recorder):
        def note(self, called, number, logs):
            super().note(called, number, logs)
            if called == hook and ("on_epoch_begin", 1) in self.hooks:
                raise error

    seen = Raising()
    model, (x, y) = dense(rate=0.2), images()
    with pytest.raises(error):
        loop.fit(
            model, x, y, seed=0, epochs=9, batch_size=16,
            validation_data=(x, y), callbacks=[seen],
        )  # fmt: skip
    within = hook in ("on_epoch_begin", "on_train_batch_end")
    assert equal(everything(model), after(1 if within else 2))
    assert [number for each, number in seen.hooks if each == "on_epoch_begin"] == [0, 1]
    # A run goes on from there.
    loop.fit(model, x, y, seed=0, epochs=3, initial_epoch=1 if within else 2, batch_size=16)
    assert equal(everything(model), after(3))


def test_progress_is_keras_s_bar(capsys):
    x, y = images()
    loop.fit(dense(), x, y, seed=0, epochs=1, batch_size=16)
    assert capsys.readouterr().out == ""
    loop.fit(dense(), x, y, seed=0, epochs=2, batch_size=16, validation_data=(x, y), verbose=1)
    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown and "4/4" in shown
    assert all(f"{name}: " in shown for name in ("loss", "accuracy", "val_loss", "val_accuracy"))
    loop.fit(dense(), x, y, seed=0, epochs=1, batch_size=16, verbose=2)
    assert shown.count("Epoch") == 2


# What is refused


def test_an_unknown_option_is_refused():
    x, y = images()
    with pytest.raises(TypeError, match="shuffle"):
        loop.fit(dense(), x, y, seed=0, epochs=1, shuffle=False)
    hypermodel, hp = hypermodel_of(["lines"], SHAPE), with_values()
    with pytest.raises(TypeError, match="shuffle"):
        hypermodel.fit(hp, hypermodel.build(hp), x, y, shuffle=True)


def test_an_unknown_augmentation_and_another_optimizer_are_refused():
    x, y = images()
    with pytest.raises(ValueError, match="melt"):
        loop.fit(dense(), x, y, seed=0, epochs=1, augmentation="melt")
    model = dense()
    model.compile("sgd")
    with pytest.raises(ValueError, match="SGD"):
        loop.fit(model, x, y, seed=0, epochs=1)


@pytest.mark.parametrize("label", [-1, CLASSES])
@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_label_that_is_no_class_is_refused(label, where):
    x, y = images()
    wrong = np.where(np.arange(len(y)) == 3, label, y)
    labels, validation = (wrong, y) if where == "training" else (y, wrong)
    with pytest.raises(ValueError, match="none of the model's 3 classes"):
        loop.fit(dense(), x, labels, seed=0, epochs=1, validation_data=(x, validation))


@pytest.mark.parametrize("count", [0, 59])
def test_an_image_without_a_label_is_refused(count):
    x, y = images()
    with pytest.raises(ValueError, match="one each is needed"):
        loop.fit(dense(), x[: count and None], y[:count], seed=0, epochs=1)


# The other backend


@pytest.mark.skipif(JAX, reason="it is what runs under JAX")
@pytest.mark.slow
def test_all_of_this_holds_under_jax(tmp_path):
    pytest.importorskip("jax")
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        # Many compile the same step; once is enough.
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(Path(__file__).parent)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed" in result.stdout
