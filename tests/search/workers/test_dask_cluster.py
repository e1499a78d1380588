"""A cluster obeys its own driver alone; what is no cluster is refused in one line."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import dask
import distributed
import pytest

from search.execution import Execution
from search.experiment import ExperimentError
from search.workers.dask_cluster import connect_cluster, start_cluster
from tests.support import small_run
from tests.support.clusters import Cluster

INTRUDER = """
    import logging, os, sys
    import distributed
    logging.disable()
    address, user = sys.argv[1:]
    if user != str(os.getuid()):
        os.setuid(int(user))
    for keys in (None, distributed.Security(require_encryption=False),
                 distributed.Security.temporary()):
        for where in (address, address.replace("tls://", "tcp://")):
            try:
                client = distributed.Client(where, timeout=3, security=keys)
                client.submit(os.getuid).result(timeout=3)
            except Exception as error:
                print("refused", type(error).__name__)
            else:
                print("obeyed")
    os._exit(0)
"""


@pytest.fixture(scope="module")
def cluster():
    client, cluster = start_cluster([{}], Execution(), lambda _: None)
    client.wait_for_workers(1, timeout=60)
    yield client, cluster
    client.close()
    cluster.close()


@pytest.mark.parametrize("user", [os.getuid(), 65534], ids=["this user", "another"])
def test_nobody_else_is_obeyed(cluster, user, tmp_path):
    client, started = cluster
    if user != os.getuid() and os.getuid() != 0:
        pytest.skip("needs root, to be another user")
    assert client.submit(os.getpid).result(timeout=30) != os.getpid()
    environment = {**os.environ, "HOME": "/tmp"}
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTRUDER), started.scheduler_address, str(user)],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment,
    )  # fmt: skip
    lines = ended.stdout.splitlines()
    assert len(lines) == 6 and all(line.startswith("refused ") for line in lines), ended
    assert client.submit(os.getpid).result(timeout=30) != os.getpid()  # and it is unharmed


def test_all_talk_is_encrypted(cluster):
    client, started = cluster
    addresses = [started.scheduler_address, *client.run(os.getpid)]
    assert len(addresses) == 2 and all(each.startswith("tls://127.0.0.1:") for each in addresses)


def test_the_keys_are_on_no_command_line_and_in_no_environment(cluster):
    _, started = cluster
    key = started.security.tls_client_key
    assert "PRIVATE KEY" in key
    for process in (os.getpid(), *(worker.pid for worker in started.workers.values())):
        for what in ("cmdline", "environ"):
            assert b"PRIVATE KEY" not in Path(f"/proc/{process}/{what}").read_bytes()


@pytest.mark.parametrize("scheme", ["tcp", "tls", "http"])
def test_what_is_no_scheduler_is_refused_in_one_line(scheme, monkeypatch):
    monkeypatch.setattr("search.workers.dask_cluster.SECONDS_TO_ANSWER", 2)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with pytest.raises(ExperimentError) as caught:
            connect_cluster(f"{scheme}://127.0.0.1:{server.server_port}")
    finally:
        server.shutdown()
        server.server_close()
    message = str(caught.value)
    assert len(message.splitlines()) == 1
    assert ("wants keys" if scheme == "tls" else "no Dask scheduler answers") in message


def test_a_scheduler_that_answers_is_found():
    with distributed.LocalCluster(n_workers=0, dashboard_address=":0") as there:
        client, started = connect_cluster(there.scheduler_address)
        assert started is None and client.scheduler_info()["type"] == "Scheduler"
        client.close()


@pytest.mark.slow
def test_a_search_over_tls_as_the_documentation_starts_it(tmp_path, monkeypatch, finished_run):
    text = (small_run.PROGRAM.parent / "docs" / "cluster.md").read_text()
    recipe = next(part for part in text.split("```sh\n") if part.startswith("openssl req"))
    exports = recipe.partition("dask scheduler")[0] + "env -0"
    shown = subprocess.run(["bash", "-ec", exports], cwd=tmp_path, capture_output=True, check=True)
    for pair in shown.stdout.decode().split("\0"):
        name, _, value = pair.partition("=")
        if name.startswith("DASK_"):
            monkeypatch.setenv(name, value)
    dask.config.refresh()
    try:
        (tmp_path / "cluster").mkdir()
        with Cluster(tmp_path / "cluster", protocol="tls") as cluster:
            assert cluster.address.startswith("tls://")
            cluster.add_worker()
            search = [*small_run.ARGUMENTS[:-2], "--cluster", cluster.address, "--out", "run"]
            ended = small_run.execute(search, tmp_path)
            assert (ended.returncode, ended.stderr) == (0, "")
            assert small_run.tables(tmp_path / "run") == small_run.tables(finished_run.path)
            for name in [name for name in os.environ if name.startswith("DASK_DISTRIBUTED__COMM")]:
                monkeypatch.delenv(name)
            refused = small_run.execute([*search[:-1], "other"], tmp_path)
            assert refused.returncode == 2 and "wants keys" in refused.stderr
            assert len(refused.stderr.splitlines()) == 1
    finally:
        dask.config.refresh()
