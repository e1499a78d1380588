"""Arrays -> intervals and tests. What is known of a strategy, and of the gap between two.

Two things vary when an experiment is repeated: the seed of the training and the images that happen
to be in the test split. Both are in every interval here, as in Bouthillier et al., Accounting for
Variance in Machine Learning Benchmarks (MLSys 2021), who show that either alone is too narrow.

**The bootstrap.** Images are resampled with replacement, the same ones for every strategy. Seeds
are not: of three there are but ten different samples with replacement, their variance is a third
too small and their tails are cut, and an interval from seeds and images resampled alike (Owen's
pigeonhole bootstrap, Annals of Applied Statistics 1, 2007) held the truth in 90 of 100 simulated
experiments with three seeds that differ much. So the seeds' part of each draw is a parametric
bootstrap's: a Student t of n − 1 degrees of freedom times s/√n, which is exact for seeds alone.

What one seed makes of one image by chance is in the spread over seeds and again in that over
images, and counts once when it is taken out of one, or partly of each. The split is free, so it was
calibrated: a quarter out of the seeds' variance and the rest out of the images' gave 95 % intervals
that held the truth in 94 to 96.5 % of simulated experiments, for 3, 5 and 10 seeds, 300 to 10,000
images, and seeds that differ from not at all to much (two seeds: 90 to 94 %). All of it out of the
images' gave 95 to 97.6 %, all out of the seeds' 92 to 96 %, and the t interval of `difference`, for
one strategy, 94 to 98.6 %.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

CONFIDENCE = 0.95
LEVEL = 0.05  # what a difference is told from chance by, where it is looked at once
DRAWS = 4000
LEAST_P = 1e-12  # that is told from 0
SEEDS_SHARE = 0.25
"""How much of what is counted twice is taken out of the seeds' variance; see above."""


class Estimate(NamedTuple):
    """A number with its interval; NaN where the interval or p cannot be known.

    Attributes:
        value: the estimate.
        low: the interval's lower end.
        high: the interval's upper end.
        p: the probability of a value at least so far from 0 if the truth were 0.
    """

    value: float
    low: float
    high: float
    p: float


def unknown(value: float) -> Estimate:
    """Returns a number of which nobody knows how sure it is.

    >>> unknown(0.5).value
    0.5
    """
    return Estimate(value, math.nan, math.nan, math.nan)


Term = tuple[float, float]  # the variance of a part of an estimate, and its degrees of freedom


def estimate(
    value: float, replicates: Sequence[Term], images: Term = (0.0, math.inf), level: float = LEVEL
) -> Estimate:
    """Returns a t interval and test for an estimate that varies with replicates and with images.

    The parts that vary from replicate to replicate make one, whose degrees of freedom are
    Satterthwaite's, V² / Σ(Vₖ² / νₖ) (Biometrics Bulletin 2, 1946): Welch's test, for two samples.
    Between it and the images' part Cochran's rule holds (Biometrics 20, 1964): the quantile is the
    mean of both parts' quantiles, weighted by their variances. Three searches leave two degrees of
    freedom and the images hundreds, and over all parts alike Satterthwaite's rule told two equal
    strategies apart in up to 8 of 100 simulated experiments, where this one does in 3 to 6.

    Args:
        value: the estimate.
        replicates: of each sample's mean. A variance that nothing is known of is NaN, and then so
            are the interval and p.
        images: of the images that happen to be in the test split.
        level: the interval misses the truth with this probability.

    >>> found = estimate(0.5, [(0.01, 9.0)])
    >>> round(found.low, 2), round(found.high, 2)
    (0.27, 0.73)
    """
    own = sum(variance for variance, _ in replicates)
    variance = own + images[0]
    if math.isnan(value) or math.isnan(variance):
        return unknown(value)
    if variance == 0:
        return Estimate(value, value, value, float(value == 0))
    parts = [images] if images[0] > 0 else []
    if own > 0:
        parts.append((own, own**2 / sum(term**2 / nu for term, nu in replicates if term > 0)))
    weights = [term / variance for term, _ in parts]
    freedoms = [freedom for _, freedom in parts]

    def quantile(alpha: float) -> float:
        return float(np.dot(weights, stats.t.isf(alpha / 2, freedoms)))

    error = math.sqrt(variance)
    reach, far, p = quantile(level) * error, abs(value) / error, LEAST_P
    if far < quantile(LEAST_P):
        p = float(optimize.brentq(lambda alpha: quantile(alpha) - far, LEAST_P, 1.0))
    return Estimate(value, value - reach, value + reach, p)


