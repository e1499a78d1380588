"""Under each figure: how to read it, and what this run's numbers show in it."""

from __future__ import annotations

import pandas as pd

from analysis.words import amount, label, listing, percent, plural, points


def accuracy(summary: pd.DataFrame) -> str:
    """Describes the figure of accuracy by strategy from its frame (most accurate first)."""
    shown = summary.dropna(subset="mean")
    text = ["The large mark is the mean of the seeds, each small dot one seed."]
    if shown.low.notna().any():
        text.append("The bar is the mean's 95 % interval over seeds and test images.")
    first, last = str(shown.index[0]), str(shown.index[-1])
    if len(shown) > 1:
        text.append(
            f"From {label(first)} ({percent(shown['mean'][first])}) to {label(last)} "
            f"({percent(shown['mean'][last])}) it is "
            f"{points(shown['mean'][first] - shown['mean'][last])} percentage points."
        )
    if shown["std"].notna().any():
        widest = str(shown["std"].idxmax())
        span = points(shown["max"][widest] - shown["min"][widest])
        text.append(
            f"Seeds differ most for {label(widest)}: {span} points between the worst and the best."
        )
    return " ".join(text)


def validation(standing: pd.DataFrame) -> str:
    """Describes the figure of validation accuracy by strategy, drawn where there are no finals."""
    first = str(standing.score.idxmax())
    text = (
        "Each mark is the best configuration so far, on the validation images and one seed: "
        "no test result, and not a fair comparison while some were trained for longer than others."
    )
    return f"{text} {label(first)} is highest, with {percent(standing.score[first])}."


def learning_curves(epochs: pd.DataFrame, best: dict[str, str]) -> str:
    """Describes the learning curves by who leads at the first epoch and who at the last."""
    leading = epochs[epochs.configuration.isin(best.values())].dropna(subset="val_accuracy")
    text = [
        "A thin line is one configuration, the thick one the best of its strategy; grey are the "
        "best of the others."
    ]
    if leading.empty:
        return text[0]
    ends = [leading[leading.epoch == epoch] for epoch in (leading.epoch.min(), leading.epoch.max())]
    (start, end) = (rows.loc[rows.val_accuracy.idxmax()] for rows in ends)
    if leading.strategy.nunique() == 1 or start.epoch == end.epoch:
        text.append(
            f"{label(end.strategy)} stands at {percent(end.val_accuracy)} after "
            f"{plural(int(end.epoch), 'epoch')}."
        )
    elif start.strategy == end.strategy:
        text.append(
            f"Of the best, {label(end.strategy)} leads both after "
            f"{plural(int(start.epoch), 'epoch')} ({percent(start.val_accuracy)}) and after "
            f"{int(end.epoch)} ({percent(end.val_accuracy)})."
        )
    else:
        text.append(
            f"Of the best, {label(start.strategy)} leads after "
            f"{plural(int(start.epoch), 'epoch')} ({percent(start.val_accuracy)}), "
            f"{label(end.strategy)} after {int(end.epoch)} ({percent(end.val_accuracy)}): "
            "stopping early would have picked another."
        )
    return " ".join(text)


def cost(costs: pd.DataFrame) -> str:
    """Describes accuracy against cost by the strategies that none other beats in both."""
    text = ["Up is more accurate, left is cheaper."]
    if costs.spread.notna().any():
        text.append("The bar is the standard deviation over seeds.")
    if len(costs) == 1:
        only = costs.iloc[0]
        text.append(f"{label(str(costs.index[0]))} needs {amount(only.multiply_adds)}.")
        return " ".join(text)
    front = pareto_front(costs)
    names = [
        f"{label(name)} ({amount(costs.multiply_adds[name])}, {percent(costs.accuracy[name])})"
        for name in front
    ]
    if len(front) == 1:
        text.append(f"{names[0]} is both the cheapest and the most accurate.")
    else:
        text.append(
            f"Each of these is more accurate than everything cheaper: {listing(names)}. "
            "The others cost more and gain nothing."
            if len(front) < len(costs)
            else f"Every step in cost buys accuracy: {listing(names)}."
        )
    return " ".join(text)


def pareto_front(costs: pd.DataFrame) -> list[str]:
    """Returns the strategies, cheapest first, that are more accurate than everything cheaper."""
    ordered = costs.sort_values(
        ["multiply_adds", "accuracy"], ascending=[True, False], kind="stable"
    )
    before = ordered.accuracy.cummax().shift(fill_value=-1.0)
    return [str(name) for name in ordered.index[ordered.accuracy > before]]
