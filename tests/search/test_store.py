"""The run directory: whole or not at all, one writer, transactions, damage in one line."""

import contextlib
import dataclasses
import os
import shutil
import signal
import sqlite3
import tempfile
from pathlib import Path

import pytest

from search import store as store_module
from search.experiment import ExperimentError
from search.rows import FinalRow
from search.store import Store
from tests.support.stores import ABOUT, EPOCHS, EXPERIMENT, RESULT, in_another_process, trial


def refusal(function, *arguments):
    """Returns the one line with which something is refused."""
    with pytest.raises(ExperimentError) as caught:
        function(*arguments)
    message = str(caught.value)
    assert len(message.splitlines()) == 1 and message.isprintable()
    assert ": " in message  # what is wrong: what to do
    return message


# Create and read


def test_what_was_created_is_read_back(run):
    store = Store(run)
    assert store.experiment == EXPERIMENT
    assert isinstance(store.experiment.strategies, tuple)
    assert isinstance(store.experiment.image_size, tuple)
    assert store.about == ABOUT
    for table in ("datasets", "trials", "epochs", "finals"):
        assert store.rows(table) == []
    assert list(run.parent.iterdir()) == [run]  # and no draft beside it


def test_parents_are_made(tmp_path):
    Store.create(tmp_path / "a" / "b" / "run", EXPERIMENT, ABOUT).close()
    assert Store(tmp_path / "a" / "b" / "run").experiment == EXPERIMENT


def test_an_older_run_is_read_and_gets_the_tables_that_came_later(run):
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as database:
        for table in store_module.ADDED_TABLES:
            database.execute(f"DROP TABLE {table}")
        database.commit()
    assert not any(Store(run).rows(table) for table in store_module.ADDED_TABLES)
    row = {
        "dataset": "digits", "split": "test", "position": 3, "label": 1, "height": 1, "width": 2,
        "channels": 1, "pixels": b"ab",
    }  # fmt: skip
    with Store.resume(run) as store:
        store.record_report_rows("images", [row, row | {"position": 4}])
        store.record_report_rows("images", [row])  # repeats change nothing
        with pytest.raises(ValueError, match="trials"):
            store.record_report_rows("trials", [row])
    assert [found["position"] for found in Store(run).rows("images")] == [4, 3]