def variance_of_mean(values: np.ndarray) -> tuple[float, float]:
    """Returns (s²/n, n − 1) for a sample (n,); the variance is NaN for fewer than two values.

    >>> variance_of_mean(np.array([1.0, 3.0]))
    (1.0, 1.0)
    """
    count = len(values)
    return (float(np.var(values, ddof=1)) / count if count > 1 else math.nan), float(count - 1)


def variance_over_images(scores: np.ndarray, least: float) -> tuple[float, float]:
    """Returns `variance_of_mean` for the test images, never zero.

    Two images are added that score as low and as high as an image can, as Agresti and Caffo
    (American Statistician 54, 2000) and Agresti and Min (2005, for pairs) add to proportions:
    twelve images that are all classified correctly do not show that every image will be.

    Args:
        scores: shape (test images,).
        least: the lowest score that an image can have; 1 is the highest.

    >>> variance_over_images(np.ones(2), least=0.0)
    (0.0625, 3.0)
    """
    return variance_of_mean(np.append(scores, [least, 1.0]))


def interaction(correct: np.ndarray) -> float:
    """Returns the part of the mean's variance that is one seed's chance with one image.

    The mean square of what is left of (seeds, images) when the means of both are taken out, over
    their product; NaN for a single seed.

    Args:
        correct: whether a seed classifies an image correctly, shape (seeds, test images).

    >>> interaction(np.array([[1, 0], [0, 1]]))  # all that differs is which seed has which image
    0.25
    """
    seeds, images = correct.shape
    if seeds < 2 or images < 2:
        return math.nan
    share = correct.mean(axis=0)
    # Taking out both means: Σ r² = Σ within images − images × Σ (seed means)².
    within = float(np.square(correct, dtype=float).sum() - seeds * np.square(share).sum())
    between = images * float(np.var(correct.mean(axis=1)) * seeds)
    return max(within - between, 0.0) / ((seeds - 1) * (images - 1)) / (seeds * images)


