"""Frame -> frame: what the finals say by strategy, and which differences are more than chance.

Two things vary when an experiment is repeated: the seed of the training and the images that happen
to be in the test split. Both are in every interval here, as in Bouthillier et al., Accounting for
Variance in Machine Learning Benchmarks (MLSys 2021), who show that either alone is too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

CONFIDENCE = 0.95


class Estimate(NamedTuple):
    """A number with its 95 % interval; NaN where the interval or p cannot be known.

    Attributes:
        value: the estimate.
        low: the interval's lower end.
        high: the interval's upper end.
        p: the probability of a value at least so far from 0 if the truth were 0.
        freedom: the degrees of freedom of the t distribution that they come from.
    """

    value: float
    low: float
    high: float
    p: float
    freedom: float


def estimate(value: float, terms: Sequence[tuple[float, float]]) -> Estimate:
    """Returns a t interval and test for an estimate whose variance is a sum of independent terms.

    The degrees of freedom are Satterthwaite's, V² / Σ(Vₖ² / νₖ) (An approximate distribution of
    estimates of variance components, Biometrics Bulletin 2, 1946). With the two terms s²/n of two
    samples this is Welch's test.

    Args:
        value: the estimate.
        terms: (variance, degrees of freedom) of each part of the estimate's variance. A variance
            that nothing is known of is NaN, and then so are the interval and p.
    """
    variance = sum(term for term, _ in terms)
    if math.isnan(value) or math.isnan(variance):
        return Estimate(value, math.nan, math.nan, math.nan, math.nan)
    if variance == 0:
        return Estimate(value, value, value, float(value == 0), math.inf)
    freedom = variance**2 / sum(term**2 / degrees for term, degrees in terms if term > 0)
    error = math.sqrt(variance)
    reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Estimate(value, value - reach, value + reach, p, freedom)


def variance_of_mean(values: np.ndarray) -> tuple[float, float]:
    """Returns (s²/n, n − 1) for a sample (n,); the variance is NaN for fewer than two values."""
    count = len(values)
    return (float(np.var(values, ddof=1)) / count if count > 1 else math.nan), float(count - 1)


def variance_over_images(scores: np.ndarray, least: float) -> tuple[float, float]:
    """Returns `variance_of_mean` for the test images, never zero.

    Two images are added that score as low and as high as an image can, as Agresti and Caffo
    (American Statistician 54, 2000) and Agresti and Min (2005, for pairs) add to proportions:
    twelve images that are all named correctly do not show that every image will be.

    Args:
        scores: shape (test images,).
        least: the lowest score that an image can have; 1 is the highest.
    """
    return variance_of_mean(np.append(scores, [least, 1.0]))


def mean_accuracy(seeds: np.ndarray, images: np.ndarray) -> Estimate:
    """Estimates a strategy's accuracy over seeds and test images together.

    Args:
        seeds: test accuracy of each seed, shape (seeds,).
        images: share of the seeds that name each test image's class, shape (test images,).
    """
    value = float(np.mean(seeds)) if len(seeds) else math.nan
    return estimate(value, [variance_of_mean(seeds), variance_over_images(images, 0.0)])


def difference(
    seeds: np.ndarray, other_seeds: np.ndarray, images: np.ndarray, other_images: np.ndarray
) -> Estimate:
    """Estimates how much more accurate one strategy is than another.

    The variance is s²/n of the seeds of each, plus the variance over test images of the difference
    of the mean correctness, over their number: both saw the same images, so these are paired. The
    images' term holds some of the seeds' noise too, which errs on the side of caution.

    Args:
        seeds: test accuracy of each seed, shape (seeds,).
        other_seeds: the same for the other strategy.
        images: share of the seeds that name each test image's class, shape (test images,).
        other_images: the same for the other strategy.
    """
    terms = [variance_of_mean(seeds), variance_of_mean(other_seeds)]
    return estimate(
        float(np.mean(seeds) - np.mean(other_seeds)),
        [*terms, variance_over_images(images - other_images, -1.0)],
    )


def holm(p: np.ndarray) -> np.ndarray:
    """Returns Holm's corrected p values, shape (tests,); NaN stays NaN and counts as no test.

    A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979): the smallest p times m, the next times m − 1, and so on, never falling and at most 1.
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return corrected


