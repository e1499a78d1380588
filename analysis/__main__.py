"""python -m analysis RUN [RUN ...]: makes the report of a run again, or compares several.

One run: its report, below the run directory. Several: one report that compares them, beside the
first one's report as comparison.html unless --out says where; their own reports stay as they are.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
from collections.abc import Sequence

from analysis.report.comparison import write_comparison
from analysis.report.write import write_report
from search.store import ExperimentError


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the report, prints its verdict and path, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m analysis",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "run", metavar="RUN", nargs="+", help="a run directory, such as runs/digits"
    )
    parser.add_argument(
        "--out",
        metavar="FILE.html",
        help="where the comparison of several runs goes, with its Markdown, figures and tables "
        "beside it (default: RUN/report/comparison.html of the first RUN)",
    )
    options = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):  # it may hold no more than ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.out and len(options.run) == 1:
        parser.error("--out is for the comparison of several runs: one run's report stays in it")
    if options.out and not options.out.endswith(".html"):
        parser.error(f"--out {options.out}: its name must end in .html")
    try:
        if len(options.run) == 1:
            print(write_report(options.run[0]), flush=True)
        else:
            print(write_comparison(options.run, options.out), flush=True)
    except ExperimentError as error:
        return _complain(f"{error}")
    except OSError as error:  # a full output, or a pipe that nobody reads
        return _complain(f"cannot write ({error.strerror or error}): make room, or write elsewhere")
    return 0


def _complain(text: str) -> int:
    """Prints why it ended, if there is still somewhere to print it, and returns the code."""
    with contextlib.suppress(OSError):
        print(text, file=sys.stderr, flush=True)
    return 2


if __name__ == "__main__":
    sys.exit(main())
