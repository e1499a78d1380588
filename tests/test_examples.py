"""The examples in docstrings run, and where they are promised there is one."""

import doctest
import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(*places):
    """Returns the modules below folders, and files, by their dotted names."""
    files = [
        f for p in places for f in ([ROOT / p] if p.endswith(".py") else (ROOT / p).rglob("*.py"))
    ]
    return sorted(".".join(file.relative_to(ROOT).with_suffix("").parts) for file in files)


PROMISED = modules("analysis/statistics", "spaces/scans.py", "search/hyperband")
OTHERS = modules("spaces/python_code.py", "spaces/values.py", "analysis/formatting.py")
OTHERS += modules("search/options.py", "search/metric.py", "search/search_spaces.py")


@pytest.mark.parametrize("name", [*PROMISED, *OTHERS])
def test_examples_run(name):
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0
    assert found.attempted or name not in PROMISED or name.endswith("__init__")


@pytest.mark.parametrize("name", PROMISED)
def test_every_public_function_has_one(name):
    module = importlib.import_module(name)
    for function_name, function in inspect.getmembers(module, inspect.isfunction):
        if function.__module__ == name and not function_name.startswith("_"):
            assert ">>>" in (function.__doc__ or ""), function_name
