"""Which trial next: one Hyperband an arm, a function of the trial table."""
