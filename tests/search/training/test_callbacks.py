"""What watches a training: compilation is set-up, and no epoch pays for it."""

from __future__ import annotations

import types

from search.training import callbacks


def test_compilation_is_set_up_and_no_epoch_pays_for_it(monkeypatch):
    """On a clock that the test moves: first steps, of training and of validation, are set-up."""
    now = [0.0]
    monkeypatch.setattr(callbacks, "time", types.SimpleNamespace(perf_counter=lambda: now[0]))
    clock = callbacks.Clock("a", 0.0, None)

    def at(seconds, tell, *arguments):
        now[0] = seconds
        tell(*arguments)

    at(5, clock.on_train_batch_end, 0)  # built and compiled
    at(6, clock.on_train_batch_end, 1)
    at(7, clock.on_test_begin)
    at(10, clock.on_test_batch_end, 0)  # the validation compiled
    at(11, clock.on_epoch_end, 0, {"loss": 1.0})
    assert clock.setup_seconds == 5 + 3
    at(12, clock.on_train_batch_end, 0)
    at(14, clock.on_test_begin)
    at(15, clock.on_test_batch_end, 0)
    at(16, clock.on_epoch_end, 1, {"loss": 1.0})
    assert clock.setup_seconds == 5 + 3
    assert [row["seconds"] for row in clock.epochs] == [1 + 1 + 1, 5]