@pytest.mark.parametrize("what", ["directory", "empty directory", "file"])
def test_create_takes_no_path_that_exists(tmp_path, what):
    path = tmp_path / "run"
    if what == "file":
        path.write_text("mine")
    else:
        path.mkdir()
    if what == "directory":
        (path / "mine").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    assert "--resume" in refusal(Store.create, path, EXPERIMENT, ABOUT)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("SCHEMA", "CREATE nonsense"),
        ("SCHEMA_VERSION", "no number at all"),
    ],
)
def test_create_leaves_nothing_where_the_database_fails(tmp_path, monkeypatch, name, error):
    monkeypatch.setattr(store_module, name, error)
    refusal(Store.create, tmp_path / "run", EXPERIMENT, ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_create_leaves_nothing_where_the_disk_is_full(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert "No space left" in refusal(Store.create, tmp_path / "run", EXPERIMENT, ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_create_leaves_nothing_where_it_is_interrupted(tmp_path, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module.sqlite3, "connect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        Store.create(tmp_path / "run", EXPERIMENT, ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_create_killed_midway_leaves_no_run(tmp_path):
    code = """
        store_module.SCHEMA_VERSION = type("", (), {
            "__format__": lambda *_: os.kill(os.getpid(), signal.SIGKILL)})()
        Store.create(sys.argv[1], EXPERIMENT, ABOUT)
    """
    process = in_another_process(code, tmp_path / "run")
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "run").exists()
    Store.create(tmp_path / "run", EXPERIMENT, ABOUT).close()  # and the name is still free


def test_under_a_file_there_is_no_run(tmp_path):
    (tmp_path / "file").write_text("mine")
    refusal(Store.create, tmp_path / "file" / "run", EXPERIMENT, ABOUT)
    assert "no run directory" in refusal(Store, tmp_path / "file" / "run")


@contextlib.contextmanager
def unprivileged():
    """Root may write anywhere: be somebody else meanwhile."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def public():
    """A directory that anybody may enter, unlike pytest's."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    path.chmod(0o755)
    shutil.rmtree(path)


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such users here")
def test_a_directory_that_cannot_be_written(public):
    Store.create(public / "run", EXPERIMENT, ABOUT).close()
    (public / "run" / ".lock").unlink(missing_ok=True)
    for path in (public / "run", public):
        path.chmod(0o555)
    with unprivileged():
        assert "cannot write" in refusal(Store.create, public / "new", EXPERIMENT, ABOUT)
        assert "cannot write" in refusal(Store.resume, public / "run")
        assert Store(public / "run").rows("trials") == []  # reading needs no lock
    assert sorted(path.name for path in public.iterdir()) == ["run"]


@pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no such users here")
def test_a_directory_that_cannot_be_entered(public):
    (public / "closed").mkdir(mode=0o700)
    (public / "closed").chmod(0o700)
    shutil.chown(public / "closed", os.geteuid())
    if os.geteuid():
        (public / "closed").chmod(0o000)
    with unprivileged():
        refusal(Store.create, public / "closed" / "run", EXPERIMENT, ABOUT)
        refusal(Store, public / "closed" / "run")
    (public / "closed").chmod(0o700)


# Damage


def test_what_is_not_a_run(tmp_path):
    assert "no run directory" in refusal(Store, tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    assert "not a run directory" in refusal(Store, tmp_path / "empty")
    assert "not a run directory" in refusal(Store.resume, tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []  # not even a lock


@pytest.mark.parametrize("missing", ["experiment.json", "results.sqlite"])
def test_half_a_run_is_not_a_run(run, missing):
    (run / missing).unlink()
    assert "not a run directory" in refusal(Store, run)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b'{"experiment": {"data',
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"experiment": [], "about": {}}',
        b'{"experiment": null, "about": {}}',
        b'{"experiment": {"dataset": "digits", "strategies": ["lines"]}}',
        b'{"experiment": {"dataset": "digits"}, "about": {}}',
        b'{"experiment": {"dataset": "digits", "strategies": [], "epochs": 1}, "about": {}}',
        b"\xff\xfe\x00garbage\x80",
        b"[" * 100_000,
    ],
)
def test_a_damaged_experiment(run, content):
    (run / "experiment.json").write_bytes(content)
    assert "experiment.json" in refusal(Store, run)
    assert "experiment.json" in refusal(Store.resume, run)


@pytest.mark.parametrize(
    "content", [b"", b"no database at all, only text\n" * 100, b"SQLite forma"]
)
def test_results_that_are_no_database(run, content):
    (run / "results.sqlite").write_bytes(content)
    assert "results.sqlite" in refusal(Store, run)


def filled(run):
    """A results file of many pages."""
    with Store.resume(run) as store:
        for slot in range(20):
            store.start_trial(trial(f"lines-0-2-0-{slot}", message="x" * 5000))
    return run / "results.sqlite"


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.9])
def test_truncated_results(run, share):
    file = filled(run)
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    message = refusal(Store, run)
    assert "results.sqlite" in message and "damaged" in message


@pytest.mark.parametrize("version", [0, 2, 99])
def test_another_schema(run, version):
    with contextlib.closing(sqlite3.connect(run / "results.sqlite")) as database:
        database.execute(f"PRAGMA user_version = {version}")
    assert f"schema {version}" in refusal(Store, run)


