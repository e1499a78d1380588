"""What a verdict does not show, whatever it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from analysis.formatting import clean, listing, plural
from analysis.report.elements import Section
from analysis.report.findings import Findings


def section(found: Findings) -> Section | None:
    """Returns what was held fixed; nothing before the test."""
    if found.tested.empty or found.unfinished:
        return None
    run = found.run
    asked = run.experiment
    tried = run.trials.groupby("strategy").configuration.nunique()
    searches = run.trials.groupby("strategy").iteration.nunique()
    count = between(int(tried.min()), int(tried.max()))
    had = plural(int(searches.max()), "search", "searches")
    if searches.min() < searches.max():
        had = f"{between(int(searches.min()), int(searches.max()))} searches"
    images = (run.datasets.train_images + run.datasets.validation_images).dropna()
    full = asked.full_training(int(images.iloc[0])) if len(images) else 0
    last = asked.epochs_of_finals
    later = f", and the finalists for {last}" if last != asked.max_epochs else ""
    short = f", where a full training has {full}: who learns fast is ahead" if last < full else ""
    costly = (
        f" Models of more than {asked.max_multiply_adds:,} multiply-adds were not drawn."
        if asked.max_multiply_adds
        else ""
    )
    prose = [
        "One data set: on other images another strategy may be the best.",
        "One space: each strategy was searched within its own choices (docs/strategies.md), and "
        f"what lies outside was not tried.{costly}",
        f"This budget: {had} of each strategy, {count} configurations in all, trained for at "
        f"most {plural(asked.max_epochs, 'epoch')}{later}{short}.",
        "One test split: the intervals count that it has few images, and not that it may differ "
        "from the images that the model will meet.",
        *extensions(run.about),
    ]
    return Section("limits", "What this does not show", prose)


def extensions(about: Mapping[str, Any]) -> list[str]:
    """Returns what was asked for once the test had been seen; nothing where all was before.

    >>> extensions({})
    []
    """
    made = [extension for extension in about.get("extended", []) if extension["tested"]]
    if not made:
        return []
    said = [f"on {clean(each['when'][:10])} by {listing(changed(each))}" for each in made]
    return [
        f"It was extended after its test had been seen: {', then '.join(said)}. Whoever goes on "
        "because of what a test has said errs more often than the level of 5 % says."
    ]


def changed(extension: Mapping[str, Any]) -> list[str]:
    """Returns what an extension asked for, each with what there was before.

    >>> changed({"before": {"max_epochs": 27}, "after": {"max_epochs": 81}})
    ['max epochs 81 instead of 27']
    """
    before, after = extension["before"], extension["after"]
    return [
        f"{clean(name).replace('_', ' ')} {value(after[name])} instead of {value(before.get(name))}"
        for name in after
    ]


def value(field: Any) -> str:
    """Returns a field of an experiment in words.

    >>> value(["lines", "patches"]), value(60.0), value(None)
    ('lines and patches', '60', 'none')
    """
    if isinstance(field, list):
        return listing([clean(each) for each in field])
    return f"{field:g}" if isinstance(field, float) else clean(field or "none")


def between(least: int, most: int) -> str:
    """Returns a range of whole numbers.

    >>> between(3, 9), between(3, 3)
    ('3 to 9', '3')
    """
    return f"{least}" if least == most else f"{least} to {most}"
