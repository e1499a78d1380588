"""Who may still be the best, by validation."""

from __future__ import annotations

import numpy as np
import pytest

from search.contenders import contenders, p_better


def test_who_is_beaten_beyond_chance_is_out_whatever_the_order():
    near, far = [0.90, 0.91, 0.92], [0.50, 0.51, 0.52]
    assert contenders({"a": near, "b": far, "c": near}, 0.05) == ("a", "c")
    assert contenders({"b": far, "c": near, "a": near}, 0.05) == ("c", "a")
    assert contenders({"a": near}, 0.05) == ("a",)
    assert contenders({}, 0.05) == ()


def test_a_noisy_leader_shields_nobody():
    noisy, steady, behind = [0.75, 0.95, 0.999], [0.89, 0.9, 0.91], [0.70, 0.71, 0.72]
    assert p_better(noisy, behind) * 4 > 0.05
    assert contenders({"noisy": noisy, "steady": steady, "behind": behind}, 0.05) == (
        "noisy",
        "steady",
    )


def test_of_whom_too_little_is_known_nobody_is_out_and_of_whom_nothing_is_he_is():
    assert contenders({"a": [0.9], "b": [0.1, 0.11, 0.12], "c": []}, 0.05) == ("a", "b")
    assert contenders({"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0]}, 0.05) == ("a", "b")
    assert contenders({"a": [1.0, 1.0, 1.0], "b": [0.5, 0.5, 0.5]}, 0.05) == ("a",)


@pytest.mark.parametrize("level", [0.05, 0.0221])
def test_the_best_is_seldom_out(level):
    """Of five equals any one is out in at most so many of a hundred experiments."""
    generator = np.random.default_rng(0)
    out = np.zeros(5)
    for _ in range(1000):
        scores = {f"s{k}": generator.normal(0.9, 0.02, 3).tolist() for k in range(5)}
        left = contenders(scores, level)
        out += [name not in left for name in scores]
    assert (out / 1000 <= level).all()
