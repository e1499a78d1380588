"""One model trained, a trial's or a final's: no run directory, no network, no other process."""
