"""All that a worker of this machine imports, and nothing that starts a thread.

The process that workers are forked from imports this (`search.workers.forkserver`). A fork keeps
one thread, and whatever another held is never let go. The backends start theirs with their first
operation, so none is made here.
"""

import os
import signal
from types import FrameType

# Ctrl-C reaches every process of a terminal; the driver answers it, here and in the workers.
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])  # as the driver has left it

driver = os.getppid()


def _end_with_the_driver(number: int, frame: FrameType | None) -> None:
    """Ends the imports of a driver that has ended meanwhile; later its closed pipe says so."""
    if os.getppid() != driver:
        os._exit(0)


signal.signal(signal.SIGALRM, _end_with_the_driver)
signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)

from search.environment import import_backend  # noqa: E402

import_backend()

import distributed  # noqa: E402, F401

import search.workers.worker_state  # noqa: E402, F401

signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, signal.SIG_DFL)
