"""A small search in simulated time."""

import itertools

import pytest

from benchmarks.scale import Clock, measure, table


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return measure(200, 20, tmp_path_factory.mktemp("scale"))


def test_every_trial_is_there_and_no_worker_has_two(small):
    assert len(small.flights) >= 200 and small.workers == 20
    by_worker = {}
    for flight in small.flights:
        assert flight.driver > 0
        by_worker.setdefault(flight.worker, []).append(flight)
    assert len(by_worker) == 20
    for flights in by_worker.values():
        for before, after in itertools.pairwise(flights):
            assert before.ends <= after.began


def test_workers_are_busy_as_long_as_there_is_something_to_start(small):
    assert 0.8 < small.busy(small.starved) <= 1
    assert 0 < small.busy() <= small.busy(small.starved)
    row = table(small).splitlines()[-1]
    assert row.startswith(f"| {len(small.flights):,} | 20 | {100 * small.busy(small.starved):.1f}")


def test_simulated_time_passes_as_real_time_does_and_is_put_forward():
    clock = Clock()
    clock.set(100.0)
    first = clock()
    assert 100.0 <= first <= clock() < 200.0
