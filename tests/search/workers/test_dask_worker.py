"""What a worker says of itself: driver and workers run one code."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import search
import spaces
from search.workers import dask_worker


@pytest.fixture
def copies(tmp_path, monkeypatch):
    """The packages copied to where a test may change them; the digest is that of the copies."""
    for package in (search, spaces):
        copy = tmp_path / package.__name__
        shutil.copytree(package.__path__[0], copy)
        monkeypatch.setattr(package, "__path__", [str(copy)])
    return tmp_path


@pytest.mark.parametrize(
    "file",
    ["search/tuner.py", "search/training/trial.py", "spaces/strategies/lines.py"],
)
def test_a_changed_byte_in_any_folder_changes_the_digest(copies, file):
    before = dask_worker.code_digest()
    assert before == dask_worker.code_digest()
    with (copies / file).open("a") as code:
        code.write("#")
    assert dask_worker.code_digest() != before


def test_the_digest_is_that_of_every_module(copies):
    before = dask_worker.code_digest()
    for package in (search, spaces):
        for module in Path(package.__path__[0]).rglob("*.py"):
            kept = module.read_bytes()
            module.write_bytes(kept + b"#")
            assert dask_worker.code_digest() != before, module
            module.write_bytes(kept)
    assert dask_worker.code_digest() == before
