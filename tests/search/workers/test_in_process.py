"""The worker that is this process."""

import contextlib
import signal
import sys

import pytest

from search.environment import end_cleanly
from search.training.spec import TrialResult, TrialSpec
from search.workers.in_process import InProcess
from search.workers.protocol import Job


@pytest.fixture
def ends_cleanly():
    numbers, hook = (signal.SIGINT, signal.SIGTERM), sys.unraisablehook
    handlers = [signal.getsignal(number) for number in numbers]
    end_cleanly()
    yield
    end_cleanly()  # forgets what came
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    sys.unraisablehook = hook


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_ctrl_c_that_is_swallowed_in_a_trial_comes_after_it(ends_cleanly, monkeypatch, number):
    """TensorFlow has an `except:` without a name in the middle of a trace."""
    worker = InProcess()

    def run(job, on_epoch):
        with contextlib.suppress(BaseException):
            signal.raise_signal(number)
        return TrialResult(job.spec.trial_id, {"status": "failed"})

    monkeypatch.setattr(worker._state, "run", run)
    job = Job(TrialSpec("lines-0-0-0-0", "lines", {}, 0, 0, 1, 1, 1, 2, False))
    worker.submit(job, *worker.idle())
    with pytest.raises(KeyboardInterrupt):
        worker.next_result(lambda *_: None)
