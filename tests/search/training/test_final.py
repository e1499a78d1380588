"""One final: paused or not, where others were trained or not, it is the same."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from search.training.final import run_final
from tests.support.small_trials import (
    TRAIN,
    VALIDATION,
    assert_same_state,
    lasting,
    spec_of,
    values_by_epoch,
)


def final_of(seed=7, **changes):
    spec = spec_of("lines", 0, 3, trial_id=f"lines-final-{seed}", seed=seed, final=True)
    return dataclasses.replace(spec, **changes)


def in_pieces(spec, cached_of):
    """Trains a final with a pause after every epoch, as the driver has it go on."""
    parts, content = [], None
    while not parts or parts[-1].paused:
        first = sum(len(part.epochs) for part in parts)
        piece = dataclasses.replace(
            spec,
            first_epoch=first,
            continues=spec.trial_id if first else None,
            pause_after=0.0,
        )
        parts.append(run_final(piece, TRAIN, VALIDATION, content, cached=cached_of()))
        content = parts[-1].model
    assert [row["epoch"] for part in parts for row in part.epochs] == [1, 2, 3]
    return parts


@pytest.fixture(scope="module")
def whole():
    """Each seed's final, trained at a stretch in a model of its own."""
    return {seed: run_final(final_of(seed), TRAIN, VALIDATION) for seed in (7, 8)}


def assert_the_same(parts, whole):
    assert values_by_epoch(*parts) == values_by_epoch(whole)
    assert lasting(parts[-1])[0] == lasting(whole)[0]
    assert_same_state(parts[-1].model, whole.model)


def test_a_final_is_tested_on_images_that_it_has_not_seen(whole):
    columns = whole[7].columns
    predictions = np.frombuffer(columns["predictions"], "<u2")
    assert columns["status"] == "completed"
    assert columns["test_accuracy"] == np.mean(predictions == VALIDATION.y)
    assert columns["test_loss"] > 0 and columns["latency_ms"] > 0
    assert columns["test_loss"] != whole[8].columns["test_loss"]


def test_paused_after_every_epoch_and_sent_elsewhere_it_ends_as_if_it_never_had(whole):
    parts = in_pieces(final_of(), dict)
    assert_the_same(parts, whole[7])
    for part in parts[:-1]:  # what is measured is measured at the end
        assert dict(part.columns) == {"status": "running"}


def test_paused_where_it_stays_it_goes_on_and_does_not_start_again(whole):
    """Though its worker still holds the model of the seed before."""
    cached: dict = {}
    assert_the_same(in_pieces(final_of(7), lambda: cached), whole[7])
    assert set(cached) == {"lines-final-7"}
    assert_the_same(in_pieces(final_of(8), lambda: cached), whole[8])
    assert set(cached) == {"lines-final-7", "lines-final-8"}


def test_a_finalist_s_next_seed_is_compiled_already(whole, traces):
    run_final(final_of(7), TRAIN, VALIDATION)
    compiled = len(traces)
    assert compiled > 0
    assert_the_same([run_final(final_of(8), TRAIN, VALIDATION)], whole[8])
    first = run_final(final_of(7, pause_after=0.0), TRAIN, VALIDATION)
    rest = final_of(7, first_epoch=1, continues="lines-final-7")
    assert_the_same([first, run_final(rest, TRAIN, VALIDATION, first.model)], whole[7])
    assert len(traces) == compiled


def test_a_lost_pause_costs_time_and_changes_nothing(whole):
    anew = run_final(final_of(7, first_epoch=2, continues="lines-final-7"), TRAIN, VALIDATION)
    assert [row["epoch"] for row in anew.epochs] == [3]
    assert lasting(anew)[0] == lasting(whole[7])[0]
    assert_same_state(anew.model, whole[7].model)


def test_a_final_that_takes_too_long_has_failed_and_says_why():
    result = run_final(final_of(timeout=0.0), TRAIN, VALIDATION)
    assert result.columns["status"] == "failed" and not result.paused
    assert "--trial-timeout" in result.columns["message"]
    assert result.model is None and "test_accuracy" not in result.columns