def resampled_means(scores: np.ndarray, draws: int, generator: np.random.Generator) -> np.ndarray:
    """Returns the means of images drawn with replacement, the same images for every strategy.

    `scipy.stats.bootstrap` has the same distribution, but holds every image of every draw for
    every strategy at once: 3.5 GB for eleven strategies and 10,000 images. Here a draw is how often
    it has each distinct row.

    Args:
        scores: shape (test images, strategies).
        draws: how many samples.
        generator: where randomness comes from.

    Returns:
        Shape (draws, strategies).

    >>> resampled_means(np.ones((5, 2)), 3, np.random.default_rng(0)).shape
    (3, 2)
    """
    rows, place, counts = np.unique(scores, axis=0, return_inverse=True, return_counts=True)
    size = len(scores)
    means = np.empty((draws, scores.shape[1]))
    step = max(1, 2**21 // size)
    for start in range(0, draws, step):
        number = min(step, draws - start)
        if len(rows) < 50:  # faster than image by image, and the same distribution
            often = generator.multinomial(size, counts / size, number)
        else:
            drawn = place[generator.integers(0, size, (number, size))]
            offset = len(rows) * np.arange(number)[:, None]
            often = np.bincount((drawn + offset).ravel(), minlength=number * len(rows))
            often = often.reshape(number, len(rows))
        means[start : start + number] = often @ rows / size
    return means


def bootstrap(
    correct: Sequence[np.ndarray], generator: np.random.Generator, draws: int = DRAWS
) -> np.ndarray:
    """Draws the accuracies that strategies may truly have, over seeds and test images together.

    The head of this file says how. As in `variance_over_images`, two images are added, one that
    every strategy gets right and one that none does. (Of a metric that is no share they are two
    images among hundreds, and a little caution.)

    Args:
        correct: for each strategy whether a seed classifies an image correctly, shape (seeds, the
            same test images); there may be more seeds of one strategy than of another.
        generator: where randomness comes from.
        draws: how many.

    Returns:
        Shape (draws, strategies); a column of NaN for a strategy with a single seed. Not cut off
        at 0 and 1.

    >>> generator = np.random.default_rng(0)
    >>> correct = generator.random((3, 500)) < 0.8  # three seeds, 500 images
    >>> drawn = bootstrap([correct], generator)
    >>> drawn.shape, abs(drawn.mean() - correct.mean()) < 0.01
    ((4000, 1), np.True_)
    """
    shares = np.stack([found.mean(axis=0) for found in correct], axis=1)
    pool = np.concatenate([shares, np.zeros_like(shares[:1]), np.ones_like(shares[:1])])
    drawn = resampled_means(pool, draws, generator) - pool.mean(axis=0)
    for k, found in enumerate(correct):
        over_images, _ = variance_of_mean(pool[:, k])
        over_seeds, freedom = variance_of_mean(found.mean(axis=1))
        if math.isnan(over_seeds):
            drawn[:, k] = math.nan
            continue
        twice = interaction(found)
        kept = max(1 - (1 - SEEDS_SHARE) * twice / over_images, 0.0)
        drawn[:, k] *= math.sqrt(kept)
        own = math.sqrt(max(over_seeds - SEEDS_SHARE * twice, 0.0))
        drawn[:, k] += generator.standard_t(freedom, draws) * own
        drawn[:, k] += found.mean()
    return drawn


def percentiles(drawn: np.ndarray, ends: tuple[float, float] = (0.0, 1.0)) -> np.ndarray:
    """Returns the 95 % intervals of scores drawn, shape (2, strategies).

    Args:
        drawn: what `bootstrap` returns, shape (draws, strategies).
        ends: the lowest and the highest that can be, where they are cut off.

    >>> percentiles(np.linspace(0.5, 1.5, 1001)[:, None]).T
    array([[0.525, 1.   ]])
    """
    tail = (1 - CONFIDENCE) / 2
    return np.clip(np.quantile(drawn, [tail, 1 - tail], axis=0), *ends)


def difference(correct: np.ndarray, other: np.ndarray, level: float = LEVEL) -> Estimate:
    """Estimates how much more accurate one strategy is than another.

    The variance is s²/n of the replicates of each, plus the variance over test images of the
    difference of the mean correctness, over their number: both saw the same images, so these are
    paired. Replicates are not, though searches share a split: both finalists are trained on all
    images, and all that the split decides is which configuration is chosen. To pair three searches
    costs half the degrees of freedom. The images' term holds some of the replicates' noise too,
    which errs on the side of caution. A bootstrap has no p smaller than one over its draws, too
    coarse to be corrected for many pairs; hence t.

    Args:
        correct: how well a replicate does on an image, 0 to 1, shape (replicates, test images).
        other: the same for the other strategy, with the same images.
        level: the interval misses the truth with this probability.

    >>> found = difference(np.array([[1, 1, 1], [1, 1, 0]]), np.array([[0, 1, 0], [0, 1, 0]]))
    >>> round(found.value, 2), found.low < 0 < found.high
    (0.5, True)
    """
    replicates = [variance_of_mean(found.mean(axis=1)) for found in (correct, other)]
    images = variance_over_images(correct.mean(axis=0) - other.mean(axis=0), -1.0)
    return estimate(float(correct.mean() - other.mean()), replicates, images, level)


def lead(correct: np.ndarray, fixed: np.ndarray) -> Estimate:
    """Estimates how much more accurate a strategy is than a classifier that never varies.

    Args:
        correct: as for `difference`.
        fixed: whether the classifier is right, shape (test images,).

    >>> lead(np.ones((3, 50)), np.zeros(50)).low > 0.9
    True
    """
    images = variance_over_images(correct.mean(axis=0) - fixed, -1.0)
    replicates = [variance_of_mean(correct.mean(axis=1))]
    return estimate(float(correct.mean() - fixed.mean()), replicates, images)


def holm(p: np.ndarray) -> np.ndarray:
    """Returns Holm's corrected p values, shape (tests,); NaN stays NaN and counts as no test.

    A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979): the smallest p times m, the next times m − 1, and so on, never falling and at most 1.

    Args:
        p: shape (tests,).

    >>> holm(np.array([0.01, 0.5, 0.02, np.nan]))
    array([0.03, 0.5 , 0.04,  nan])
    """
    corrected = np.full(len(p), np.nan)
    known = np.flatnonzero(~np.isnan(p))
    order = known[np.argsort(p[known], kind="stable")]
    scaled = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(scaled), 1.0) if len(order) else scaled
    return corrected