def test_a_locked_database_is_not_called_damaged(run, monkeypatch):
    """A user told to restore a sound file from a copy would lose what has been added since."""
    connect = sqlite3.connect
    monkeypatch.setattr(
        store_module.sqlite3, "connect", lambda file, timeout: connect(file, timeout=0.1)
    )
    with contextlib.closing(connect(run / "results.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        message = refusal(Store, run)
        other.execute("ROLLBACK")
    assert "locked" in message and "damaged" not in message and "copy" not in message


# One writer, any number of readers


def test_a_second_writer_is_refused(run):
    with Store.resume(run):
        assert "in use" in refusal(Store.resume, run)
    Store.resume(run).close()


def test_a_new_run_is_locked(tmp_path):
    with Store.create(tmp_path / "run", EXPERIMENT, ABOUT):
        assert "in use" in refusal(Store.resume, tmp_path / "run")


def test_the_lock_is_given_back_after_an_error(run):
    with pytest.raises(ZeroDivisionError), Store.resume(run):
        _ = 1 / 0
    Store.resume(run).close()


def test_another_process_holds_the_lock_until_it_is_killed(run):
    code = """
        store = Store.resume(sys.argv[1])
        store.start_trial(trial())
        print("held", flush=True)
        signal.pause()
    """
    holder = in_another_process(code, run, wait=False)
    try:
        assert holder.stdout.readline() == "held\n"
        assert "in use" in refusal(Store.resume, run)
        assert [row["status"] for row in Store(run).rows("trials")] == ["running"]  # readers may
    finally:
        holder.kill()
        holder.communicate()
    with Store.resume(run) as store:
        assert len(store.rows("trials")) == 1


def test_readers_while_a_writer_is_within_a_transaction(run):
    with Store.resume(run) as writer:
        writer.start_trial(trial())
        with writer.connect() as database:
            database.execute("UPDATE trials SET score = 1.0")
            readers = [Store(run), Store(run)]
            assert [r.rows("trials")[0]["score"] for r in readers] == [None, None]
        assert [r.rows("trials")[0]["score"] for r in readers] == [1.0, 1.0]


# Tables


def test_a_trial_from_start_to_end(run):
    with Store.resume(run) as store:
        store.start_trial(trial())
        (started,) = store.trials()
        assert started == trial()
        assert started.retries == 0 and started.score is None
        store.start_trial(trial("lines-0-2-0-1"))
        store.finish_trial(trial(**RESULT), EPOCHS)
        first, second = store.trials()  # as they were started, not as they ended
        assert first == trial(**RESULT)
        assert second.status == "running"
        epochs = store.rows("epochs")
        assert [(row["trial_id"], row["epoch"]) for row in epochs] == [
            ("lines-0-2-0-0", 1),
            ("lines-0-2-0-0", 2),
        ]
        assert epochs[0]["val_loss"] is None


def test_what_happened_at_one_moment_is_one_transaction(run, monkeypatch):
    """And the table is the same as of one each."""
    news = [
        (trial(), ()),
        (trial("lines-0-2-0-1"), ()),
        (trial(**RESULT), EPOCHS),
        (trial("lines-0-2-0-2"), ()),
    ]
    with Store.resume(run) as store:
        for row, epochs in news:
            store.record_trials([(row, epochs)])
        one_each = store.rows("trials"), store.rows("epochs")
        with store.connect() as database:
            database.execute("DELETE FROM trials")
            database.execute("DELETE FROM epochs")
        begun, connect = [], Store.connect

        def counted(self):
            begun.append(self)
            return connect(self)

        monkeypatch.setattr(Store, "connect", counted)
        store.record_trials(news)
        assert len(begun) == 1
        assert (store.rows("trials"), store.rows("epochs")) == one_each


def test_a_trial_left_running_starts_again(run):
    with Store.resume(run) as store:
        store.start_trial(trial())
        store.start_trial(trial(started=9.0))
        assert [row["started"] for row in store.rows("trials")] == [9.0]


def test_no_such_table_or_status(run):
    with Store.resume(run) as store:
        with pytest.raises(ValueError, match="no table"):
            store.rows("trials; DROP TABLE trials")
        with pytest.raises(sqlite3.IntegrityError):
            store.start_trial(trial(status="paused"))
        assert store.rows("trials") == []


def test_finals_and_data_set_are_written_once_a_key(run):
    with Store.resume(run) as store:
        for accuracy in (0.5, 0.75):
            final = FinalRow("digits", "lines", "x", 1, "completed", test_accuracy=accuracy)
            store.record_final(final, "lines-final-1", EPOCHS)
        assert store.finals() == [final]
        assert store.epochs("lines-final-1") == [
            {**epoch, "val_loss": None, "val_accuracy": None, "val_score": None} for epoch in EPOCHS
        ]
        sizes = {"width": 8, "channels": 1, "train_images": 9, "validation_images": 9}
        facts = {"class_names": '["a", "b"]', "test_images": 1, "mirror": 0, **sizes}
        store.record_dataset({"dataset": "digits", "height": 8, **facts})
        store.record_test_labels("digits", b"\x01\x00")
        store.record_dataset({"dataset": "digits", "height": 9})
        (row,) = store.rows("datasets")
        assert (row["height"], row["test_labels"]) == (9, b"\x01\x00")


def test_the_finals_have_begun_once_one_has_something_to_lose(run):
    with Store.resume(run) as store:
        store.start_trial(trial())
        store.finish_trial(trial(**RESULT), EPOCHS)
        assert not store.finals_begun
        store.record_epochs("lines-final-1", EPOCHS[:1])
        assert store.finals_begun
        with store.connect() as database:
            database.execute("DELETE FROM epochs")
        assert not store.finals_begun
        store.record_final(FinalRow("digits", "lines", "lines-0-2-0-0", 1, "failed"))
        assert store.finals_begun


def test_what_is_forgotten_leaves_nothing_behind(run):
    with Store.resume(run) as store:
        for name in ("lines-0-2-0-0", "lines-0-2-0-1"):
            store.start_trial(trial(name))
            store.finish_trial(trial(name, **RESULT), EPOCHS)
        for seed in (1, 2):
            row = FinalRow(EXPERIMENT.dataset_name, "lines", "lines-0-2-0-0", seed, "failed")
            store.record_final(row, f"lines-final-{seed}", EPOCHS)
        store.forget(["lines-0-2-0-1"], {"lines-final-2": row})
        assert [row.trial_id for row in store.trials()] == ["lines-0-2-0-0"]
        assert [row.seed for row in store.finals()] == [1]
        left = {row["trial_id"] for row in store.rows("epochs")}
        assert left == {"lines-0-2-0-0", "lines-final-1"}


def test_an_extended_search_is_over_when_it_says_so(run):
    """Its finals may be from before; those that were under way are none of it."""
    with Store.resume(run) as store:
        store.start_trial(trial())
        store.finish_trial(trial(**RESULT), EPOCHS)
        final = FinalRow(EXPERIMENT.dataset_name, "lines", "lines-0-2-0-0", 1, "failed")
        store.record_final(final, "lines-final-1", EPOCHS)
        store.record_epochs("lines-final-2", EPOCHS[:1])
        assert store.search_over
        store.extend(dataclasses.replace(EXPERIMENT, iterations=2), "command")
        store.fit([], {})
        assert store.finals_begun and not store.search_over
        assert store.epochs("lines-final-1") and not store.epochs("lines-final-2")
        ended = {"dataset": EXPERIMENT.dataset_name, "strategy": "lines", "iteration": 0}
        store.record_report_rows("searches", [{**ended, "whole": 1}])
        assert store.search_over
    (extension,) = Store(run).extended
    assert extension.pop("when") and extension == {
        "command": "command",
        "tested": True,
        "before": {"iterations": 1},
        "after": {"iterations": 2},
    }


def test_an_error_midway_leaves_neither_result_nor_epochs(run):
    with Store.resume(run) as store:
        store.start_trial(trial())
        with pytest.raises(sqlite3.Error):
            store.finish_trial(trial(**RESULT), [*EPOCHS, {"no such column": 1}])
        assert store.rows("epochs") == []
        assert store.rows("trials")[0]["status"] == "running"


@pytest.mark.parametrize("moment", ["between", "within"])
def test_a_kill_leaves_neither_result_nor_epochs(run, moment):
    """Between the start of a trial and its end, or within the transaction that ends it."""
    code = """
        def epochs():
            yield from EPOCHS
            os.kill(os.getpid(), signal.SIGKILL)
        store = Store.resume(sys.argv[1])
        store.start_trial(trial())
        if sys.argv[2] == "within":
            store.finish_trial(trial(**RESULT), epochs())
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert in_another_process(code, run, moment).returncode == -signal.SIGKILL
    with Store.resume(run) as store:
        assert store.rows("epochs") == []
        assert [row["status"] for row in store.rows("trials")] == ["running"]
        store.start_trial(trial())
        store.finish_trial(trial(**RESULT), EPOCHS)
        assert len(store.rows("epochs")) == 2


def test_facts_about_the_machine_are_kept_in_the_order_in_which_they_came(tmp_path):
    """A run that was made before they were kept has none; a resume may use others."""
    with Store.create(tmp_path / "run", EXPERIMENT, {"command": "x"}) as store:
        for devices in ("2 processors", "1 GPU", "2 processors"):
            store.record_about("devices", devices)
    read = Store(tmp_path / "run")
    assert read.about == {"command": "x", "devices": ["2 processors", "1 GPU"]}
    assert read.experiment == EXPERIMENT
