"""Under each figure: how to read it, and what this run's numbers show in it."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis.formatting import clean, label, listing, percent, plural, points
from analysis.statistics.importance import Importance


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
        "A mark is a strategy's mean rank, 1 if it is the most accurate everywhere. Two differ, "
        "beyond what chance explains (Nemenyi's test at 5 % over all pairs), where they lie "
        f"further apart than {needed:.2f}."
    )
    if not cliques:
        return f"{text} All do."
    groups = [listing([label(name) for name in group]) for group in cliques]
    return f"{text} A thick bar below joins those that do not: {'; '.join(groups)}."


def front(points: pd.DataFrame, seeds: bool) -> str:
    """Describes accuracy against each cost by who is on the front.

    Args:
        points: what `budgets.pareto` returns.
        seeds: whether the spread over seeds is drawn.
    """
    text = ["Up is more accurate, left is cheaper."]
    if seeds:
        text.append("A bar is the standard deviation over seeds.")
    names = list(dict.fromkeys(points.sort_values("accuracy", ascending=False).strategy))
    if len(names) == 1:
        return " ".join(text)
    text.append(
        "The line is the front: what no other strategy beats in accuracy and in this cost at once, "
        "by their means."
    )
    on = points.groupby("strategy").front
    always, ever = on.all(), on.any()
    every = [label(name) for name in names if always[name]]
    never = [label(name) for name in names if not ever[name]]
    several = points.cost.nunique() > 1
    if every:
        text.append(f"On {'every front' if several else 'it'}: {listing(every)}.")
    if never:
        text.append(f"On {'none' if several else 'it not'}: {listing(never)}.")
    return " ".join(text)


def dependence(result: Importance) -> str:
    """Describes partial dependence by the hyperparameter that matters most."""
    name = str(result.main.hyperparameter.iloc[0])
    along = result.dependence[result.dependence.hyperparameter == name]
    best = along.value.iloc[int(along.score.argmax())]
    value = f"{best:.2g}" if isinstance(best, float) else str(best)
    rise = points(along.score.max() - along.score.min())
    return (
        f"{label(result.strategy)}: what the surrogate foretells with each value, at the other "
        f"values of the trials. Along {clean(name, 30)} it differs by {rise} points; best is "
        f"at {clean(value, 30)}."
    )
