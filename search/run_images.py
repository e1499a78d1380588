"""The images of a run: new, or those that it had, read as then."""

from __future__ import annotations

import itertools
from pathlib import Path

from search.data.datasets import Dataset, load_dataset
from search.data.locate import NAMES
from search.data.membership import Member
from search.experiment import Experiment, ExperimentError
from search.store import Store


def read_images(experiment: Experiment, store: Store | None) -> Dataset:
    """Reads the images that an experiment asks for.

    Args:
        experiment: what is asked for.
        store: the run that goes on; None for a new one.

    Raises:
        ExperimentError: they cannot be used, or are others than when the run began.
    """
    if store is None:
        return load_dataset(experiment)
    if experiment.dataset not in NAMES and not Path(experiment.dataset).exists():
        raise ExperimentError(
            f"{experiment.dataset} is gone, from which the run reads its images: put it back there"
        )
    known = [{key: row[key] for key in Member._fields} for row in store.members()]
    members = [Member(**row) for row in known]
    dataset = load_dataset(experiment, members, store.finals_begun)
    facts = dataset.facts()
    for row, column in itertools.product(
        store.rows("datasets"), ("reading", "parts", "class_names")
    ):
        before, now = row[column], facts[column]
        if before not in (None, now):  # an older run may not say
            raise ExperimentError(
                f"the images would be read otherwise than when the run began ({column} {before}, "
                f"and now {now}): put back what was there then, or begin a new run"
            )
    return dataset
