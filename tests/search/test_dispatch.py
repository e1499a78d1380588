"""The one loop of search and finals: every job once, none idle without need, pauses go on."""

from __future__ import annotations

import collections

import pytest

from search.dispatch import dispatch
from search.training.spec import TrialResult, TrialSpec
from search.workers.protocol import Job


def job(name):
    return Job(TrialSpec(name, "lines", {}, 0, 0, 1, 1, 1, 2, False))


class Instant:
    """Workers whose jobs end in the order in which they came; `lost` polls find no worker."""

    def __init__(self, count, lost=0):
        self.count, self.lost, self.given = count, lost, []
        self._queue = collections.deque()

    @property
    def present(self):
        return 0 if self.lost else self.count

    def idle(self):
        taken = {worker for _, worker in self._queue}
        return [name for name in map(str, range(self.present)) if name not in taken]

    @property
    def busy(self):
        return len(self._queue)

    def submit(self, job, worker):
        assert worker in self.idle()
        self.given.append((job.spec.trial_id, worker))
        self._queue.append((job, worker))

    def next_result(self, on_epoch):
        if self.lost:
            self.lost -= 1
            return None
        job, worker = self._queue.popleft()
        on_epoch(job.spec.trial_id, {"epoch": 1})
        return TrialResult(job.spec.trial_id, {"status": "completed"}, worker=worker)


def run(workers, names, on_result=lambda result: None, meanwhile=lambda: None):
    waiting, told = list(names), []
    occupancy = dispatch(
        workers,
        lambda: bool(waiting),
        lambda idle: (job(waiting.pop(0)), idle[-1]),
        on_result,
        lambda name, row: told.append(name),
        meanwhile,
    )
    return told, occupancy


@pytest.mark.parametrize("count", [1, 2, 5])
def test_every_job_is_given_out_once_and_every_result_is_taken(count):
    workers, ended = Instant(count), []
    told, occupancy = run(workers, "abcd", lambda result: ended.append(result.trial_id))
    assert [name for name, _ in workers.given] == ended == told == list("abcd")
    assert 0 < occupancy.share <= 1


def test_who_gets_a_job_is_decided_by_who_hands_it_out():
    workers = Instant(3)
    run(workers, "abc")
    assert [worker for _, worker in workers.given] == ["2", "1", "0"]


def test_what_was_paused_goes_on_where_it_was_before_anything_else():
    workers, left = Instant(1), {"a": 2, "b": 0}

    def on_result(result):
        left[result.trial_id] -= 1
        return job(result.trial_id) if left[result.trial_id] >= 0 else None

    run(workers, "ab", on_result)
    assert [name for name, _ in workers.given] == list("aaab")


def test_what_takes_a_moment_is_done_while_every_worker_that_can_be_is_busy():
    workers, seen = Instant(2), []
    run(workers, "abc", meanwhile=lambda: seen.append(workers.busy))
    assert seen == [2, 2, 1]


def test_where_no_worker_is_left_one_is_waited_for_as_long_as_there_are_jobs():
    workers = Instant(1, lost=3)
    run(workers, "a")
    assert workers.given == [("a", "0")] and workers.lost == 0
    workers = Instant(1, lost=3)
    run(workers, "")
    assert workers.lost == 3  # nothing to do, so nobody is waited for
