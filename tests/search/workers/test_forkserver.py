"""The workers of this machine are forked from a process that has made their imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from search.workers import forkserver
from tests.support import small_run

ROOT = Path(__file__).parents[3]

pytestmark = pytest.mark.skipif(forkserver.METHOD != "forkserver", reason="Linux alone has it")

# Whether the process that they come from has imported the backend can be seen where libraries are
# mapped into its memory.
LOOK = """
import pathlib, os, sys
import psutil
from search.environment import start_backend
from search.execution import Execution
from search.workers.choice import make_workers
from search.workers.forkserver import begin_imports

if __name__ == "__main__":
    begin_imports([{}, {}])
    start_backend(cpu_only=True)
    with make_workers(Execution(), [{}, {}], print) as workers:
        pids = [int(name.split(":")[1]) for name in workers.idle()]
        server, other = (psutil.Process(pid).parent() for pid in pids)
        mapped = {pathlib.Path(each.path).parts for each in server.memory_maps()}
        print(server.pid != os.getpid(), server == other, server.num_threads())
        print(any(sys.argv[1] in parts for parts in mapped))
"""


@pytest.mark.parametrize("backend", ["tensorflow", "jaxlib"])
def test_workers_are_forked_after_the_imports_and_before_any_thread(backend, tmp_path):
    """Wherever the user is, and whatever lies there."""
    if backend == "jaxlib":
        pytest.importorskip("jax")
    other = tmp_path / "search"
    other.mkdir()
    (other / "__init__.py").write_text("raise SystemExit('another search')")
    script = tmp_path / "elsewhere" / "look.py"
    script.parent.mkdir()
    script.write_text(LOOK)
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KERAS_BACKEND": backend.removesuffix("lib"),
    }
    said = subprocess.run(
        [sys.executable, str(script), backend],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert said.stdout.split() == ["True", "True", "1", "True"]
    assert said.stderr == ""


def test_ctrl_c_in_a_terminal_reaches_every_process_and_the_driver_answers(tmp_path):
    process = small_run.start([*small_run.TWO_WORKERS], tmp_path, prefix=["setsid"])
    assert len(small_run.first_workers(process)) > 0
    while small_run.finished_rows(tmp_path / "run") < 1:
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGINT)
    ended = small_run.finish(process)
    assert (ended.returncode, ended.stderr) == (130, "")
    assert "--resume run" in ended.stdout.splitlines()[-1]
