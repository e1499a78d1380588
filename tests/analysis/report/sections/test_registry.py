"""The sections together: what a report has, and what not."""

import ast
from pathlib import Path

import pandas as pd

from analysis import load_run
from analysis.report import sections
from analysis.report.findings import find
from analysis.report.write import write_report
from tests.support.synthetic_runs import make_run


def test_every_table_of_the_report_is_a_file(tmp_path):
    path = make_run(tmp_path / "run")
    write_report(path)
    found = find(load_run(path))
    names = [
        part.name
        for section in sections.make(found)
        for part in section.parts
        if part.kind in ("table", "trials")
    ]
    assert len(names) == len(set(names)) >= 7
    files = {file.stem for file in (path / "report" / "tables").iterdir()}
    assert files == {*names, "brief"}
    trials = pd.read_csv(path / "report" / "tables" / "trials.csv")
    assert sorted(trials.trial_id) == sorted(load_run(path).trials.trial_id)


def test_a_run_without_images_has_no_sections_of_them(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    assert not {"samples", "sequences"} & {section.name for section in sections.make(found)}


def test_a_section_imports_no_other_and_nothing_that_writes():
    folder = Path(sections.__file__).parent
    files = sorted(set(folder.glob("*.py")) - {folder / "__init__.py"})
    assert len(files) > 10
    above = {"sections", "write", "render", "live", "comparison"}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            taken = []
            if isinstance(node, ast.ImportFrom):
                taken = [f"{node.module}.{alias.name}" for alias in node.names]
            elif isinstance(node, ast.Import):
                taken = [alias.name for alias in node.names]
            for name in taken:
                package, _, inner = name.partition("analysis.report.")
                assert package or inner.split(".")[0] not in above, (file.name, name)
