"""python -m analysis: the report again, or one line."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.__main__ import main
from tests.support.synthetic_runs import make_run

ROOT = Path(__file__).parents[2]


def test_as_a_command_it_makes_the_report_again(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    done = subprocess.run(
        [sys.executable, "-m", "analysis", path], cwd=ROOT, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    said, _, page = done.stdout.strip().rpartition("report: ")
    assert "only lines was searched" in said
    assert Path(page).read_text().startswith("<!DOCTYPE html>")
    done = subprocess.run(
        [sys.executable, "-m", "analysis", tmp_path], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_what_is_wrong_is_one_line(tmp_path, capsys):
    """Options that contradict each other end as those of any command do."""
    for arguments in (["a", "--out", "x.html"], ["a", "b", "--out", "x.txt"]):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
    capsys.readouterr()
    assert main([str(tmp_path / "nowhere")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_is_full_is_one_line(tmp_path):
    path = make_run(tmp_path / "run", strategies=["lines"], configurations=1)
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "analysis", path],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 2 and (path / "report" / "report.html").exists()
    (line,) = done.stderr.splitlines()
    assert "No space left on device" in line
