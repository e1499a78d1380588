"""The page and the drawings of strategies are what the code makes of them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def draw_strategies():
    spec = importlib.util.spec_from_file_location("draw_strategies", DOCS / "draw_strategies.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_files_on_disk_are_what_the_script_makes(draw_strategies):
    files = draw_strategies.files()
    for path, content in files.items():
        found = path.read_text(encoding="utf-8") if path.exists() else None
        assert found == content, f"{path.name} has drifted: run python docs/draw_strategies.py"
    assert set((DOCS / "strategies").iterdir()) <= set(files), "a drawing of no strategy"


def test_every_strategy_shows_its_shapes_as_a_block():
    """Four spaces make one in Markdown; `cleandoc` takes them where no text follows."""
    page = (DOCS / "strategies.md").read_text(encoding="utf-8").splitlines()
    shapes = [line for line in page if line.lstrip().startswith(("(batch", "→"))]
    assert len(shapes) > 30
    assert [line for line in shapes if not line.startswith("    ")] == []


def test_rows_are_measured_as_rows(draw_strategies):
    model, _ = draw_strategies.example("lines", (16, 16, 1))
    rows = np.repeat(np.arange(16)[:, None], 16, axis=1)
    np.testing.assert_array_equal(draw_strategies.owners(model), rows)
