"""Who is there: the workers of a Dask cluster that can do this project's work."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import distributed

from search.data.datasets import Images
from search.experiment import ExperimentError
from search.workers.dask_worker import Introduction, drop_session, introduce, receive_images
from search.workers.protocol import SchedulerLostError

ANSWER_SECONDS = 30.0  # after which a scheduler that does not answer is lost
FAREWELL_SECONDS = 3.0  # that workers may take to forget this driver's images


@dataclasses.dataclass
class Worker:
    """A worker that has introduced itself.

    Attributes:
        address: Dask's, anew for every process.
        name: the host and the process: what the column `worker` says.
        memory_limit: bytes that its process may hold; 0 for any number.
        nanny: whether something starts it again when it ends.
        device: what it trains on.
        leaving: it is being recycled and gets no more work.
    """

    address: str
    name: str
    memory_limit: int
    nanny: bool
    device: str
    leaving: bool = False


class Members:
    """The workers that have been taken on, and those that were asked or refused.

    Args:
        client: the cluster's.
        session: this driver's name among others.
        answered: takes (address, answer) of a worker that was asked, in another thread; what it
            takes is to be given to `meet` in the driver's own.
        note: tells the user one thing that matters.

    Attributes:
        workers: those that have been taken on, by address.
        asked: the addresses of those that have not answered yet.
        refused: by address, what the user is told.
        announce: whether the user is told at once of one that is refused; before the search
            begins it may be the reason why there is none.
    """

    def __init__(
        self,
        client: distributed.Client,
        session: str,
        answered: Callable[[str, Any], None],
        note: Callable[[str], None],
    ):
        self._client, self._session = client, session
        self._answered, self._note = answered, note
        self._expected = introduce()
        self._payloads: dict[str, Images | Path] = {}  # what every worker is given
        self.workers: dict[str, Worker] = {}
        self.asked: set[str] = set()
        self.refused: dict[str, str] = {}
        self.announce = False

    @contextlib.contextmanager
    def scheduler_or_lost(self) -> Iterator[None]:
        """Turns every way in which a scheduler can fail to answer into one error.

        Raises:
            SchedulerLostError: it does not answer.
        """
        try:
            yield
        except OSError as error:  # a time-out and a closed connection are of this kind
            raise SchedulerLostError(f"the scheduler does not answer ({error})") from error
        if self._client.status != "running":
            raise SchedulerLostError("the connection to the scheduler is lost")

    def identity(self) -> Any:
        """What the scheduler says of itself and its workers, asked afresh."""
        scheduler: Any = self._client.scheduler
        return self._client.sync(scheduler.identity, n_workers=-1, callback_timeout=ANSWER_SECONDS)

    def poll(self) -> list[Worker]:
        """Asks newcomers who they are, and returns the workers that have gone.

        Raises:
            SchedulerLostError: the scheduler does not answer.
        """
        with self.scheduler_or_lost():
            if self._client.status != "running":
                raise OSError("the connection is lost")
            known = self.identity()["workers"]
        gone = [self.workers.pop(address) for address in [*self.workers] if address not in known]
        for address in known.keys() - self.workers.keys() - self.refused.keys() - self.asked:
            self._ask(address, known[address])
        return gone

    def send_images(self, payloads: Mapping[str, Images | Path]) -> list[Worker]:
        """Gives images to all workers, to those that join later too; returns those lost meanwhile.

        Raises:
            SchedulerLostError: the scheduler does not answer.
            ExperimentError: a worker cannot take them.
        """
        self._payloads.update(payloads)
        with self.scheduler_or_lost():
            answers = self._client.run(
                receive_images,
                self._session,
                dict(payloads),
                workers=list(self.workers),
                on_error="return",
            )
        gone = []
        for address, answer in answers.items():
            if isinstance(answer, OSError):  # lost on the way; if it comes back, it is met anew
                gone.append(self.workers.pop(address))
            elif isinstance(answer, Exception):
                name = self.workers[address].name
                raise ExperimentError(f"worker {name} cannot take the images ({answer})")
        return gone

    def _ask(self, address: str, facts: Mapping[str, Any]) -> None:
        """Has a newcomer introduce itself and take the images, while nobody waits for it.

        It has to import its backend first.
        """
        payloads = dict(self._payloads)
        ask = functools.partial(self._client.run, workers=[address], on_error="return")

        def converse() -> None:
            try:
                answer = ask(introduce).get(address)
                if isinstance(answer, Introduction) and not answer.differs_from(self._expected):
                    answer = ask(receive_images, self._session, payloads).get(address) or answer
            except Exception as error:
                answer = error
            self._answered(address, (facts, payloads, answer))

        self.asked.add(address)
        threading.Thread(target=converse, daemon=True).start()

    def meet(
        self, address: str, facts: Mapping[str, Any], payloads: Mapping[str, Any], answer: Any
    ) -> None:
        """Takes a worker on, if it runs what this driver runs.

        Args:
            address: Dask's.
            facts: what the scheduler says of it.
            payloads: the images that it was given.
            answer: its introduction; None or an error where it gave none.
        """
        self.asked.remove(address)
        if payloads.keys() != self._payloads.keys():  # there are more images now
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
            self.workers[address] = Worker(address, answer.name, limit, nanny, answer.device)
            return
        self.refused[address] = (
            f"worker {address} is of no use: {wrong}. "
            "Every worker needs this directory and the same requirements (docs/cluster.md)"
        )
        if self.announce:
            self._note(self.refused[address])

    def recycle(self, worker: Worker) -> None:
        """Has a worker's process replaced by a new one; the nanny does it."""
        if worker.leaving or not worker.nanny:
            return
        worker.leaving = True
        threading.Thread(target=self._restart, args=(worker.address,), daemon=True).start()

    def _restart(self, address: str) -> None:
        # Lost meanwhile, it is gone all the same.
        with contextlib.suppress(OSError, KeyError):
            self._client.restart_workers([address], timeout=60, raise_for_error=False)

    def take_leave(self) -> None:
        """Has workers that live on drop this driver's session."""
        leave = threading.Thread(target=self._take_leave, daemon=True)
        leave.start()
        leave.join(FAREWELL_SECONDS)  # one that hangs would be waited for

    def _take_leave(self) -> None:
        known = [*self.workers, *self.asked]
        with contextlib.suppress(Exception):
            self._client.run(drop_session, self._session, workers=known, on_error="ignore")
