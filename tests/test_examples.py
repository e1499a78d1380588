"""The examples in docstrings run as they stand, and where they are promised there is one."""

import doctest
import importlib
import inspect
import re
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


@pytest.mark.parametrize("name", MODULES)
def test_what_is_shipped_needs_no_test(name):
    """In its examples, too: they run where it is installed, without the checkout."""
    assert not re.search(r"(from|import) tests\b", MODULES[name].read_text("utf-8"))


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples_run(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.attempted and not done.failed


@pytest.mark.parametrize("name", PROMISED)
def test_every_public_function_and_method_has_one(name):
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
        if inspect.isclass(item):
            for method in public_methods(item):
                shown = ">>> " in (getattr(item, method).__doc__ or "")
                assert shown or method in examples(item), f"{item.__qualname__}.{method}"


def public_methods(kind):
    """Those that a class adds to its bases': what it overrides is told there."""
    for name, item in vars(kind).items():
        method = inspect.isroutine(item) or isinstance(item, property | classmethod | staticmethod)
        inherited = any(name in vars(base) for base in kind.__mro__[1:])
        if method and not name.startswith("_") and not inherited:
            yield name


def examples(kind):
    """The names that the examples of a class use: its methods are shown together there."""
    lines = [line for line in (kind.__doc__ or "").splitlines() if line.strip().startswith(">>>")]
    return set(re.findall(r"\.(\w+)", " ".join(lines)))
