"""How well do runs tell how long they will still take?

    python -m benchmarks.forecasts record FILE --out RUN OPTIONS    # of run_search.py
    python -m benchmarks.forecasts table FILE [FILE ...]

A record holds a line a run: what it said of the time left, and when. It is held against what was
left then, report included, when 5, 25 and 50 % of the run's time had passed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

PROGRAM = Path(__file__).resolve().parents[1] / "run_search.py"
SHARES = (0.05, 0.25, 0.5)
SECONDS = {"min": 60.0, "h": 3600.0, "days": 86400.0}
DURATION = r"(?:~(?P<number>[\d.]+) (?P<unit>min|h|days)|under a minute)"
LEFT = re.compile(rf"^(?:\[|final ).*, {DURATION} left$")
EXPECTED = re.compile(rf"^expected: {DURATION}")


@dataclasses.dataclass(frozen=True)
class Told:
    """What a run said.

    Attributes:
        command: its options.
        took: its seconds.
        expected: the seconds that it expected before the first trial; None where it did not say.
        left: (when, in seconds from its start; how many seconds it said were left) pairs.
    """

    command: Sequence[str]
    took: float
    expected: float | None
    left: Sequence[tuple[float, float]]


def seconds_in(found: re.Match[str]) -> float:
    """Returns the seconds of what was said; half a minute of less than one."""
    number, unit = found["number"], found["unit"]
    return float(number) * SECONDS[unit] if number else SECONDS["min"] / 2


def told(command: Sequence[str], lines: Iterable[tuple[float, str]], took: float) -> Told:
    """Returns what a run said, from its lines and when each came.

    >>> said = [(7.0, "expected: ~2 min, search ~1 min"), (9.5, "[1/9] lines: 9.0 %, ~2 min left")]
    >>> told([], said, took=100.0)
    Told(command=[], took=100.0, expected=120.0, left=[(9.5, 120.0)])
    """
    expected, left = None, []
    for when, line in lines:
        if found := EXPECTED.match(line):
            expected = seconds_in(found)
        elif found := LEFT.match(line):
            left.append((when, seconds_in(found)))
    return Told(command, took, expected, left)


def errors(one: Told) -> list[float | None]:
    """Returns by how much of what was left it was wrong, at each of `SHARES`; None after the last.

    >>> errors(Told([], took=100.0, expected=None, left=[(10.0, 99.0), (40.0, 75.0)]))
    [0.1, 0.25, None]
    """
    found: list[float | None] = []
    for share in SHARES:
        later = [(when, said) for when, said in one.left if when >= share * one.took]
        left = one.took - later[0][0] if later else 0.0
        found.append((later[0][1] - left) / left if left else None)
    return found


def record(file: Path, options: Sequence[str]) -> None:
    """Runs a search, shows what it says, and adds it to a record."""
    began = time.monotonic()
    lines = []
    command = [sys.executable, "-u", str(PROGRAM), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as search:
        assert search.stdout is not None
        for line in search.stdout:
            lines.append((round(time.monotonic() - began, 1), line.rstrip("\n")))
            print(line, end="", flush=True)
    if search.returncode:
        raise SystemExit(f"the search ended with code {search.returncode}: nothing is recorded")
    one = told(options, lines, round(time.monotonic() - began, 1))
    with file.open("a", encoding="utf-8") as out:
        out.write(json.dumps(dataclasses.asdict(one)) + "\n")


def table(runs: Iterable[Told]) -> str:
    """Returns the errors in Markdown."""
    shares = " | ".join(f"at {100 * share:.0f} %" for share in SHARES)
    lines = [
        f"| run | took, min | expected, min | {shares}: off by, % |",
        f"| :--- | ---: | ---: |{' ---: |' * len(SHARES)}",
    ]
    for one in runs:
        off = ["none" if error is None else f"{100 * error:+.0f}" for error in errors(one)]
        expected = "not said" if one.expected is None else f"{one.expected / 60:.1f}"
        cells = [f"`{' '.join(one.command)}`", f"{one.took / 60:.1f}", expected, *off]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Records, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    recorder = verbs.add_parser("record")
    recorder.add_argument("file", type=Path)
    verbs.add_parser("table").add_argument("files", nargs="+", type=Path)
    options, rest = parser.parse_known_args()
    if options.verb == "record":
        record(options.file, rest)
        return
    lines = [line for file in options.files for line in file.read_text("utf-8").splitlines()]
    print(table(Told(**json.loads(line)) for line in lines))


if __name__ == "__main__":
    main()
