"""Findings -> the page: what is said, and how it looks."""

import contextlib
import os
import sys

# A shell may have set a backend that is not there, of which matplotlib's import would die. Figures
# are drawn to files here; a notebook that has set its own keeps it.
if "matplotlib" not in sys.modules and (_asked := os.environ.pop("MPLBACKEND", "")):
    import matplotlib

    with contextlib.suppress(ValueError):
        matplotlib.rcParams["backend"] = _asked
        os.environ["MPLBACKEND"] = _asked
