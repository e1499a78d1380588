"""How the space is explored: data sets, Hyperband, trials, the run directory, the finals."""
