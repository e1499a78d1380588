"""python -m analysis RUN: makes the report again from the run directory alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from analysis.report import write_report
from search.store import ExperimentError


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the report, prints its path, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m analysis", description=__doc__)
    parser.add_argument("run", metavar="RUN", help="a run directory, such as runs/digits")
    try:
        print(write_report(parser.parse_args(arguments).run))
    except ExperimentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