def image_scores(finals: pd.DataFrame, labels: np.ndarray | None) -> pd.DataFrame:
    """Returns how often each test image's class was named.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None where nobody knows.

    Returns:
        A frame with a row a test image and a column a strategy: the share of the completed seeds
        that are right. A column of NaN where labels or predictions are missing.
    """
    shares = {}
    unknown = np.full(1 if labels is None else len(labels), np.nan)
    for strategy, rows in _completed(finals).groupby("strategy", sort=False):
        known = labels is not None and all(
            found is not None and len(found) == len(labels) for found in rows.predictions
        )
        right = [found == labels for found in rows.predictions] if known else [unknown]
        shares[strategy] = np.mean(right, axis=0)
    return pd.DataFrame(shares)


def by_strategy(
    finals: pd.DataFrame, labels: np.ndarray | None, strategies: Sequence[str]
) -> pd.DataFrame:
    """Summarises the finals of one data set.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed.

    Returns:
        A frame indexed by strategy, most accurate first and untested last, with test accuracies in
        [0, 1]: `mean`, `std` over seeds (NaN for one seed), `min`, `max`, the 95 % interval `low`
        to `high`, and the numbers of completed `seeds` and of `failed` ones.
    """
    images = image_scores(finals, labels)
    rows = []
    for strategy in strategies:
        mine = finals[finals.strategy == strategy]
        seeds = _seeds(mine)
        row: dict[str, float] = {
            "seeds": len(seeds),
            "failed": int((mine.status == "failed").sum()),
        }
        if len(seeds):
            mean = mean_accuracy(seeds, images[strategy].to_numpy())
            # A t interval does not know that an accuracy ends at 0 and 1.
            low, high = np.clip([mean.low, mean.high], 0.0, 1.0)
            row |= {"mean": mean.value, "min": seeds.min(), "max": seeds.max()}
            row |= {"low": low, "high": high}
            row |= {"std": float(np.std(seeds, ddof=1)) if len(seeds) > 1 else math.nan}
        rows.append(row)
    columns = ["mean", "std", "min", "max", "low", "high", "seeds", "failed"]
    frame = pd.DataFrame(rows, index=pd.Index(strategies, name="strategy"), columns=columns)
    return frame.sort_values("mean", ascending=False, kind="stable", na_position="last")


def against_best(
    finals: pd.DataFrame, labels: np.ndarray | None, strategies: Sequence[str]
) -> pd.DataFrame:
    """Compares the strategy with the highest mean test accuracy with each of the others.

    Args:
        finals: the rows of one data set.
        labels: the test images' classes, shape (test images,), or None.
        strategies: every strategy that competed; of equal means the first here counts as the best.

    Returns:
        A frame indexed by strategy, without the best and the untested, most accurate first. It
        has `best`, its name; `difference`, this strategy's accuracy minus the best's (at most 0);
        the 95 % interval `low` to `high` of this one comparison; `p`, corrected by Holm for all the
        comparisons; `apart`: whether they can be told apart (p below 0.05). Interval and p are NaN
        where a strategy has a single seed, and then `apart` is False.
    """
    seeds = {name: _seeds(finals[finals.strategy == name]) for name in strategies}
    names = sorted((n for n in strategies if len(seeds[n])), key=lambda n: -seeds[n].mean())
    columns = ["strategy", "best", "difference", "low", "high", "p"]
    rows: list[tuple[object, ...]] = []
    if names:
        images = image_scores(finals, labels)
        best = names[0]
        for name in names[1:]:
            found = difference(
                seeds[name], seeds[best], images[name].to_numpy(), images[best].to_numpy()
            )
            rows.append((name, best, *found[:4]))
    frame = pd.DataFrame(rows, columns=columns).set_index("strategy")
    corrected = holm(frame.p.to_numpy(dtype=float))
    return frame.assign(p=corrected, apart=corrected < 1 - CONFIDENCE)


def _completed(finals: pd.DataFrame) -> pd.DataFrame:
    return finals[(finals.status == "completed") & finals.test_accuracy.notna()]


def _seeds(finals: pd.DataFrame) -> np.ndarray:
    return _completed(finals).test_accuracy.to_numpy(dtype=float)
