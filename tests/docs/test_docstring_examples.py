"""The examples in docstrings run as they stand, in every module that has some."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WITH_EXAMPLES = sorted(
    ".".join(file.relative_to(ROOT).with_suffix("").parts)
    for package in ("spaces", "search", "analysis")
    for file in (ROOT / package).rglob("*.py")
    if ">>> " in file.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_of_a_module(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


def test_every_scan_and_all_arithmetic_have_an_example():
    """A reader sees what comes out without running anything."""
    for name in ("spaces.scans", "search.hyperband.brackets"):
        module = importlib.import_module(name)
        public = [
            item
            for key, item in vars(module).items()
            if callable(item) and not key.startswith("_") and item.__module__ == name
        ]
        assert public and all(">>> " in item.__doc__ for item in public)
