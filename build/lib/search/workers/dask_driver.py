"""Workers in other processes, on this machine or on many, through Dask `distributed`.

Dask moves the trials and knows which workers there are. What a search must be able to rely on is
decided here: one trial in flight a worker, and a trial whose worker is lost starts again elsewhere,
at most so many times.
"""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import functools
import queue
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import distributed

from search.data.datasets import Images
from search.experiment import Execution, ExperimentError
from search.training.trial import OnEpoch, TrialResult
from search.workers.dask_cluster import GIGABYTE, Connection
from search.workers.dask_worker import Introduction, forget, introduce, take
from search.workers.protocol import Job, SchedulerLostError
from search.workers.transport import Post

POLL_SECONDS = 1.0
JOIN_SECONDS = 60.0  # that a cluster may take until its first worker is there
ANSWER_SECONDS = 30.0  # after which a scheduler that does not answer is lost
FAREWELL_SECONDS = 3.0  # that workers may take to forget this driver's images
OVERTIME_SECONDS = 30.0  # that a trial may take to notice its own time-out
RECYCLE_AT = 0.7  # of a worker's memory limit; at 0.95 Dask's nanny kills it


@dataclasses.dataclass
class Worker:
    """A worker that has introduced itself.

    Attributes:
        address: Dask's, anew for every process.
        name: the host and the process: what the column `worker` says.
        memory_limit: bytes that its process may hold; 0 for any number.
        nanny: whether something starts it again when it ends.
        leaving: it is being recycled and gets no more work.
    """

    address: str
    name: str
    memory_limit: int
    nanny: bool
    leaving: bool = False


