"""Odd terminals, odd environments: the program works, or one line says what is wrong."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import run_search
from search.execution import Execution
from search.experiment import ExperimentError
from search.workers import choice
from tests.support import small_run
from tests.support.images import pictures

PROGRAM = [sys.executable, str(small_run.PROGRAM)]


def one_line(errors):
    assert errors.startswith("error: ") and errors.endswith("\n"), errors
    assert len(errors.splitlines()) == 1
    return errors


def shell(command, cwd, **changes):
    return subprocess.run(
        ["bash", "-c", command, "bash", *PROGRAM],
        cwd=cwd,
        env=small_run.environment(**changes),
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_without_what_is_required_it_says_so(tmp_path):
    """`-S` leaves the installed packages out, as the system's own Python has none."""
    ended = shell('"$1" -S "$2"', tmp_path)
    assert ended.returncode == 2
    assert "is not installed: pip install -r requirements.txt" in one_line(ended.stderr)


@pytest.mark.slow
def test_a_terminal_that_knows_only_ascii_is_written_to(finished_run, tmp_path):
    run = shutil.copytree(finished_run.path, tmp_path / "läuft")
    ended = shell(f'"$@" --resume {run.name}', tmp_path, PYTHONIOENCODING="ascii")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "\\xe4" in ended.stdout


@pytest.mark.slow
def test_an_output_that_is_closed_is_done_without(finished_run, tmp_path):
    run = shutil.copytree(finished_run.path, tmp_path / "run")
    ended = shell('"$@" --resume run >&- 2>&-', tmp_path)
    assert ended.returncode == 0
    written = [(run / name).stat().st_mtime for name in ("experiment.json", "report/report.html")]
    assert written == sorted(written)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize(
    "command",
    ["--status run", "--devices", pytest.param("--resume run", marks=pytest.mark.slow)],
)
def test_an_output_that_is_full_is_one_line(finished_run, tmp_path, command):
    shutil.copytree(finished_run.path, tmp_path / "run")
    ended = shell(f'"$@" {command} >/dev/full', tmp_path)
    assert ended.returncode == 2
    assert "No space left on device" in one_line(ended.stderr)


def test_a_nonsense_backend_for_figures_does_no_harm(finished_run, tmp_path):
    run = shutil.copytree(finished_run.path, tmp_path / "run")
    ended = subprocess.run(
        [sys.executable, "-m", "analysis", run],
        cwd=small_run.PROGRAM.parent,
        env=small_run.environment(MPLBACKEND="nonsense"),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
def test_a_closed_terminal_ends_it_as_ctrl_c_does(tmp_path):
    """And `nohup`, which has the signal ignored, keeps it going."""
    # Whoever runs the tests may have it ignored for all below.
    reset = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_DFL); "
    heard = [sys.executable, "-c", f"{reset}os.execv(sys.argv[1], sys.argv[1:])"]
    process = small_run.start([*small_run.ARGUMENTS, "--out", "run"], tmp_path, prefix=heard)
    ended = small_run.stop(process, tmp_path / "run", 2, 0.0, signal.SIGHUP)
    assert ended.returncode == run_search.INTERRUPTED, ended.stderr
    assert "to go on: python" in ended.stdout
    again = ["bash", "-c", 'trap "" HUP; exec "$@"', "bash"]
    process = small_run.start(["--resume", "run", "--workers", "1"], tmp_path, prefix=again)
    ended = small_run.stop(process, tmp_path / "run", 4, 0.0, signal.SIGHUP)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert small_run.finished_rows(tmp_path / "run") == small_run.TRIALS + small_run.FINALS


@pytest.mark.slow
def test_a_name_that_is_no_text_is_a_name(tmp_path):
    """Linux names files by bytes; a run of such a folder is searched, stopped, seen and resumed."""
    folder = os.fsdecode(b"fold\xff")
    pictures(tmp_path / folder, count=9)
    options = ["--strategies", "lines", "--max-epochs", "1", "--iterations", "1"]
    options += ["--configurations", "1"]
    options += ["--final-seeds", "1", "--workers", "1", "--batch-size", "64"]
    ended = small_run.execute(["--dataset", folder, *options, "--out", "run"], tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    for command in ("--status", "--resume"):
        ended = small_run.execute([command, "run"], tmp_path)
        assert (ended.returncode, ended.stderr) == (0, "")
    ended = small_run.execute(["--dataset", "no\udcff"], tmp_path)
    assert ended.returncode == 2 and "no\\udcff" in one_line(ended.stderr)


@pytest.mark.parametrize(
    ("execution", "named"),
    [
        (Execution(workers=999_999_999), "999999999 workers do not fit"),
        (Execution(workers=2, worker_memory=0.1), "--worker-memory 0.1 is less"),
        (Execution(workers=2, worker_memory=1e-300), "--worker-memory 1e-300 is less"),
    ],
)
def test_workers_that_cannot_even_begin_are_refused(execution, named):
    with pytest.raises(ExperimentError, match=named):
        choice.plan_workers(execution)


def test_a_worker_may_be_given_more_memory_than_there_is():
    assert len(choice.plan_workers(Execution(workers=2, worker_memory=1e300))) == 2


def test_too_little_memory_for_the_images_is_one_line(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(run_search, "end_cleanly", lambda: None)
    monkeypatch.setattr("search.run_images.load_dataset", full)
    assert run_search.main(["--workers", "1"]) == 2
    line = one_line(capsys.readouterr().err)
    assert "not enough memory (Unable to allocate 9 GiB)" in line and "--train-limit" in line
    assert list(tmp_path.iterdir()) == []
