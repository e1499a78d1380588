"""How long does the report of ten thousand trials take, and how much memory?

    python -m benchmarks.report RUN [--trials 10000]

Copies a run, adds trials to the copy until there are as many (the run's own once more, in slots of
their own), and makes its report in a process of its own: the whole one, as at the end of a search,
and the quick one, which a search makes while it runs and waits for.
"""

from __future__ import annotations

import argparse
import itertools
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from search.store import Store

MEASURE = """
import resource, sys, time
from analysis.report.write import write_report
for unfinished in (False, True):
    began = time.perf_counter()
    write_report(sys.argv[1], unfinished=unfinished)
    print(time.perf_counter() - began)
unit = 1 if sys.platform == "darwin" else 1024
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)
"""


def grow(run: str | Path, trials: int) -> None:
    """Adds finished trials to a run, with all that a real one has, until it holds `trials`.

    Args:
        run: a run directory with at least one completed trial.
        trials: how many rows the table `trials` holds afterwards, if it holds fewer now.
    """
    with Store(run).connect() as database:
        database.row_factory = lambda cursor, row: dict(
            zip([column[0] for column in cursor.description], row, strict=True)
        )
        known = database.execute("SELECT * FROM trials").fetchall()
        completed = [row for row in known if row["status"] == "completed"]
        curves = {
            row["trial_id"]: database.execute(
                "SELECT * FROM epochs WHERE trial_id = ?", (row["trial_id"],)
            ).fetchall()
            for row in completed
        }
        copies = itertools.cycle(completed)
        for number in range(len(known), trials):
            row = next(copies)
            name = "{strategy}-{iteration}-{bracket}-{rung}".format(**row)
            copy = row | {"trial_id": f"{name}-{number}", "slot": number}
            # Each a little different, so that nothing that is ranked is a tie of a thousand.
            copy["score"] = row["score"] * (1 - number * 7919 % 1000 / 10_000)
            curve = [epoch | {"trial_id": copy["trial_id"]} for epoch in curves[row["trial_id"]]]
            for table, rows in (("trials", [copy]), ("epochs", curve)):
                for each in rows:
                    places = ", ".join("?" * len(each))
                    database.execute(
                        f"INSERT INTO {table} ({', '.join(each)}) VALUES ({places})",
                        [*each.values()],
                    )


def measure(run: str | Path) -> tuple[float, float, int]:
    """Returns the seconds of the whole report and of the quick one, and the most bytes held."""
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(run)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    whole, quick, peak = done.stdout.split()
    return float(whole), float(quick), int(peak)


def main() -> None:
    """Prints a row in Markdown for the run as it is, and one for the grown run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run")
    parser.add_argument("--trials", type=int, default=10_000)
    options = parser.parse_args()
    print("| trials | whole report, seconds | quick report, seconds | most MB held |")
    print("| ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(options.run, Path(folder, "run"))
        for trials in (0, options.trials):
            grow(copy, trials)
            whole, quick, peak = measure(copy)
            count = len(Store(copy).rows("trials"))
            print(f"| {count:,} | {whole:.1f} | {quick:.1f} | {peak / 1e6:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
