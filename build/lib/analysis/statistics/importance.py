"""Frame -> frame: which hyperparameters matter within a strategy, by a surrogate of its trials.

The surrogate is a random forest from hyperparameters and the epoch to the score less what training
for so long is worth (`without_epoch`), so that trials of every rung count. What matters is read off
it as functional analysis of variance does (Hutter, Hoos and Leyton-Brown, An Efficient Approach for
Assessing Hyperparameter Importance, ICML 2014): the spread of the mean score along one
hyperparameter, or along two less what each does alone, as a share of the spread of all. None of it
is worth more than the surrogate, which is judged first, on configurations that it has not seen.
"""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.metrics import r2_score
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import OrdinalEncoder

from analysis import formatting
from analysis.run import hyperparameters

FEWEST = 10
"""Configurations; with fewer nothing is fitted."""
MOST_ROWS = 1000
"""A forest of more trials takes longer and says no more."""
TREES = 48
FOLDS = 5
GRID = 8
"""Values along a continuous hyperparameter."""
STRONGEST = 4
"""Hyperparameters of which pairs are looked at."""
EPOCH = "(epoch)"
UNSET = "(unset)"


FITS = {
    "good": "fits well",
    "rough": "fits roughly, so read the order and not the numbers",
    "none": "does not fit, and what it says of importance is not to be trusted",
}
"""What may be said of a surrogate, by how far it can be trusted."""


@dataclasses.dataclass(frozen=True, eq=False)
class Importance:
    """What matters within one strategy.

    Attributes:
        strategy: which.
        configurations: how many were completed.
        trials: how many completed trials there are of them, one a rung.
        r2: how much of the spread of scores, less the epochs' part, the surrogate foretells for
            configurations it has not seen: 1 is all, 0 or less nothing; NaN where nothing was
            fitted.
        trust: "good" (r2 of 0.5 or more), "rough" (0.2 or more), "none".
        sentence: how well the surrogate fits, in formatting.
        main: a row a hyperparameter, the most important first: `hyperparameter`, `share` of the
            surrogate's spread along it alone, `unseen`, the R² that is lost on unseen
            configurations where its values are shuffled (about 0 or less: no sign that it matters),
            and `unseen_std` over the folds. The epoch is not among them, nor what has one value.
        pairs: a row a pair of the four that matter most, alone or with others: `one`, `other`,
            `share`, of what the two do together beyond what each does alone.
        dependence: a row a hyperparameter and value: `hyperparameter`, `value` (as it is in the
            trials, or "(unset)"), `place`, 0 for the first value, and `score`, the mean score that
            the surrogate foretells with that value, at the other values of the trials and the epoch
            to which most were trained.
    """

    strategy: str
    configurations: int
    trials: int
    r2: float
    trust: str
    sentence: str
    main: pd.DataFrame
    pairs: pd.DataFrame
    dependence: pd.DataFrame


def importance(trials: pd.DataFrame, strategy: str) -> Importance:
    """Returns which hyperparameters of a strategy matter, and how far that can be trusted.

    Args:
        trials: those of one data set.
        strategy: which. The same trials give the same answer.
    """
    done = trials[
        (trials.strategy == strategy) & (trials.status == "completed") & trials.score.notna()
    ]
    configurations = done.configuration.nunique()
    if len(done) > MOST_ROWS:
        done = done.sample(MOST_ROWS, random_state=0).sort_index()
    values, codes = encode(done)
    counts = (configurations, len(done))
    if configurations < FEWEST or codes.shape[1] < 2:
        reason = (
            f"{configurations} completed configurations are too few to say what matters "
            f"(at least {FEWEST})."
            if configurations < FEWEST
            else "No hyperparameter has more than one value."
        )
        return Importance(strategy, *counts, math.nan, "none", reason, *_nothing())
    score = without_epoch(done)
    if np.ptp(score) < 1e-9:
        reason = "All configurations score the same, so nothing can be said of what matters."
        return Importance(strategy, *counts, math.nan, "none", reason, *_nothing())
    r2, unseen = _cross_validated(codes, score, done.configuration.to_numpy())
    trust, sentence = _judged(r2, configurations)
    forest = _forest().fit(codes.to_numpy(), score)
    alone, dependence = _alone(forest, codes, values)
    total = float(np.var(forest.predict(codes.to_numpy()))) or math.nan
    main = unseen.assign(
        share=[_spread(alone[name], codes[name]) / total for name in unseen.hyperparameter]
    )[["hyperparameter", "share", "unseen", "unseen_std"]]
    main = main.sort_values("share", ascending=False, kind="stable", ignore_index=True)
    # What is lost by shuffling counts what a hyperparameter does together with others too.
    strength = (main.share + main.unseen.clip(lower=0)).nlargest(STRONGEST).index
    pairs = _together(forest, codes, alone, list(main.hyperparameter[strength]), total)
    return Importance(strategy, *counts, r2, trust, sentence, main, pairs, dependence)


