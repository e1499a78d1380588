"""Where and how a run is worked off."""

from __future__ import annotations

import dataclasses

from search.fields import option
from search.validation import Count, Number


@dataclasses.dataclass(frozen=True)
class Execution:
    """Where and how a run is worked off. No answer follows from it, so a resume may change it.

    Attributes:
        workers: how many on this machine; None for as many as it has processors, or GPUs.
        workers_per_gpu: how many share a GPU.
        cluster: the address of a Dask scheduler whose workers are used instead.
        shared_dir: a directory that driver and workers all see, through which images and models
            travel; None for the scheduler.
        worker_memory: gigabytes that a worker on this machine may hold; None for its share.
        retries: how often a trial or a final starts again because its worker was lost, before it
            has failed.
        trial_timeout: minutes after which a trial or a final has failed; None for any number.
        checkpoint_every: minutes after which a trial's or a final's model is kept on the way.
        dashboard: whether Dask's own is served.
    """

    workers: Count | None = option(
        "count_or_auto",
        "worker processes on this machine; 1 trains in this process (default: auto, one for each "
        "processor, or for each GPU)",
        metavar="N|auto",
    )
    workers_per_gpu: Count = option("count", "how many share a GPU", 1, metavar="K")
    cluster: str | None = option(
        "text",
        "use the workers of a running Dask scheduler, such as tcp://10.0.0.1:8786",
        metavar="ADDRESS",
    )
    shared_dir: str | None = option(
        "text",
        "a directory that all workers see: images and models travel through it "
        "(default: through the scheduler)",
        metavar="DIR",
    )
    worker_memory: float | None = option(
        "gigabytes",
        "what a worker on this machine may hold (default: its share of the memory)",
        metavar="GB",
    )
    retries: Number = option(
        "count",
        "how often a trial or a final whose worker was lost starts again, before it has failed",
        2,
        metavar="N",
    )
    trial_timeout: float | None = option(
        "minutes", "a trial or a final that takes longer has failed", metavar="MINUTES"
    )
    checkpoint_every: float = option(
        "minutes",
        "keep the model of a long trial or final on the way, at the end of an epoch",
        10.0,
        metavar="MINUTES",
    )
    dashboard: bool = option("flag", "serve Dask's own dashboard", False)
