"""What was learned: run directory to tables, statistics, plots and report."""
