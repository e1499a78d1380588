"""Made-up trials and epochs as frames: what a search comes to, without a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd


def search(
    configurations: int = 9,
    seed: int = 0,
    strategies: Sequence[str] = ("a", "b"),
    agreement: float = 1.0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Returns trials and epochs of one bracket of 1, 3 and 9 epochs.

    Args:
        configurations: in the first rung; a third goes on each time.
        seed: of the draws.
        strategies: names.
        agreement: 1 where the order never changes, 0 where each rung's is new.
    """
    generator = np.random.default_rng(seed)
    rows, curves = [], []
    for name in strategies:
        quality = generator.random(configurations)
        alive = np.arange(configurations)
        for rung, (first, last) in enumerate(((0, 1), (1, 3), (3, 9))):
            luck = generator.random(configurations)
            score = 0.1 * rung + 0.5 * (agreement * quality + (1 - agreement) * luck)
            for slot in alive:
                trial_id = f"{name}-{rung}-{slot}"
                rows.append(
                    {
                        "trial_id": trial_id, "strategy": name, "configuration": f"{name}-{slot}",
                        "status": "completed", "score": score[slot], "val_loss": 0.5,
                        "first_epoch": first, "last_epoch": last,
                        "train_seconds": 2.0 * (last - first), "setup_seconds": 1.0,
                        "multiply_adds": 100.0, "started": len(rows), "finished": len(rows) + 0.5,
                    }
                )  # fmt: skip
                curves += [{"trial_id": trial_id, "epoch": e + 1} for e in range(first, last)]
            alive = alive[np.argsort(-score[alive], kind="stable")][: len(alive) // 3]
    return pd.DataFrame(rows), pd.DataFrame(curves)
