"""What travels between processes is plain, and what trains knows of no run directory."""

from __future__ import annotations

import ast
import dataclasses
import json
from pathlib import Path

import search.training
from search.metric import METRICS
from search.training.spec import TrialResult, TrialSpec

SPEC = TrialSpec("lines-0-2-0-1", "lines", {"units": 8, "rate": 0.1}, 7, 0, 1, 9, 64, 10, False)


def test_a_spec_survives_json():
    assert TrialSpec(**json.loads(json.dumps(dataclasses.asdict(SPEC)))) == SPEC
    assert SPEC.metric in METRICS


def test_a_result_says_whether_it_goes_on():
    paused = {"running": True, "completed": False, "failed": False}
    for status, expected in paused.items():
        assert TrialResult("a", {"status": status}).paused is expected


def test_training_knows_neither_run_directory_nor_workers():
    files = list(Path(search.training.__path__[0]).rglob("*.py"))
    assert len(files) >= 6
    imported = {
        name
        for file in files
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (name := node.module or "").startswith("search")
    }
    assert imported == {
        "search.data.datasets",
        "search.metric",
        "search.reliability",
        *(f"search.training.{name}" for name in ("callbacks", "model", "run", "spec")),
    }
