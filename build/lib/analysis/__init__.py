"""What was learned: run directory to tables, statistics, plots and report."""

from analysis.run import Run, load_run

__all__ = ["Run", "load_run"]
