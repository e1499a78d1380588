"""Under each figure: how to read it, and what this run's numbers show in it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.budgets import on_front
from analysis.words import amount, label, listing, percent, plural, points


def accuracy(summary: pd.DataFrame) -> str:
    """Describes the figure of accuracy by strategy from its frame (most accurate first)."""
    shown = summary.dropna(subset="mean")
    one = (shown.seeds == 1).all()
    text = [
        "Each mark is a single seed, so nothing shows how far another would differ."
        if one
        else "The large mark is the mean, each small dot one seed."
    ]
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
    several = leading.strategy.nunique() > 1
    text = [
        "A thin line or dot is one configuration, the thick line the best of its strategy"
        + ("; grey are the best of the others." if several else ".")
    ]
    if leading.empty:
        return text[0]
    ends = [leading[leading.epoch == epoch] for epoch in (leading.epoch.min(), leading.epoch.max())]
    (start, end) = (rows.loc[rows.val_accuracy.idxmax()] for rows in ends)
    if not several or start.epoch == end.epoch:
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


READINGS = (
    "Left, the image in the colours of its timesteps, dark for the first and light for the last. "
    "Beside it each image as the sequence that the LSTM reads: time runs from left to right, and "
    "a column holds the pixels that one timestep stands for (striped where others have more). "
    "Measured on the untrained model of the best configuration: a pixel counts for the timestep "
    "that it changes most. Where convolutions or sweeps come first, a timestep also sees the "
    "pixels around."
)


def classes(shares: pd.DataFrame, there: int) -> str:
    """Describes accuracy by class and strategy.

    Args:
        shares: classes by strategies, the most accurate strategy first.
        there: how many classes there are, shown or not.
    """
    text = ["A cell is the share of a class's test images that are named correctly, in percent."]
    if len(shares) < there:
        text.append(
            f"Shown are the {len(shares)} of {there} classes in which strategies differ most."
        )
    leaders = shares.idxmax(axis=1)
    hardest = str(shares.iloc[:, 0].idxmin())
    first = str(shares.columns[0])
    text.append(
        f"{label(first)} is highest in {int((leaders == first).sum())} of these "
        f"{plural(len(shares), 'class', 'classes')} and finds {hardest} hardest "
        f"({percent(float(shares.iloc[:, 0].min()))})."
    )
    return " ".join(text)


def confusion(best: str, shown: int, there: int) -> str:
    """Describes the confusion matrix."""
    text = (
        "A row is a true class, a column what it was named, in percent of the class over all "
        "seeds: off the diagonal are the mistakes."
    )
    if shown < there:
        text += f" Shown are the {shown} of {there} classes that {label(best)} confuses most."
    return text


def mistakes(best: str, shown: int, wrong: int, seeds: int) -> str:
    """Describes the images that the best strategy gets wrong."""
    how = "the one seed names" if seeds == 1 else f"most of the {seeds} seeds name"
    start = f"The first {shown} of the" if shown < wrong else "The"
    return f"{start} {plural(wrong, 'test image')} that {how} wrongly, with {label(best)}."


def comparison(scores: pd.DataFrame) -> str:
    """Describes mean test accuracy by strategy (rows) and run (columns)."""
    text = ["A line is a strategy, a mark its mean test accuracy in one run."]
    known = scores.dropna()
    if len(known) and scores.shape[1] > 1:
        spread = known.max(axis=1) - known.min(axis=1)
        steady, wide = str(spread.idxmin()), str(spread.idxmax())
        text.append(
            f"From run to run {label(wide)} differs most ({points(spread[wide])} points), "
            f"{label(steady)} least ({points(spread[steady])})."
        )
    return " ".join(text)


def critical_difference(cliques: Sequence[Sequence[str]], needed: float) -> str:
    """Describes the diagram of mean ranks."""
    text = (
        "A mark is a strategy's mean rank. Two differ, beyond what chance explains (Nemenyi's test "
        f"at 5 % over all pairs), where they lie further apart than {needed:.2f}."
    )
    if not cliques:
        return f"{text} All do."
    groups = [listing([label(name) for name in group]) for group in cliques]
    return f"{text} A thick bar below joins those that do not: {'; '.join(groups)}."


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
            "By their means, each of these is more accurate than everything cheaper: "
            f"{listing(names)}. The others cost more without a higher mean."
            if len(front) < len(costs)
            else f"By their means, every step in cost buys accuracy: {listing(names)}."
        )
    return " ".join(text)


def pareto_front(costs: pd.DataFrame) -> list[str]:
    """Returns the strategies, cheapest first, that are more accurate than everything cheaper."""
    best = on_front(costs.multiply_adds.to_numpy(), costs.accuracy.to_numpy())
    # Of equals the first stands for all.
    front = costs[best].drop_duplicates(["multiply_adds", "accuracy"])
    return [str(name) for name in front.sort_values("multiply_adds").index]
