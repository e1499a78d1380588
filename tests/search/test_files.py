"""A run's files: written whole or not at all, and its checkpoints."""

import os
import signal
import subprocess
import sys

import pytest

from search import store as store_module
from search.experiment import ExperimentError
from search.files import write_atomically
from search.store import Store
from tests.support.stores import in_another_process


def test_write_atomically(tmp_path):
    file = tmp_path / "new" / "file"
    write_atomically(file, b"old")
    write_atomically(file, b"new and longer")
    assert file.read_bytes() == b"new and longer"
    assert list(file.parent.iterdir()) == [file]


def test_an_error_while_writing_leaves_the_old(tmp_path, monkeypatch):
    file = tmp_path / "file"
    write_atomically(file, b"old")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_atomically(file, b"new")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("old", [b"old", None])
def test_a_kill_while_writing_leaves_the_old(run, old):
    checkpoint = Store(run).checkpoint_file("lines-0-2-0-0")
    if old:
        Store(run).save_checkpoint("lines-0-2-0-0", old)
    code = """
        store_module.os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
        Store.resume(sys.argv[1]).save_checkpoint("lines-0-2-0-0", b"new" * 100_000)
    """
    assert in_another_process(code, run).returncode == -signal.SIGKILL
    drafts = [path for path in checkpoint.parent.iterdir() if path != checkpoint]
    assert len(drafts) == 1
    with Store.resume(run) as store:
        assert store.load_checkpoint("lines-0-2-0-0") == old
        assert list(checkpoint.parent.iterdir()) == ([checkpoint] if old else [])


def test_what_was_left_half_written_is_deleted_and_what_is_being_written_is_not(run):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = run / "report" / "tables" / f".trials.csv.{dead.pid}"
    being_written = run / "report" / f".report.html.{os.getpid()}"
    others = [run / ".hidden", run / "report" / "page.4711", run / "report" / "report.html"]
    left.parent.mkdir(parents=True)
    for file in (left, being_written, *others):
        file.write_bytes(b"half")
    Store.resume(run).close()
    assert not left.exists()
    assert all(file.exists() for file in (being_written, *others))


def test_checkpoints(run):
    with Store.resume(run) as store:
        assert store.load_checkpoint("a") is None
        for name in "abc":
            store.save_checkpoint(name, name.encode())
        store.delete_checkpoints_except(["b", "never saved"])
        assert [store.load_checkpoint(name) for name in "abc"] == [None, b"b", None]
        store.delete_checkpoints_except([])
        assert list((run / "checkpoints").iterdir()) == []


@pytest.mark.parametrize(
    "damage", [lambda c: c[:-1], lambda c: c[:3], lambda c: b"", lambda c: b"x" + c[1:]]
)
def test_a_damaged_checkpoint_is_as_good_as_lost(run, damage):
    with Store.resume(run) as store:
        store.save_checkpoint("a", b"a model")
        file = store.checkpoint_file("a")
        file.write_bytes(damage(file.read_bytes()))
        assert store.load_checkpoint("a") is None
        store.save_checkpoint("a", b"a model")
        assert store.load_checkpoint("a") == b"a model"


def test_a_run_copied_without_its_checkpoints_goes_on(run):
    """They can be made again: a user short of space may delete them."""
    (run / "checkpoints").rmdir()
    with Store.resume(run) as store:
        assert store.load_checkpoint("a") is None
        store.delete_checkpoints_except(["a"])
        store.save_checkpoint("a", b"model")
        assert store.load_checkpoint("a") == b"model"


@pytest.mark.parametrize("name", ["checkpoints", "designs", "report"])
def test_nothing_is_written_or_deleted_where_a_link_leads(run, tmp_path, name):
    outside = tmp_path / "outside"
    outside.mkdir()
    mine = outside / ".page.999999999"  # as a draft of a process that is gone
    mine.write_text("mine")
    part = run / name
    if part.exists():
        part.rmdir()
    part.symlink_to(outside)
    with pytest.raises(ExperimentError, match="is a link, which no run follows"):
        Store.resume(run)
    part.unlink()
    (run / "designs").mkdir(exist_ok=True)
    (run / "designs" / "deeper").symlink_to(outside)
    Store.resume(run).close()
    assert [file.read_text() for file in outside.iterdir()] == ["mine"]


def test_a_folder_among_the_checkpoints_is_refused(run):
    (run / "checkpoints" / "lines-0-0-0-0.keras").mkdir()
    with pytest.raises(ExperimentError, match="move it away"):
        Store.resume(run)
