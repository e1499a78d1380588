"""How well did runs tell how long they would still take?

    python run_search.py … --out RUN > RUN.log
    python -m benchmarks.forecasts RUN [RUN ...]

Beside each run lies what it printed, as RUN.log. What it said of the time left, when 5, 25 and 50 %
of its time had passed, is held against what was left then, finals and report included. A run that
was stopped in between tells nothing.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from search.store import Store

SHARES = (0.05, 0.25, 0.5)
SECONDS = {"min": 60.0, "h": 3600.0, "days": 86400.0}
LINE = re.compile(r"^\[(\d+)/\d+\] .*, (?:~([\d.]+) (min|h|days)|(under a minute)) left$", re.M)
EXPECTED = re.compile(r"^expected: (?:~([\d.]+) (min|h|days)|(under a minute))", re.M)


class Told(NamedTuple):
    """What a run said of the time left, and when.

    Attributes:
        trial: how many trials had ended.
        seconds: that were left, it said.
    """

    trial: int
    seconds: float


def seconds_of(number: str, unit: str) -> float:
    """Returns the seconds of so many minutes, hours or days; half a minute of none.

    >>> seconds_of("1.5", "h"), seconds_of("", "")
    (5400.0, 30.0)
    """
    return float(number) * SECONDS[unit] if number else SECONDS["min"] / 2


def told(log: str) -> list[Told]:
    """Returns what was said with each trial.

    >>> told("[3/9] lines epoch 1: validation accuracy 9.0 %, 1.4 s, ~8 min left")
    [Told(trial=3, seconds=480.0)]
    """
    return [
        Told(int(trial), seconds_of(number, unit)) for trial, number, unit, _ in LINE.findall(log)
    ]


def errors(
    said: Sequence[Told], finished: Sequence[float], began: float, ended: float
) -> list[float | None]:
    """Returns by how much of what was left it was wrong, at each of `SHARES`; None after the last.

    Args:
        said: what was said with each trial.
        finished: when the trials ended, in order.
        began: when the run did.
        ended: when it did.
    """
    found: list[float | None] = []
    for share in SHARES:
        at = began + share * (ended - began)
        later = [one for one in said if finished[one.trial - 1] >= at]
        if not later:
            found.append(None)
            continue
        left = ended - finished[later[0].trial - 1]
        found.append((later[0].seconds - left) / left)
    return found


def row(path: Path) -> str:
    """Returns the row of a run in Markdown."""
    store, log = Store(path), path.with_name(f"{path.name}.log").read_text(encoding="utf-8")
    (session,) = store.rows("sessions")
    began, ended = session["started"], session["ended"]
    finished = sorted(trial.finished for trial in store.trials() if trial.finished is not None)
    cells = [
        "none" if error is None else f"{100 * error:+.0f}"
        for error in errors(told(log), finished, began, ended)
    ]
    first = EXPECTED.search(log)
    expected = f"{seconds_of(first[1], first[2]) / 60:.0f}" if first else "none"
    return f"| {path.name} | {(ended - began) / 60:.1f} | {expected} | {' | '.join(cells)} |"


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("runs", nargs="+", type=Path)
    shares = " | ".join(f"at {100 * share:.0f} %" for share in SHARES)
    print(f"| run | took, min | expected beforehand, min | {shares}: off by, % |")
    print(f"| :--- | ---: | ---: |{' ---: |' * len(SHARES)}")
    for path in parser.parse_args().runs:
        print(row(path))


if __name__ == "__main__":
    main()
