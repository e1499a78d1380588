"""What tests of the search share: a run directory."""

import pytest

from search.store import Store
from tests.support.stores import ABOUT, EXPERIMENT


@pytest.fixture
def run(tmp_path):
    """A run directory that nobody writes to."""
    Store.create(tmp_path / "run", EXPERIMENT, ABOUT).close()
    return tmp_path / "run"
