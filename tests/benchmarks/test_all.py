"""Every benchmark starts: they are run by hand, so nothing else would notice that one does not."""

import importlib
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"
NAMES = sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__init__")


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_it_does(name, monkeypatch, capsys):
    """In this process: TensorFlow, which some import, takes seconds each time."""
    module = importlib.import_module(f"benchmarks.{name}")
    if not hasattr(module, "main"):
        return  # what others share
    monkeypatch.setattr("sys.argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: {name}.py")
