"""How the configurations that came from designs fared against those that were drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from analysis.formatting import NOTHING, clean, listing, p_value, percent, plural, value
from analysis.report.elements import Section, Table
from analysis.report.findings import Findings
from analysis.run import Run
from analysis.statistics.comparisons import SIGNIFICANT
from analysis.statistics.warm_start import WarmStart, fates, warm_start


def section(found: Findings) -> Section | None:
    """How the initial configurations fared; nothing where the search was given none."""
    run = found.run
    if not run.experiment.initial:
        return None
    frame = fates(run).assign(translated=lambda frame: frame.translated.map(_translated))
    rows = [_cells(row, run) for row in frame.to_dict("records")]
    columns = [
        *("strategy", "initial configuration from", f"validation {run.experiment.objective.label}"),
        *("random starts", "place", "trained to epoch", "finalist", "translated"),
    ]
    note = (
        f"Validation {run.experiment.objective.label} at the end of the first rung, of the initial "
        "configuration and the median of the random starts beside it; its place among them all; "
        "how far it was promoted in the end; whether its strategy's best configuration is this "
        "one; and what had to be changed for these images."
    )
    table = Table("warm-start", columns, rows, note=note, frame=frame)
    title = "How the initial configurations fared"
    return Section("warm-start", title, sentences(warm_start(run), run), [table])


def _cells(row: dict[Any, Any], run: Run) -> list[str]:
    place = NOTHING if math.isnan(row["place"]) else f"{row['place']:.0f} of {row['of']:.0f}"
    return [
        run.label(row["strategy"]),
        clean(row["origin"].rpartition("/")[2], 60),  # without the folders above
        run.experiment.objective.in_words(row["score"]),
        run.experiment.objective.in_words(row["random_starts"]),
        place,
        NOTHING if math.isnan(row["reached"]) else f"{row['reached']:.0f}",
        "yes" if row["finalist"] is True else "no",
        clean(row["translated"], 200) or NOTHING,
    ]


def _translated(values: Mapping[str, tuple[object, object]]) -> str:
    """Returns what was changed, "units 48 → 32" and the like."""
    return ", ".join(
        f"{name} {value(old)} \N{RIGHTWARDS ARROW} {'none' if new is None else value(new)}"
        for name, (old, new) in values.items()
    )


def sentences(found: WarmStart, run: Run) -> list[str]:
    """Returns in words how the initial configurations fared, and how sure that is.

    Args:
        found: how they fared.
        run: the run that it is of, for its names.
    """
    if math.isnan(found.share):
        return [
            f"{plural(found.given, 'configuration')} came from designs. There is no random start "
            "yet that ended the same rung, so nothing to compare them with."
        ]
    chance = (
        "That is more than chance explains" if found.p < SIGNIFICANT else "Chance explains that"
    )
    given = plural(found.ended, "initial configuration")
    strategies = plural(len(found.strategies), "strategy", "strategies")
    won = listing([run.label(name) for name in found.won]) or "none"
    return [
        "At the end of the rung in which they started (epoch "
        f"{listing([str(epoch) for epoch in found.epochs], 'or')}), a configuration that came from "
        f"a design scored higher than a random start beside it in {percent(found.share, 0)} of "
        f"pairs; 50 % would say that it makes no difference. {chance} ({p_value(found.p)}, "
        f"exchanging {given} and {plural(found.random_starts, 'random start')} within their "
        "strategies). Each was trained once, and judged on the validation images.",
        f"The best configuration is an initial one in {len(found.won)} of {strategies} with a warm "
        f"start ({won}); if any configuration were as likely to be the best, "
        f"{found.expected:.1f} would be expected.",
    ]
