"""The one loop of search and finals: give idle workers their jobs, take what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from search.workers.protocol import Job, Occupancy, Workers

if TYPE_CHECKING:
    from search.training.spec import OnEpoch, TrialResult


def dispatch(
    workers: Workers,
    waiting: Callable[[], bool],
    next_job: Callable[[Sequence[str]], tuple[Job, str]],
    on_result: Callable[[TrialResult], Job | None],
    on_epoch: OnEpoch,
    meanwhile: Callable[[], None] = lambda: None,
) -> Occupancy:
    """Hands out jobs until none is waiting and none is in flight.

    Args:
        workers: where they run.
        waiting: whether there is a job that a worker could begin now.
        next_job: given the names of the idle workers, at least one, returns the next job and which
            of them is to have it. Asked only while one is waiting.
        on_result: records how a job ended. A job that it returns goes on at once with the worker
            that the result is from.
        on_epoch: is told each epoch of every job as it ends: (trial_id, row).
        meanwhile: called when every worker that can be given a job has one.

    Returns:
        How much of the workers' time went into jobs.

    Raises:
        SchedulerLostError: the cluster's scheduler is gone.
        ExperimentError: a worker cannot do this project's work.
    """
    occupancy = Occupancy()
    while True:
        while waiting() and (idle := workers.idle()):
            workers.submit(*next_job(idle))
        # Where the last worker is lost there may be jobs, none in flight and nobody idle: then the
        # next result is waited for until there is a worker again.
        if not workers.busy and not waiting():
            return occupancy
        occupancy.note(workers.busy, workers.present)
        meanwhile()
        result = workers.next_result(on_epoch)
        occupancy.note(workers.busy, workers.present)
        if result is not None:
            following = on_result(result)
            if following is not None:
                workers.submit(following, result.worker)
