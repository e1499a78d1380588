"""How often a search looks at who leads, and what each look costs. Values alone.

After `iterations` searches of each strategy more follow, as many again in every round, for those
that may still be the best (`search.contenders`). Whoever looks L times, each time at 5 %, errs more
often than that. So every look has the same lower level, at which all of them together err in 5 % of
experiments (Pocock, Group sequential methods in the design and analysis of clinical trials,
Biometrika 64, 1977).
"""

from __future__ import annotations

# Of 1, 2, ... looks: 2 (1 - Phi(c)) for Pocock's constants c (Jennison and Turnbull, Group
# Sequential Methods, 2000, table 2.1, alpha = 0.05).
LEVELS = (0.05, 0.0294, 0.0221, 0.0182, 0.0158, 0.0142, 0.0130, 0.0120, 0.0112, 0.0106)


def rounds(first: int, most: int) -> tuple[int, ...]:
    """Returns how many searches a strategy has had at each look.

    Args:
        first: at the first.
        most: at the last; fewer than `first` are as many.

    >>> rounds(3, 9), rounds(3, 3), rounds(3, 8)
    ((3, 6, 9), (3,), (3, 6, 8))
    """
    return (*range(first, most, first), max(first, most))


def level(first: int, most: int) -> float:
    """Returns the level of each look, for 5 % in all.

    >>> level(3, 9), level(3, 3)
    (0.0221, 0.05)
    """
    return LEVELS[len(rounds(first, most)) - 1]
