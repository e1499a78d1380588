"""--status: how far a run is, from another terminal, without touching it."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import signal
import subprocess
import sys
import time

import pytest
from rich.console import Console

import run_search
from search.experiment import Experiment
from search.rows import FinalRow, TrialRow
from search.store import Store
from search.terminal.status import most_at_once, read_status, status_screen
from tests.support import small_run

EXPERIMENT = Experiment("digits", ("lines", "cnn_lines"), seed=5, final_seeds=2)
NOW = 2_000_000_000.0


def trial(strategy, slot, status="completed", **changes):
    """A row of the table of trials: one epoch, ten seconds."""
    row = TrialRow(
        trial_id=f"{strategy}-0-2-0-{slot}", dataset="digits", strategy=strategy, iteration=0,
        bracket=2, rung=0, slot=slot, seed=slot, hyperparameters='{"units": 32}', first_epoch=0,
        last_epoch=1, status=status, score=0.5 + slot / 100 if status == "completed" else None,
        worker=f"here:{slot}", train_seconds=8.0, setup_seconds=2.0,
        started=NOW - 100 + 10 * slot,
        finished=NOW - 90 + 10 * slot if status != "running" else None,
    )  # fmt: skip
    return dataclasses.replace(row, **changes)


def final(strategy, seed, accuracy, status="completed", message=None):
    trial_id = f"{strategy}-0-2-0-0"
    return FinalRow("digits", strategy, trial_id, seed, status, accuracy, message=message)


@pytest.fixture
def store(tmp_path):
    with Store.create(tmp_path / "run", EXPERIMENT, {}) as store:
        store.record_plan("digits", {"lines": (6, 9), "cnn_lines": (6, 9)})
        yield store


def shown(store, width=80, now=NOW):
    """What a terminal shows, as text."""
    console = Console(width=width, height=100, record=True, file=io.StringIO())
    console.print(status_screen(read_status(Store(store.path), now), width))
    return console.export_text()


def digests(path):
    return {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in path.rglob("*")
        if file.is_file()
    }


def test_a_search_that_runs(store):
    with store.session():
        now = time.time()
        for slot in range(3):
            store.start_trial(trial("lines", slot, started=now - 30 + 10 * slot,
                                    finished=now - 20 + 10 * slot))  # fmt: skip
        store.start_trial(trial("cnn_lines", 0, "failed"))
        store.start_trial(trial("cnn_lines", 1, "running", started=now - 65, score=None))
        text = shown(store, now=now)
    assert "running" in text.splitlines()[1]
    assert "4 of 18 epochs, 4 of 12 trials" in text
    lines, cnn_lines = (row.split() for row in text.splitlines() if "/6" in row)
    assert lines[1:] == ["lines", "3/6", "0", "52.0", "%", "1"]
    assert cnn_lines[1:4] == ["cnn_lines", "1/6", "1"]
    assert "cnn_lines  to epoch 1, bracket 2 rung 0, for 1:05 on here:1" in text
    assert "units=32" in text
    assert "min left" in text


def test_in_the_finals_and_finished(store):
    with store.session():
        for strategy in EXPERIMENT.strategies:
            store.start_trial(trial(strategy, 0))
        store.record_final(final("lines", 5, 0.91))
        store.record_final(final("lines", 6, None, "failed", "nan"))
        text = shown(store)
        assert "finals: 2 of 4 trained and tested" in text
        assert "91.0 failed" in text
        assert "left" in text
    assert "finished; now" in shown(store)
    store.close()
    text = shown(store)
    assert "finished at 2" in text
    assert "left" not in text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (KeyboardInterrupt(), "by Ctrl-C or a signal"),
        (OSError(28, "No space left on device"), "by an error: [Errno 28] No space left on device"),
    ],
)
def test_a_stopped_run_says_what_stopped_it(store, error, words):
    with pytest.raises(type(error)), store.session():
        store.start_trial(trial("lines", 0, "running"))
        raise error
    store.close()
    text = " ".join(shown(store).split())
    assert "stopped at 2" in text and words in text
    assert "(1 under way, to start again)" in text
    assert "on here" not in text  # nothing runs


def test_a_run_of_an_older_version_is_none_that_was_killed(store):
    store.start_trial(trial("lines", 0))
    store.close()
    with store.connect() as database:
        database.execute("DROP TABLE sessions")
        database.execute("DROP TABLE plans")
    text = shown(store)
    assert "not running, last heard of at 2033" in text
    assert "1/1" in text


def test_how_many_ran_at_once():
    def spans(*pairs):
        return [trial("lines", 0, started=a, finished=b) for a, b in pairs]

    assert most_at_once([], 9) == 0
    assert most_at_once(spans((0, 1), (1, 2), (2, 3)), 9) == 1
    assert most_at_once(spans((0, 4), (1, 2), (3, None), (3.5, None)), 9) == 3
    assert most_at_once(spans((None, None)), 9) == 0


def test_the_lock_is_looked_at_and_not_taken(store):
    assert store.in_use
    assert Store(store.path).in_use
    store.close()
    before = digests(store.path)
    assert not Store(store.path).in_use
    Store.resume(store.path).close()  # not in anybody's way
    assert digests(store.path) == before


def test_ten_thousand_trials_are_told_quickly_and_fit(store):
    with store.session(), store.connect() as database:
        rows = [dataclasses.asdict(trial("lines", slot)) for slot in range(10_000)]
        names = ", ".join(rows[0])
        values = ", ".join(f":{name}" for name in rows[0])
        database.executemany(f"INSERT INTO trials ({names}) VALUES ({values})", rows)
    status = read_status(Store(store.path), NOW)
    assert status.progress.ended_trials == 10_000
    assert all(len(row) <= 40 for row in shown(store, width=40).splitlines())


def test_what_is_no_run_is_one_line(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for arguments in (
        ["--status", str(tmp_path / "nowhere")],
        ["--status", str(tmp_path / "photos")],
        ["--status", str(tmp_path), "--workers", "2"],
    ):
        assert run_search.main(arguments) == 2
        output, errors = capsys.readouterr()
        assert output == ""
        assert errors.startswith("error: ") and len(errors.splitlines()) == 1


def test_a_terminal_that_has_only_ascii(store, monkeypatch):
    with store.session():
        store.start_trial(trial("lines", 0))
    done = small_run.execute(["--status", str(store.path)], store.path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "lines" in done.stdout


def test_it_needs_no_backend(store):
    code = (
        "import sys, run_search\n"
        f"assert run_search.main(['--status', {str(store.path)!r}]) == 0\n"
        "heavy = {'keras', 'keras_tuner', 'tensorflow', 'jax', 'dask', 'distributed', 'numpy'}\n"
        "print(sorted(heavy & sys.modules.keys()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=small_run.PROGRAM.parent, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_search_that_runs_and_is_then_killed(tmp_path):
    process = small_run.start([*small_run.ARGUMENTS, "--out", "run"], tmp_path)
    run = tmp_path / "run"
    try:
        while small_run.finished_rows(run) < 2 and process.poll() is None:
            time.sleep(0.02)
        during = small_run.execute(["--status", "run"], tmp_path)
        assert process.poll() is None
        page = (run / "report" / "report.html").read_text("utf-8")
    finally:
        process.send_signal(signal.SIGKILL)
        small_run.finish(process)
    assert (during.returncode, during.stderr) == (0, "")
    assert "running" in during.stdout
    assert f" of {small_run.TRIALS} trials" in during.stdout
    assert 'data-reload="30"' in page  # from the first moment on
    before = digests(run)
    after = small_run.execute(["--status", "run"], tmp_path)
    assert "killed, last heard of at" in after.stdout
    assert digests(run) == before


def test_a_finished_run_is_told_so(finished_run):
    done = small_run.execute(["--status", str(finished_run.path)], finished_run.path.parent)
    assert "finished at" in done.stdout
    assert f"finals: {small_run.FINALS} of {small_run.FINALS} trained" in done.stdout
    status = read_status(Store(finished_run.path), time.time())
    planned = sum(plan.trials for plan in status.progress.planned.values())
    assert planned == status.progress.ended_trials == small_run.TRIALS
    assert dataclasses.replace(status.progress, ended=False).time_left(time.time())[0] == 0


def test_each_session_of_a_run_that_was_stopped_often_is_kept(stopped_run):
    sessions = Store(stopped_run.path).rows("sessions")
    outcomes = [session["outcome"] for session in sessions]
    assert outcomes[-1] == "finished"
    assert outcomes.count("interrupted") == 2
    assert outcomes.count(None) <= 1  # the one that was killed, if it had begun
