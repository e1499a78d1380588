"""The process from which the workers of this machine are forked, with all that they import.

A worker needs three seconds for its imports, TensorFlow above all. Here they are made once, while
the driver makes its own (`search.workers.preloaded`), and a worker that starts, or starts again,
has them in a moment. Other systems than Linux start their workers from nothing: macOS's own
libraries do not survive a fork.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from multiprocessing import forkserver, resource_tracker

from search.environment import NO_GPU, backend_name

METHOD = "forkserver" if sys.platform == "linux" else "spawn"


def begin_imports(environments: Sequence[Mapping[str, str]]) -> None:
    """Starts that process, where there can be one; it goes away with this one.

    Args:
        environments: the variables of each worker. Those in which all agree are set before the
            imports, the others in each worker, before its backend looks for devices.

    Raises:
        ExperimentError: there is no such backend, or it is not installed.
    """
    backend_name()
    if METHOD != "forkserver":
        return
    common = set.intersection(*(set(each.items()) for each in environments))
    # Python 3.11 leaves it to find modules by itself, in the user's directory first, where another
    # `search` may lie.
    found = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONSAFEPATH": "1"}
    before = dict(os.environ)
    os.environ.update({**NO_GPU, **dict(common), **found})
    multiprocessing.set_forkserver_preload(["search.workers.preloaded"])
    resource_tracker.ensure_running()  # which lets Ctrl-C through again when it has started
    # Until that process ignores Ctrl-C, which its first line does, it must not come to it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    os.environ.clear()
    os.environ.update(before)