@dataclasses.dataclass
class Flight:
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
        self._post = Post(uuid.uuid4().hex[:12], execution.shared_dir)
        self._expected = introduce()
        self._workers: dict[str, Worker] = {}  # by address
        self._asked: set[str] = set()  # the addresses of those that have not answered yet
        self._refused: dict[str, str] = {}  # by address, what the user is told
        self._flights: dict[str, Flight] = {}  # by trial_id
        self._waiting: collections.deque[Flight] = collections.deque()
        self._ended: collections.deque[TrialResult] = collections.deque()
        self._events: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
        self._polled = 0.0
        self._entered = self._lonely = False
        self._parcels: dict[str, Images | Path] = {}  # what every worker is given

    # A session

    def __enter__(self) -> DaskWorkers:
        """Starts or finds the cluster and waits for the workers that it has, at least for one.

        Raises:
            ExperimentError: there is none, or it cannot do this project's work.
        """
        self._client, self._cluster = self._connect()
        try:
            self._client.subscribe_topic(self._post.session, self._hear)
            deadline = time.monotonic() + JOIN_SECONDS
            self._poll()
            while self._asked or not self._workers:
                self._hear_of(0.1)
                if not (self._asked or self._workers):
                    for why in self._refused.values():
                        raise ExperimentError(why)
                if time.monotonic() > deadline:
                    if self._workers:
                        break
                    raise ExperimentError(
                        "no worker has come to the cluster: start some with `dask worker`"
                    )
                self._poll()
        except BaseException:
            self.__exit__()
            raise
        for why in self._refused.values():
            self._note(why)
        self._entered = True
        return self

    def __exit__(self, *_: object) -> None:
        """Gives up what is in flight and closes what was started."""
        self._post.clear()
        # Whatever is wrong with a cluster that is left has been said before, or no longer matters.
        with contextlib.suppress(Exception):
            for flight in self._flights.values():
                if flight.future is not None:
                    flight.future.cancel(force=True)
        if self._cluster is None:  # one that hangs would be waited for
            leave = threading.Thread(target=self._take_leave, daemon=True)
            leave.start()
            leave.join(FAREWELL_SECONDS)
        with contextlib.suppress(Exception):
            self._client.close(timeout=3)
        if self._cluster is not None:
            with contextlib.suppress(Exception):
                self._cluster.close(timeout=5)

    def _take_leave(self) -> None:
        """Has workers that live on forget this driver's images."""
        known = [*self._workers, *self._asked]
        with contextlib.suppress(Exception):
            self._client.run(forget, self._post.session, workers=known, on_error="ignore")

    # What the tuner sees

    def open(self, images: Mapping[str, Images]) -> None:
        """Gives images to all workers, once each, to those that join later too."""
        parcels = {name: self._post.send_images(each) for name, each in images.items()}
        self._parcels.update(parcels)
        with self._scheduler_or_lost():
            answers = self._client.run(
                take, self._post.session, parcels, workers=list(self._workers), on_error="return"
            )
        for address, answer in answers.items():
            if isinstance(answer, OSError):  # lost on the way; if it comes back, it is met anew
                self._gone(self._workers.pop(address))
            elif isinstance(answer, Exception):
                name = self._workers[address].name
                raise ExperimentError(f"worker {name} cannot take the images ({answer})")

    def idle(self) -> list[str]:
        """The names of the workers that have nothing to do."""
        self._dispatch()
        return [worker.name for worker in self._free()]

    @property
    def present(self) -> int:
        """How many workers there are, busy or not."""
        return len(self._workers)

    @property
    def busy(self) -> int:
        """How many trials are in flight, or wait for a worker again."""
        return len(self._flights)

    def submit(self, job: Job, worker: str) -> None:
        """Gives a trial to a worker, or to the next free one if it is just being recycled."""
        flight = Flight(job)
        self._flights[job.spec.trial_id] = flight
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
                del self._flights[result.trial_id]
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
            self._meet(subject, *what)
            return
        flight = next((f for f in self._flights.values() if f.attempt == subject), None)
        if flight is not None and kind == "epoch":
            on_epoch(flight.job.spec.trial_id, what)
        elif flight is not None and kind == "ended":
            self._land(flight)

    # Who is there

    def _free(self) -> list[Worker]:
        taken = {flight.worker.address for flight in self._flights.values() if flight.worker}
        return [
            worker
            for worker in self._workers.values()
            if worker.address not in taken and not worker.leaving
        ]

    @contextlib.contextmanager
    def _scheduler_or_lost(self) -> Any:
        """Turns every way in which a scheduler can fail to answer into one error."""
        try:
            yield
        except OSError as error:  # a time-out and a closed connection are of this kind
            raise SchedulerLostError(f"the scheduler does not answer ({error})") from error
        if self._client.status != "running":
            raise SchedulerLostError("the connection to the scheduler is lost")

    def _identity(self) -> Any:
        """What the scheduler says of itself and its workers, asked afresh."""
        scheduler: Any = self._client.scheduler
        return self._client.sync(scheduler.identity, n_workers=-1, callback_timeout=ANSWER_SECONDS)

    def _poll(self) -> None:
        """Finds out who has come and who has gone."""
        with self._scheduler_or_lost():
            if self._client.status != "running":
                raise OSError("the connection is lost")
            known = self._identity()["workers"]
        self._polled = time.monotonic()
        for address in [address for address in self._workers if address not in known]:
            self._gone(self._workers.pop(address))
        for address in known.keys() - self._workers.keys() - self._refused.keys() - self._asked:
            self._ask(address, known[address])
        if self._workers:
            self._lonely = False
        elif self._flights and not self._lonely:
            self._lonely = True
            self._note("no worker is left: waiting for one (Ctrl-C stops, --resume goes on)")

    def _ask(self, address: str, facts: Mapping[str, Any]) -> None:
        """Has a newcomer introduce itself and take the images, while nobody waits for it.

        It has to import its backend first.
        """
        parcels = dict(self._parcels)
        ask = functools.partial(self._client.run, workers=[address], on_error="return")

        def converse() -> None:
            try:
                answer = ask(introduce).get(address)
                if isinstance(answer, Introduction) and not answer.differs_from(self._expected):
                    answer = ask(take, self._post.session, parcels).get(address) or answer
            except Exception as error:
                answer = error
            self._events.put(("answered", address, (facts, parcels, answer)))

        self._asked.add(address)
        threading.Thread(target=converse, daemon=True).start()

    def _meet(
        self, address: str, facts: Mapping[str, Any], parcels: Mapping[str, Any], answer: Any
    ) -> None:
        """Takes a worker on, if it runs what this driver runs."""
        self._asked.remove(address)
        if parcels.keys() != self._parcels.keys():  # there are more images now
            self._ask(address, facts)
            return
        if answer is None or isinstance(answer, OSError):  # gone again
            return
        if isinstance(answer, Exception):
            wrong = f"it cannot do this project's work ({answer})"
        elif wrong := answer.differs_from(self._expected):
            wrong = f"it runs {wrong}"
        else:
            limit, nanny = facts["memory_limit"] or 0, bool(facts["nanny"])
            self._workers[address] = Worker(address, answer.name, limit, nanny)
            return
        self._refused[address] = (
            f"worker {address} is of no use: {wrong}. "
            "Every worker needs this directory and the same requirements (docs/cluster.md)"
        )
        if self._entered:  # before, it may be the reason why there is no search
            self._note(self._refused[address])

    def _gone(self, worker: Worker) -> None:
        """Takes the trials of a lost worker back."""
        for flight in list(self._flights.values()):
            if flight.worker is worker:
                self._lose(flight, worker)

    def _recycle(self, worker: Worker) -> None:
        """Has a worker's process replaced by a new one; the nanny does it."""
        if worker.leaving or not worker.nanny:
            return
        worker.leaving = True
        threading.Thread(target=self._restart, args=(worker.address,), daemon=True).start()

    def _restart(self, address: str) -> None:
        # Lost meanwhile, it is gone all the same.
        with contextlib.suppress(OSError, KeyError):
            self._client.restart_workers([address], timeout=60, raise_for_error=False)

    # What is in flight

    def _send(self, flight: Flight, worker: Worker) -> None:
        job = flight.job
        flight.worker, flight.since = worker, time.monotonic()
        attempt = flight.attempt = f"{job.spec.trial_id}-{uuid.uuid4().hex}"
        with self._scheduler_or_lost():
            flight.future = self._client.submit(
                errand(),
                dataclasses.asdict(self._post),
                attempt,
                dataclasses.asdict(job.spec),
                job.held,
                self._post.send(job.model),
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

    def _land(self, flight: Flight) -> None:
        """Takes what became of a job."""
        worker = flight.worker
        assert worker is not None
        try:
            result, parcel = flight.future.result(timeout=ANSWER_SECONDS)
            result = dataclasses.replace(
                result, model=self._post.receive(parcel), retries=flight.retries
            )
        except (distributed.KilledWorker, distributed.CancelledError, TimeoutError):
            # Killed, or ended and then lost with its result.
            with self._scheduler_or_lost():
                self._identity()
            self._workers.pop(worker.address, None)
            self._lose(flight, worker)
            return
        except Exception as error:
            raise ExperimentError(f"worker {worker.name}: {error}") from error
        self._ended.append(result)
        if worker.memory_limit and result.memory_bytes > RECYCLE_AT * worker.memory_limit:
            self._recycle(worker)

    def _lose(self, flight: Flight, worker: Worker) -> None:
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

    def _fail(self, flight: Flight, worker: Worker, message: str) -> None:
        result = TrialResult(
            flight.job.spec.trial_id,
            {"status": "failed", "message": message},
            worker=worker.name,
            retries=flight.retries,
        )
        self._ended.append(result)

    def _watch_the_clock(self) -> None:
        """Ends the worker of a trial that does not stop at its own time-out."""
        for flight in list(self._flights.values()):
            limit, worker = flight.job.spec.timeout, flight.worker
            if limit is None or worker is None:
                continue
            if time.monotonic() > flight.since + limit + OVERTIME_SECONDS:
                flight.worker, flight.attempt = None, ""
                flight.future.cancel(force=True)
                self._recycle(worker)
                why = "it took longer than --trial-timeout allows and did not stop"
                self._fail(flight, worker, why)


def errand() -> Callable[..., Any]:
    """What a worker does with a job, in a form that a scheduler can unpack without this project.

    Dask's scheduler unpickles every task on its way. By its name it would have to import `train`,
    and with it the backend: a scheduler elsewhere may have neither, and one that has both answers
    nobody meanwhile. A function within a function travels as its code, and plain values with it.
    """

    def run(*plain: Any) -> Any:
        from search.workers.dask_worker import train

        return train(*plain)

    return run
