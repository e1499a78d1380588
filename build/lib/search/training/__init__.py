"""One model trained, from a spec to a result: no run directory and no network."""
