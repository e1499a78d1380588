"""Reports of runs whose names come from folders nobody has looked at, and of a single trial."""

import numpy as np
import pytest
from PIL import Image

from analysis import load_run
from analysis.report.write import write_report
from search.data.datasets import load_dataset
from search.experiment import Experiment
from search.store import Store
from tests.support.reports import HOSTILE, check
from tests.support.synthetic_runs import make_run

# What a file system takes as the name of a folder.
FOLDERS = [
    "<script>alert(1)",
    "\"'><img src=x onerror=alert(2)>",
    "\u202egnp.exe",
    "\u05d0\u05d1 <x>",
    "&lt;b&gt; | `*_",
    "</title><svg onload=alert(3)>".replace("/", "\\"),
    "y" * 250,
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_a_data_set_may_be_called_anything(text, tmp_path):
    name = text.replace("/", "")  # or it would be a path, and the name its last part
    path = make_run(tmp_path / "run", ["lines"], configurations=1, seeds=1, dataset=name)
    page, note = check(path)
    start = " ".join(name.split())[:10].replace("\u202e", "")
    assert start in page.text  # as text
    assert "img" not in page.tags
    for shown in (page.text, note):
        assert "\u202e" not in shown and "y" * 200 not in shown


def test_folders_and_files_may_be_called_anything(tmp_path):
    rng = np.random.default_rng(0)
    images = tmp_path / FOLDERS[0]
    for name in FOLDERS:
        (images / name).mkdir(parents=True)
        for number in range(6):
            pixels = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(images / name / f"{FOLDERS[1]}{number}.png")
    dataset = load_dataset(Experiment(str(images), ("lines",)))
    # What cannot be printed the loader spells out; all else comes to the report as it is.
    assert set(FOLDERS) - set(dataset.class_names) == {"\u202egnp.exe"}
    assert len(dataset.class_names) == len(FOLDERS)
    path = make_run(
        tmp_path / "run", ["lines", "cnn_lines"], configurations=1, dataset=dataset.name,
        class_names=dataset.class_names, message=f"cannot read {images / FOLDERS[1]}",
        broken=["cnn_lines"],
    )  # fmt: skip
    page, _ = check(path)
    for name in ("<script>alert(1)", "<img src=x onerror=alert(2)>", "&lt;b&gt;"):
        assert name in page.text


@pytest.mark.parametrize(
    ("status", "seeds", "words"),
    [
        ("completed", 0, "no winner"),
        ("completed", 1, "no winner"),
        ("completed", 3, "nothing to compare"),
        ("failed", 0, "every trial failed"),
        ("running", 0, "no winner"),
    ],
)
def test_a_run_of_one_trial(status, seeds, words, tmp_path):
    path = make_run(tmp_path / "run", ["lines"], configurations=1, seeds=seeds, final_seeds=3)
    with Store.resume(path) as store, store.connect() as database:
        database.execute("DELETE FROM trials WHERE rung < 2")
        database.execute("DELETE FROM epochs WHERE trial_id NOT IN (SELECT trial_id FROM trials)")
        if status != "completed":
            database.execute("UPDATE trials SET status = ?, score = NULL", (status,))
            database.execute("DELETE FROM epochs")
    assert len(load_run(path).trials) == 1
    page, note = check(path)
    assert words in page.text.lower() and words in note.lower()


def test_an_older_run_without_the_tables_of_images_is_read(tmp_path):
    path = make_run(tmp_path / "run")
    with Store(path).connect() as database:
        database.execute("DROP TABLE images")
        database.execute("DROP TABLE sequences")
    run = load_run(path)
    assert run.images.empty
    assert run.sequences.empty
    write_report(path)