def for_looks(p: np.ndarray, level: float) -> np.ndarray:
    """Returns p values corrected for several looks: below 0.05 where they were below the level.

    Args:
        p: shape (tests,).
        level: of each look (`Experiment.level`).

    >>> for_looks(np.array([0.01, 0.9]), level=0.025)
    array([0.02, 1.  ])
    """
    return np.minimum(p * LEVEL / level, 1.0)


POWER = 0.8
MOST_REPLICATES = 100


def more_replicates(correct: np.ndarray, other: np.ndarray, level: float = LEVEL) -> float:
    """Returns how many more replicates would tell two apart, if they differ as they seem to.

    With that many, the test of `difference` would find them apart in 80 of 100 experiments. The
    replicates' spread and what one of them makes of one image shrink with their number; the images'
    spread does not, and where that hides the difference no number is enough. A plan and no
    measurement: the true gap may well be smaller than the one that was seen.

    Args:
        correct: how well a replicate does on an image, 0 to 1, shape (replicates, test images).
        other: the same for the other strategy, with the same images.
        level: below which p tells them apart.

    Returns:
        At least 1; infinite where more than 100 would be needed, NaN where a strategy has a
        single one.

    >>> same = np.tile([1, 0], (3, 50))
    >>> more_replicates(same, same)
    inf
    """
    gap = abs(float(correct.mean() - other.mean()))
    of_each = [variance_of_mean(found.mean(axis=1))[0] * len(found) for found in (correct, other)]
    if math.isnan(sum(of_each)):
        return math.nan
    share = correct.mean(axis=0) - other.mean(axis=0)
    over_images, freedom = variance_over_images(share, -1.0)
    noise = [interaction(found) for found in (correct, other)]
    lasting = max(over_images - sum(noise), 0.0)
    shrinking = sum(part * len(found) for part, found in zip(noise, (correct, other), strict=True))
    have = min(len(correct), len(other))
    number = np.arange(have + 1, have + MOST_REPLICATES + 1)
    terms = [variance / number for variance in of_each] + [lasting + shrinking / number]
    degrees = [*([number - 1] * len(of_each)), np.full(len(number), freedom)]
    variance = sum(terms)
    if gap == 0 or not np.all(variance > 0):
        return math.inf if gap == 0 else 1.0
    nu = variance**2 / sum(term**2 / df for term, df in zip(terms, degrees, strict=True))
    needed = stats.t.isf(level / 2, nu)
    power = stats.nct.sf(needed, nu, gap / np.sqrt(variance))
    enough = np.flatnonzero(power >= POWER)
    return float(enough[0] + 1) if len(enough) else math.inf
