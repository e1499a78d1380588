"""What a search will do where nobody said: how long its trainings are, and how many there are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping
from typing import Any

from search.epochs import (
    MORE,
    affordable,
    batch_size,
    costly,
    dearest,
    full_training,
    short_trial,
    steps_per_epoch,
)
from search.experiment import Experiment, ExperimentError
from search.hyperband import brackets
from search.looks import LEVELS
from search.wording import flag

SEARCHES, FINAL_SEEDS = 5, 2
"""Of each strategy, and of each finalist, unless a budget asks for fewer."""

LOOKS = 2
"""At who may be the best: so many times as many searches, at most, of those."""

COSTLY_SEARCHES, COSTLY_FINAL_SEEDS = 3, 1
"""The same where trainings are costly: fewer than three searches give no verdict, and the evidence
is in the searches."""

SEEDS_OF_ONE = 3
"""Where there are fewer searches than three, which are all the evidence there is."""

SOME, FEW = 27, 9
"""Configurations of a search, and where its trials are cut short for their cost.

On recorded curves (docs/benchmarks.md, "What a search tries") searches of 27 name the right
strategy on both data sets, where searches of 12 do in seven of ten on one; and the spread between
searches falls faster than their cost grows."""

EXTENDABLE = (
    *("strategies", "iterations", "most_iterations", "max_epochs", "min_epochs", "configurations"),
    *("final_epochs", "final_seeds", "budget"),
)
"""The fields of which a run may be asked for more, once it has been made."""


def planned(
    experiment: Experiment,
    automatic: Collection[str],
    images: int,
    pixels: int,
    validated: int = 0,
) -> Experiment:
    """Returns an experiment with what was left to the data.

    Args:
        experiment: what was asked for.
        automatic: which of `batch_size`, `steps_per_epoch`, `max_epochs`, `min_epochs`,
            `configurations`, `final_epochs`, `iterations`, `most_iterations`, `final_seeds` and
            `max_multiply_adds` are to be chosen.
        images: how many there are to train on.
        pixels: of an image.
        validated: how many there are to validate on, from which finals learn, too.

    Raises:
        ExperimentError: the shortest trainings would be longer than the longest, or the most
            iterations fewer than the first, or too many.

    >>> chosen = planned(Experiment("digits", ("lines",)), ["max_epochs", "min_epochs"], 1150, 64)
    >>> chosen.max_epochs, chosen.min_epochs
    (81, 3)
    """
    longest, shortest, batch = experiment.max_epochs, experiment.min_epochs, experiment.batch_size
    first, most = experiment.iterations, experiment.most_iterations
    seeds = experiment.final_seeds
    if "batch_size" in automatic:
        batch = batch_size(images, pixels)
    part = experiment.steps_per_epoch
    if "steps_per_epoch" in automatic:
        part = steps_per_epoch(images, batch)
    seen = dataclasses.replace(experiment, batch_size=batch, steps_per_epoch=part).images_of_epoch
    full, longest_affordable = full_training(seen(images), batch), affordable(seen(images), pixels)
    dear = costly(seen(images), pixels, batch)
    if "iterations" in automatic:
        usual = COSTLY_SEARCHES if dear else SEARCHES
        first = usual if "most_iterations" in automatic else min(usual, most)
    if "most_iterations" in automatic:
        # One search speaks of its designs, and more for some would not change that.
        most = first if first == 1 or dear else LOOKS * first
    if "final_seeds" in automatic:
        several = COSTLY_FINAL_SEEDS if dear else FINAL_SEEDS
        seeds = several if first >= COSTLY_SEARCHES else SEEDS_OF_ONE
    last, limit = experiment.final_epochs, experiment.max_multiply_adds
    cut = full > longest_affordable
    if "max_epochs" in automatic:
        longest = short_trial(longest_affordable) if cut else full
        if "min_epochs" not in automatic:
            longest = max(longest, shortest)
        if "final_epochs" in automatic and cut:
            whole = full_training(seen(images + validated), batch)
            last = min(whole, MORE * longest_affordable)
        if "max_multiply_adds" in automatic and cut:
            limit = dearest(pixels)
    if "min_epochs" in automatic:
        # Where trials are cut short for their cost, fewer configurations are tried, too.
        shortest = max(1, longest // experiment.factor ** (1 if cut else 3))
    configurations = experiment.configurations
    if "configurations" in automatic:
        configurations = FEW if cut else SOME
    chosen = dataclasses.replace(
        experiment,
        batch_size=batch,
        steps_per_epoch=part,
        max_epochs=longest,
        min_epochs=shortest,
        configurations=configurations,
        final_epochs=last,
        iterations=first,
        most_iterations=most,
        final_seeds=seeds,
        max_multiply_adds=limit,
    )
    check_plan(chosen)
    return chosen


def brackets_of(experiment: Experiment) -> dict[int, tuple[brackets.Rung, ...]]:
    """Returns the brackets of each search, and their rungs.

    >>> [rungs[0].size for rungs in brackets_of(Experiment("digits", ("lines",))).values()]
    [9, 5, 3]
    """
    return brackets.plan(*bracket_arguments(experiment))


def bracket_arguments(experiment: Experiment) -> tuple[int, int, int, int | None]:
    """Returns what `brackets.plan` takes of an experiment.

    >>> bracket_arguments(Experiment("digits", ("lines",), configurations=12))
    (9, 3, 1, 12)
    """
    only = experiment.in_one_bracket
    return experiment.max_epochs, experiment.factor, experiment.min_epochs, only


def check_plan(experiment: Experiment, unknown: Collection[str] = ()) -> None:
    """Refuses what contradicts itself.

    Args:
        experiment: what is to be done.
        unknown: fields whose values are not chosen yet.

    Raises:
        ExperimentError: the shortest trainings would be longer than the longest, or the most
            iterations fewer than the first, or too many.
    """
    shortest, longest = experiment.min_epochs, experiment.max_epochs
    if shortest > longest and not {"min_epochs", "max_epochs"} & {*unknown}:
        raise ExperimentError(
            f"--min-epochs {shortest} is more than --max-epochs {longest}: give fewer"
        )
    if {"iterations", "most_iterations"} & {*unknown}:
        return
    first, most = experiment.iterations, experiment.most_iterations
    if most < first:
        raise ExperimentError(
            f"--most-iterations {most} is less than --iterations {first}: give more"
        )
    if most > first * len(LEVELS):
        raise ExperimentError(
            f"--most-iterations {most} is more than {len(LEVELS)} times --iterations {first}: "
            "give fewer"
        )


def extended(experiment: Experiment, given: Mapping[str, Any]) -> Experiment:
    """Returns an experiment of which more is asked; what is not given stays, chosen or asked for.

    Args:
        experiment: what was asked for.
        given: fields of it, of `EXTENDABLE`, with their new values.

    Raises:
        ExperimentError: that would be no more, or less of something.

    >>> extended(Experiment("digits", ("lines",)), {"iterations": 3}).most_iterations
    3
    """
    # Without another, the budget by which the plan was chosen has been spent.
    larger = dataclasses.replace(experiment, **{"budget": None, **given})
    most = max(larger.iterations, larger.most_iterations)  # fewer than the first are as many
    larger = dataclasses.replace(larger, most_iterations=most)
    if all(getattr(experiment, name) == value for name, value in given.items()):
        raise ExperimentError(
            f"nothing that the run does not have: give more of {', '.join(map(flag, EXTENDABLE))}"
        )
    if missing := [name for name in experiment.strategies if name not in larger.strategies]:
        raise ExperimentError(
            f"--strategies leaves out {', '.join(missing)}, and a run is only made larger: "
            "name them, too"
        )
    less: dict[str, tuple[float, float]] = {
        "final_epochs": (experiment.epochs_of_finals, larger.epochs_of_finals),
        "budget": (experiment.budget or 0, larger.budget or 0),
    }
    for name in ("iterations", "most_iterations", "max_epochs", "final_seeds"):
        less[name] = getattr(experiment, name), getattr(larger, name)
    for name, (before, now) in less.items():
        if now < before and name in given:
            raise ExperimentError(
                f"{flag(name)} {now:g} is less than the run has, and a run is only made larger: "
                f"give {before:g} or more"
            )
    check_plan(larger)
    there, wanted = map(_first_rungs, (experiment, larger))
    if len(wanted) < len(there) or sum(wanted) < sum(there):
        raise ExperimentError(
            f"with --min-epochs {larger.min_epochs} and --configurations "
            f"{larger.configurations} fewer would be tried than the run has, and a run is only "
            "made larger: give fewer of those, or more of these"
        )
    return larger


def _first_rungs(experiment: Experiment) -> list[int]:
    """How many configurations each bracket starts."""
    return [rungs[0].size for rungs in brackets_of(experiment).values()]


def epochs_in_words(experiment: Experiment, images: int, validated: int = 0) -> str:
    """Says how long the trainings are, and what it means where they are short.

    >>> epochs_in_words(Experiment("digits", ("lines",), max_epochs=81, min_epochs=9), 1150)
    '1,150 images to train on in batches of 64, 18 steps an epoch: trials of 9 to 81 epochs'
    """
    steps = math.ceil(experiment.images_of_epoch(images) / experiment.batch_size)
    full = experiment.full_training(images + validated)
    last = experiment.epochs_of_finals
    epochs = [*dict.fromkeys([experiment.min_epochs, experiment.max_epochs])]
    said = (
        f"{images:,} images to train on in batches of {experiment.batch_size}, "
        f"{steps:,} step{'s' if steps > 1 else ''} an epoch"
        f"{of_a_pass(experiment, images)}: "
        f"trials of {' to '.join(map(str, epochs))} epoch{'s' if epochs[-1] > 1 else ''}"
    )
    if last != experiment.max_epochs:
        said += f", finals of {last}"
    if experiment.max_multiply_adds:
        said += f", models of at most {experiment.max_multiply_adds:,} multiply-adds"
    if last < full:
        said += f"; a full training has {full}, so this shows who learns fast, not who is best"
    return said


def plan_in_words(experiment: Experiment, seconds: float) -> str:
    """Says what a budget is spent on.

    >>> asked = Experiment("digits", ("lines",), budget=3, iterations=3, most_iterations=9)
    >>> plan_in_words(asked, 150)
    'plan: 3 to 9 searches of each strategy, 3 final trainings of each finalist: some 2.5 minutes'
    """
    least, most = experiment.iterations, max(experiment.iterations, experiment.most_iterations)
    searches = f"{least}" if least == most else f"{least} to {most}"
    seeds = experiment.final_seeds
    images = f", {experiment.train_limit:,} images" if experiment.train_limit else ""
    return (
        f"plan: {searches} search{'es' if most > 1 else ''} of each strategy, "
        f"{seeds} final training{'s' if seeds > 1 else ''} of each finalist{images}: "
        f"some {seconds / 60:.1f} minutes"
    )


def instead(shorter: Experiment, of: Experiment) -> str:
    """Says what a shorter plan has less of.

    >>> plan = Experiment("digits", ("lines",), max_epochs=81, min_epochs=3, iterations=3)
    >>> instead(dataclasses.replace(plan, final_epochs=27, final_seeds=1), of=plan)
    'finals of 27 epochs instead of 81, 1 final training instead of 3'
    """

    def parts(plan: Experiment) -> dict[str, str]:
        least, most = plan.min_epochs, plan.max_epochs
        images, models = plan.train_limit, plan.max_multiply_adds
        return {
            "{} images": f"{images:,}" if images else "all",
            "{} searches of a strategy": f"{max(plan.iterations, plan.most_iterations)}",
            "trials of {} epochs": f"{least} to {most}" if least < most else f"{most}",
            "finals of {} epochs": f"{plan.epochs_of_finals}",
            "{} final training" + "s" * (plan.final_seeds != 1): f"{plan.final_seeds}",
            "models of {} multiply-adds": f"at most {models:,}" if models else "any number of",
        }

    before = parts(of).values()
    return ", ".join(
        f"{words.format(now)} instead of {then}"
        for (words, now), then in zip(parts(shorter).items(), before, strict=True)
        if now != then
    )


def of_a_pass(experiment: Experiment, images: int) -> str:
    """Says what part of a pass an epoch is, where it is none.

    >>> of_a_pass(Experiment("mnist", ("lines",), steps_per_epoch=250), 48_000)
    ', a third of a pass'
    """
    share = experiment.images_of_epoch(images) / images
    if share == 1:
        return ""
    parts = {1 / 2: "half", 1 / 3: "a third", 1 / 4: "a quarter"}
    near = next((said for part, said in parts.items() if abs(share - part) < 0.02), None)
    return f", {near or f'{100 * share:.0f} %'} of a pass"