def encode(trials: pd.DataFrame) -> tuple[dict[str, list[object]], pd.DataFrame]:
    """Returns hyperparameters as numbers that a tree can split.

    Args:
        trials: those of one strategy.

    Returns:
        The values of each hyperparameter that has several, ascending, numbers as numbers and
        anything else by its text, `UNSET` first where a trial has none; and a frame with a row a
        trial and a column each of these, the value's place among them, and the epoch at which the
        trial ended, last, under `EPOCH`.
    """
    wide = hyperparameters(trials)
    values: dict[str, list[object]] = {}
    columns = {}
    for name in wide.columns:
        column = wide[name]
        unset = column.map(lambda value: value is None or value is pd.NA or value != value)
        numeric = column[~unset].map(lambda value: isinstance(value, (int, float))).all()
        keys = column.map(float if numeric else str, na_action="ignore").astype(object)
        keys[unset] = -math.inf if numeric else ""
        order = sorted(set(keys))
        if len(order) < 2:
            continue
        coder = OrdinalEncoder(categories=[order])
        columns[str(name)] = coder.fit_transform(keys.to_numpy(dtype=object)[:, None])[:, 0]
        shown = dict(zip(keys[~unset], column[~unset], strict=True))
        values[str(name)] = [shown.get(key, UNSET) for key in order]
    codes = pd.DataFrame(columns, index=trials.trial_id)
    return values, codes.assign(**{EPOCH: trials.last_epoch.to_numpy(dtype=float)})


def without_epoch(trials: pd.DataFrame) -> np.ndarray:
    """Returns scores as if all had been trained equally long, to the most frequent epoch.

    What training from one rung's end to another's is worth is estimated from the configurations
    that did both (a regression with an effect of each configuration and of each epoch). The mean
    score of an epoch would not do: only the better ones get that far, and taking that away would
    hide what made them better.

    Args:
        trials: completed ones of one strategy.

    Returns:
        Shape (trials,), in the unit of the scores.
    """
    score = trials.score.to_numpy(dtype=float)
    present = pd.get_dummies(trials.last_epoch, dtype=float)
    configuration = trials.configuration.to_numpy()
    within = (present - present.groupby(configuration).transform("mean")).to_numpy()
    own = score - pd.Series(score).groupby(configuration).transform("mean").to_numpy()
    worth = np.linalg.lstsq(within, own, rcond=None)[0]
    linked = np.any(np.abs(within) > 1e-12, axis=0)
    usual = present.sum().to_numpy().argmax()
    adjusted = score - present.to_numpy() @ np.where(linked, worth - worth[usual], 0.0)
    # An epoch whose configurations did no other: its mean is all there is to go by.
    for column in np.flatnonzero(~linked & (np.arange(len(linked)) != usual)):
        at = present.to_numpy()[:, column] == 1
        adjusted[at] += adjusted[present.to_numpy()[:, usual] == 1].mean() - adjusted[at].mean()
    return adjusted


def _forest() -> RandomForestRegressor:
    return RandomForestRegressor(TREES, min_samples_leaf=2, max_features=0.7, random_state=0)


