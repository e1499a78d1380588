"""Frames -> frames: what a run's tables show. No sentence and no figure."""
