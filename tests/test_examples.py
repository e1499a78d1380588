"""The examples in docstrings run as they stand, and where they are promised there is one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts): file
    for package in ("spaces", "search", "analysis")
    for file in sorted((ROOT / package).rglob("*.py"))
}
WITH_EXAMPLES = [name for name, file in MODULES.items() if ">>> " in file.read_text("utf-8")]
PROMISED = [
    name
    for name in MODULES
    if name.startswith(("analysis.statistics.", "search.hyperband.")) or name == "spaces.scans"
    if not name.endswith("__init__")
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


@pytest.mark.parametrize("name", PROMISED)
def test_every_public_function_has_one(name):
    module = importlib.import_module(name)
    own = [
        item
        for key, item in vars(module).items()
        if not key.startswith("_") and getattr(item, "__module__", None) == name
    ]
    assert own
    for item in own:
        if inspect.isfunction(item):
            assert ">>> " in (item.__doc__ or ""), item.__qualname__
