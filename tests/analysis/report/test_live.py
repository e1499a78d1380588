"""The page of a run that is searching: now and then, never for long, and never the end of it."""

import errno
import os

import pytest

from analysis.report import live
from analysis.report.live import SHARE, LivePage
from analysis.report.write import RELOAD_SECONDS
from search.store import ExperimentError
from tests.support.synthetic_runs import make_run


class Clock:
    """A clock that is set by hand."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def writes(monkeypatch, clock):
    """Writes pages that take `seconds` each, and raises `fail` if there is one."""

    class Writes:
        def __init__(self):
            self.at, self.seconds, self.fail = [], 1.0, None

        def __call__(self, path, unfinished):
            assert unfinished
            self.at.append(clock.now)
            clock.now += self.seconds
            if self.fail:
                raise self.fail

    writes = Writes()
    monkeypatch.setattr(live, "write_report", writes)
    return writes


def follow(page, clock, seconds):
    """Calls the page twice a second."""
    end = clock.now + seconds
    while clock.now < end:
        page()
        clock.now += 0.5


@pytest.mark.parametrize("seconds", [0.01, 0.3, 1, 7, 40])
def test_a_page_takes_a_small_share_of_the_time_and_comes_as_often_as_that_allows(
    writes, clock, seconds
):
    writes.seconds = seconds
    follow(LivePage("run", pytest.fail, clock), clock, 10_000)
    assert writes.at[0] == 1000  # at once
    assert len(writes.at) > 3
    # The last one may have only begun.
    assert seconds * (len(writes.at) - 1) <= SHARE * (writes.at[-1] - 1000) + 1e-6
    longest = max(RELOAD_SECONDS + seconds, seconds / SHARE)
    for one, following in zip(writes.at, writes.at[1:], strict=False):
        assert RELOAD_SECONDS <= following - one <= longest + 0.5


def test_what_goes_wrong_is_said_once_and_tried_again(writes, clock):
    said = []
    writes.fail = KeyError("column")
    page = LivePage("run", said.append, clock)
    follow(page, clock, 200)
    assert len(writes.at) > 3
    assert said == ["the report cannot be written yet: 'column'"]
    writes.fail = ExperimentError("damaged")
    follow(page, clock, 200)
    assert len(said) == 2


def test_a_full_disk_ends_the_search_as_it_would_at_the_next_trial(tmp_path, monkeypatch):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=1, running=1)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("analysis.report.write.write_atomically", full)
    with pytest.raises(OSError, match="No space left"):
        LivePage(path, pytest.fail)()


def test_ctrl_c_is_not_held_up(writes, clock):
    writes.fail = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        LivePage("run", pytest.fail, clock)()


def test_a_run_that_goes_on(tmp_path):
    path = make_run(tmp_path / "run", seeds=0, final_seeds=1, running=1)
    LivePage(path, pytest.fail)()
    page = (path / "report" / "report.html").read_text("utf-8")
    assert f'data-reload="{RELOAD_SECONDS}"' in page
    assert "So it stood at 2" in page