def _cross_validated(
    codes: pd.DataFrame, score: np.ndarray, configuration: np.ndarray
) -> tuple[float, pd.DataFrame]:
    """Returns R² and importance by permutation, both on configurations that are left out."""
    everything = codes.to_numpy()
    foretold = np.empty(len(score))
    lost = []
    names = [name for name in codes.columns if name != EPOCH]
    for learn, test in GroupKFold(FOLDS, shuffle=True, random_state=0).split(
        everything, score, configuration
    ):
        forest = _forest().fit(everything[learn], score[learn])
        foretold[test] = forest.predict(everything[test])
        found = permutation_importance(
            forest, everything[test], score[test], n_repeats=2, random_state=0,
            scoring="neg_mean_squared_error",
        )  # fmt: skip
        lost.append(found.importances_mean[: len(names)])
    share = np.array(lost) / float(np.var(score))
    return float(r2_score(score, foretold)), pd.DataFrame(
        {
            "hyperparameter": names,
            "unseen": share.mean(axis=0),
            "unseen_std": share.std(axis=0, ddof=1),
        }
    )


def _grid(column: pd.Series) -> np.ndarray:
    """Returns at most `GRID` of a column's values, its quantiles where it has more."""
    distinct = np.unique(column)
    if len(distinct) <= GRID:
        return distinct
    return np.unique(np.quantile(distinct, np.linspace(0, 1, GRID), method="nearest"))


def _alone(
    forest: RandomForestRegressor, codes: pd.DataFrame, values: dict[str, list[object]]
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], pd.DataFrame]:
    """Returns (grid, mean score) along each hyperparameter, and the same as a frame."""
    alone = {}
    rows = []
    for place, name in enumerate(values):
        grid = _grid(codes[name])
        mean = _mean_score(forest, codes, [place], [grid])
        alone[name] = (grid, mean)
        rows += [
            (name, values[name][int(code)], rank, float(score))
            for rank, (code, score) in enumerate(zip(grid, mean, strict=True))
        ]
    columns = ["hyperparameter", "value", "place", "score"]
    return alone, pd.DataFrame(rows, columns=columns)


def _mean_score(
    forest: RandomForestRegressor, codes: pd.DataFrame, places: list[int], grids: list[np.ndarray]
) -> np.ndarray:
    """Returns the forest's mean prediction on the product of the grids."""
    found = partial_dependence(
        forest, codes.to_numpy(), places, method="recursion", kind="average",
        custom_values=dict(zip(places, grids, strict=True)),
    )  # fmt: skip
    return np.asarray(found["average"][0])


def _weights(grid: np.ndarray, column: pd.Series) -> np.ndarray:
    """Returns the share of the trials that lie nearest to each grid value."""
    nearest = np.abs(column.to_numpy()[:, None] - grid).argmin(axis=1)
    return np.bincount(nearest, minlength=len(grid)) / len(column)


def _spread(alone: tuple[np.ndarray, np.ndarray], column: pd.Series) -> float:
    grid, mean = alone
    weights = _weights(grid, column)
    return float(weights @ (mean - weights @ mean) ** 2)


def _together(
    forest: RandomForestRegressor,
    codes: pd.DataFrame,
    alone: dict[str, tuple[np.ndarray, np.ndarray]],
    names: list[str],
    total: float,
) -> pd.DataFrame:
    """Returns the share of the surrogate's spread that each pair has beyond its two parts."""
    places = {name: place for place, name in enumerate(alone)}
    rows = []
    for one, other in itertools.combinations(names, 2):
        (grid, first), (rest, second) = alone[one], alone[other]
        both = _mean_score(forest, codes, [places[one], places[other]], [grid, rest])
        w, v = _weights(grid, codes[one]), _weights(rest, codes[other])
        alike = both - first[:, None] - second[None]
        alike = alike - w @ alike @ v
        rows.append((one, other, float(w @ alike**2 @ v) / total))
    frame = pd.DataFrame(rows, columns=["one", "other", "share"])
    return frame.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def _judged(r2: float, configurations: int) -> tuple[str, str]:
    """Returns how far the surrogate can be trusted, as a word and a sentence."""
    trust = "good" if r2 >= 0.5 else "rough" if r2 >= 0.2 else "none"
    return trust, (
        f"From {configurations} configurations, the surrogate foretells "
        f"{max(100 * r2, 0):.0f} % of how the scores of configurations it has not seen differ "
        f"beyond what longer training is worth (cross-validated R² {formatting.decimal(r2)}): "
        f"it {FITS[trust]}."
    )


def _nothing() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    return (
        pd.DataFrame(columns=["hyperparameter", "share", "unseen", "unseen_std"]),
        pd.DataFrame(columns=["one", "other", "share"]),
        pd.DataFrame(columns=["hyperparameter", "value", "place", "score"]),
    )
