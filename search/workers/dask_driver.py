"""Workers in other processes, on this machine or on many, through Dask `distributed`.

Dask moves the trials and knows which workers there are. What a search must be able to rely on is
decided here: one trial in flight a worker, and a trial whose worker is lost starts again elsewhere,
at most so many times.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import queue
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import distributed

from search.data.datasets import Images
from search.execution import Execution
from search.experiment import ExperimentError
from search.training.spec import OnEpoch, TrialResult
from search.workers.dask_cluster import GIGABYTE, Connection
from search.workers.dask_members import ANSWER_SECONDS, Members, Worker
from search.workers.protocol import Job
from search.workers.transport import Transport

POLL_SECONDS = 1.0
JOIN_SECONDS = 60.0  # that a cluster may take until its first worker is there
OVERTIME_SECONDS = 30.0  # that a trial may take to notice its own time-out
RECYCLE_AT = 0.7  # of a worker's memory limit; at 0.95 Dask's nanny kills it


@dataclasses.dataclass
class InFlight:
    """A job that a worker has, or will have again.

    Attributes:
        job: what was asked for.
        retries: how often its worker was lost.
        attempt: names this attempt; a worker cut off may go on with an older one.
        worker: who has it.
        future: Dask's.
        since: when it was given out, on the monotonic clock.
    """

    job: Job
    retries: int = 0
    attempt: str = ""
    worker: Worker | None = None
    future: Any = None
    since: float = 0.0


class DaskWorkers:
    """The workers of a Dask cluster.

    Args:
        connect: starts the cluster, or finds it, and returns (its client, what to close at last).
        execution: retries and the shared directory.
        note: tells the user one thing that matters.
    """

    def __init__(
        self,
        connect: Callable[[], Connection],
        execution: Execution,
        note: Callable[[str], None],
    ):
        self._connect, self._execution, self._note = connect, execution, note
        self._transport = Transport(uuid.uuid4().hex[:12], execution.shared_dir)
        self._in_flight: dict[str, InFlight] = {}  # by trial_id
        self._waiting: collections.deque[InFlight] = collections.deque()
        self._ended: collections.deque[TrialResult] = collections.deque()
        self._events: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
        self._polled = 0.0
        self._lonely = False

    # A session

    def __enter__(self) -> DaskWorkers:
        """Starts or finds the cluster and waits for the workers that it has, at least for one.

        Raises:
            ExperimentError: there is none, or it cannot do this project's work.
        """
        self._client, self._cluster = self._connect()
        session = self._transport.session

        def answered(address: str, answer: Any) -> None:
            self._events.put(("answered", address, answer))

        self._members = members = Members(self._client, session, answered, self._note)
        try:
            self._client.subscribe_topic(session, self._hear)
            deadline = time.monotonic() + JOIN_SECONDS
            self._poll()
            while members.asked or not members.workers:
                self._hear_of(0.1)
                if not (members.asked or members.workers):
                    for why in members.refused.values():
                        raise ExperimentError(why)
                if time.monotonic() > deadline:
                    if members.workers:
                        break
                    raise ExperimentError(
                        "no worker has come to the cluster: start some with `dask worker`"
                    )
                self._poll()
        except BaseException:
            self.__exit__()
            raise
        for why in members.refused.values():
            self._note(why)
        members.announce = True
        return self

    def __exit__(self, *_: object) -> None:
        """Gives up what is in flight and closes what was started."""
        self._transport.clear()
        # Whatever is wrong with a cluster that is left has been said before, or no longer matters.
        with contextlib.suppress(Exception):
            for flight in self._in_flight.values():
                if flight.future is not None:
                    flight.future.cancel(force=True)
        if self._cluster is None:
            self._members.take_leave()
        with contextlib.suppress(Exception):
            self._client.close(timeout=3)
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=5)

    # What the tuner sees

    def open(self, images: Mapping[str, Images]) -> None:
        """Gives images to all workers, once each, to those that join later too.

        Raises:
            SchedulerLostError: the scheduler is gone.
            ExperimentError: a worker cannot take them.
        """
        payloads = {name: self._transport.send_images(each) for name, each in images.items()}
        self._take_back(self._members.send_images(payloads))

    def idle(self) -> list[str]:
        """The names of the workers that have nothing to do."""
        self._dispatch()
        return [worker.name for worker in self._free()]

    @property
    def present(self) -> int:
        """How many workers there are, busy or not."""
        return len(self._members.workers)

    @property
    def devices(self) -> list[str]:
        """What each worker that there is trains on, as it says itself."""
        return [worker.device for worker in self._members.workers.values()]

    @property
    def busy(self) -> int:
        """How many trials are in flight, or wait for a worker again."""
        return len(self._in_flight)

    def submit(self, job: Job, worker: str) -> None:
        """Gives a trial to a worker, or to the next free one if it is just being recycled."""
        flight = InFlight(job)
        self._in_flight[job.spec.trial_id] = flight
        for free in self._free():
            if free.name == worker:
                self._send(flight, free)
                return
        self._waiting.append(flight)
        self._dispatch()

    def next_result(self, on_epoch: OnEpoch) -> TrialResult | None:
        """Waits for a trial to end; `on_epoch` is told the epochs of all of them meanwhile.

        Returns:
            Its result; None if another worker has become idle first.

        Raises:
            SchedulerLostError: the scheduler is gone.
            ExperimentError: a worker cannot do this project's work.
        """
        idle = len(self._free())
        while True:
            self._hear_of(POLL_SECONDS, on_epoch)
            if time.monotonic() > self._polled + POLL_SECONDS:
                self._poll()
                self._watch_the_clock()
            if self._ended:
                result = self._ended.popleft()
                del self._in_flight[result.trial_id]
                return result
            self._dispatch()
            if len(self._free()) > idle:
                return None

    # What has happened meanwhile, in other threads

    def _hear(self, event: tuple[float, Any]) -> None:
        """Takes an epoch from a worker; called in the client's thread."""
        attempt, row = event[1]
        self._events.put(("epoch", attempt, row))

    def _hear_of(self, seconds: float, on_epoch: OnEpoch = lambda *_: None) -> None:
        """Waits so long for the next event, and does what follows from it."""
        try:
            kind, subject, what = self._events.get(timeout=seconds)
        except queue.Empty:
            return
        if kind == "answered":
            self._members.meet(subject, *what)
            return
        flight = next((f for f in self._in_flight.values() if f.attempt == subject), None)
        if flight is not None and kind == "epoch":
            on_epoch(flight.job.spec.trial_id, what)
        elif flight is not None and kind == "ended":
            self._land(flight)

    # Who is there

    def _free(self) -> list[Worker]:
        taken = {flight.worker.address for flight in self._in_flight.values() if flight.worker}
        return [
            worker
            for worker in self._members.workers.values()
            if worker.address not in taken and not worker.leaving
        ]

    def _poll(self) -> None:
        """Finds out who has come and who has gone."""
        gone = self._members.poll()
        self._polled = time.monotonic()
        self._take_back(gone)
        if self._members.workers:
            self._lonely = False
        elif self._in_flight and not self._lonely:
            self._lonely = True
            self._note("no worker is left: waiting for one (Ctrl-C stops, --resume goes on)")

    def _take_back(self, gone: Iterable[Worker]) -> None:
        """Takes the trials of lost workers back."""
        for worker in gone:
            for flight in list(self._in_flight.values()):
                if flight.worker is worker:
                    self._lose(flight, worker)

    # What is in flight

    def _send(self, flight: InFlight, worker: Worker) -> None:
        job = flight.job
        flight.worker, flight.since = worker, time.monotonic()
        attempt = flight.attempt = f"{job.spec.trial_id}-{uuid.uuid4().hex}"
        with self._members.scheduler_or_lost():
            flight.future = self._client.submit(
                train_task(),
                dataclasses.asdict(self._transport),
                attempt,
                dataclasses.asdict(job.spec),
                job.keep_cached,
                self._transport.send(job.model),
                key=attempt,
                workers=[worker.address],
                allow_other_workers=False,
                pure=False,
            )
        flight.future.add_done_callback(lambda _: self._events.put(("ended", attempt, None)))

    def _dispatch(self) -> None:
        """Gives waiting jobs to free workers."""
        for worker in self._free():
            if not self._waiting:
                return
            self._send(self._waiting.popleft(), worker)

    def _land(self, flight: InFlight) -> None:
        """Takes what became of a job."""
        worker = flight.worker
        assert worker is not None
        try:
            result, payload = flight.future.result(timeout=ANSWER_SECONDS)
            result = dataclasses.replace(
                result, model=self._transport.receive(payload), retries=flight.retries
            )
        except (distributed.KilledWorker, distributed.CancelledError, TimeoutError):
            # Killed, or ended and then lost with its result.
            with self._members.scheduler_or_lost():
                self._members.identity()
            self._members.workers.pop(worker.address, None)
            self._lose(flight, worker)
            return
        except Exception as error:
            raise ExperimentError(f"worker {worker.name}: {error}") from error
        self._ended.append(result)
        if worker.memory_limit and result.memory_bytes > RECYCLE_AT * worker.memory_limit:
            self._members.recycle(worker)

    def _lose(self, flight: InFlight, worker: Worker) -> None:
        """Puts a job back whose worker is gone, or gives it up."""
        flight.worker, flight.attempt, flight.future = None, "", None
        if flight.retries >= self._execution.retries:
            times = f"{flight.retries + 1} times" if flight.retries else "once"
            limit = f" ({worker.memory_limit / GIGABYTE:.1f} GB)" if worker.memory_limit else ""
            self._fail(
                flight,
                worker,
                f"its worker was lost, {times}, at last {worker.name}: "
                f"perhaps a worker's memory{limit} is not enough for it",
            )
            return
        flight.retries += 1
        self._waiting.appendleft(flight)

    def _fail(self, flight: InFlight, worker: Worker, message: str) -> None:
        result = TrialResult(
            flight.job.spec.trial_id,
            {"status": "failed", "message": message},
            worker=worker.name,
            retries=flight.retries,
        )
        self._ended.append(result)

    def _watch_the_clock(self) -> None:
        """Ends the worker of a trial that does not stop at its own time-out."""
        for flight in list(self._in_flight.values()):
            limit, worker = flight.job.spec.timeout, flight.worker
            if limit is None or worker is None:
                continue
            if time.monotonic() > flight.since + limit + OVERTIME_SECONDS:
                flight.worker, flight.attempt = None, ""
                flight.future.cancel(force=True)
                self._members.recycle(worker)
                why = "it took longer than --trial-timeout allows and did not stop"
                self._fail(flight, worker, why)


def train_task() -> Callable[..., Any]:
    """What a worker does with a job, in a form that a scheduler can unpack without this project.

    Dask's scheduler unpickles every task on its way. By its name it would have to import `train`,
    and with it the backend: a scheduler elsewhere may have neither, and one that has both answers
    nobody meanwhile. A function within a function travels as its code, and plain values with it.
    """

    def run(*plain: Any) -> Any:
        from search.workers.dask_worker import train

        return train(*plain)

    return run
