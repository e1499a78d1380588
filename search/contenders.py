"""Validation scores of searches -> who may still be the best. A pure function.

It decides who is searched more, and claims nothing: the verdict comes from the test, which nobody
sees before all searches are over.
"""

from __future__ import annotations

import itertools
import math
import statistics
import warnings
from collections.abc import Mapping, Sequence

from scipy import stats

MARGIN = 10
"""By how much p must be lower here than in the verdict. The test sees other images and seeds: whom
validation had only just told from the best, it might not, with searches left that nobody made."""


def contenders(scores: Mapping[str, Sequence[float]], level: float) -> tuple[str, ...]:
    """Returns the strategies that may be the best, in the order given.

    One is out when another is better beyond chance: by Welch's test over their searches, with
    Bonferroni's correction for the others, as the verdict judges the test, and with a margin.

    Args:
        scores: strategy to the validation score of each of its searches' finalists; more is better.
            One without a score is out.
        level: the probability of a mistake that is allowed for.

    >>> contenders({"a": [0.9, 0.91, 0.92], "b": [0.88, 0.93, 0.9], "c": [0.1, 0.12, 0.11]}, 0.05)
    ('a', 'b')
    """
    found = {name: values for name, values in scores.items() if len(values)}
    out = {
        other
        for one, other in itertools.permutations(found, 2)
        if MARGIN * 2 * p_better(found[one], found[other]) * (len(found) - 1) < level
    }
    return tuple(name for name in found if name not in out)


def p_better(one: Sequence[float], other: Sequence[float]) -> float:
    """Returns p of a test whether one is better than the other: 1 where nobody knows.

    >>> p_better([0.9], [0.1])
    1.0
    """
    if min(len(one), len(other)) < 2 or statistics.fmean(one) <= statistics.fmean(other):
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of scores that are all the same
        p = float(stats.ttest_ind(one, other, equal_var=False, alternative="greater").pvalue)
    return 1.0 if math.isnan(p) else p
