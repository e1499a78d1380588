"""What the verdict does not show."""

import dataclasses

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import limits
from search.store import Store
from tests.support.synthetic_runs import make_run


def test_it_says_what_was_held_fixed(tmp_path):
    found = find(load_run(make_run(tmp_path / "run")))
    said = " ".join(limits.section(found).prose)
    assert "1 search of each strategy, 4 configurations in all" in said
    assert "at most 9 epochs" in said and "multiply-adds" not in said
    asked = dataclasses.replace(found.run.experiment, max_multiply_adds=39_200_000)
    small = dataclasses.replace(found.run, experiment=asked)
    said = " ".join(limits.section(dataclasses.replace(found, run=small)).prose)
    assert "Models of more than 39,200,000 multiply-adds were not drawn." in said


def test_before_the_test_it_says_nothing(tmp_path):
    assert limits.section(find(load_run(make_run(tmp_path / "run", seeds=0)))) is None


def test_it_says_what_was_asked_for_once_the_test_had_been_seen(tmp_path):
    path = make_run(tmp_path / "run")
    assert "extended" not in " ".join(limits.section(find(load_run(path))).prose)
    with Store.resume(path) as store:
        for more in ({"final_seeds": 5}, {"iterations": 6, "max_epochs": 27}):
            store.extend(dataclasses.replace(store.experiment, **more), "command")
    run = load_run(path)
    for extension, day in zip(run.about["extended"], ("2026-01-02", "2026-01-03"), strict=True):
        extension["when"] = f"{day}T03:04:05+0000"
    (said,) = [text for text in limits.section(find(run)).prose if "extended" in text]
    assert said.startswith(
        "It was extended after its test had been seen: on 2026-01-02 by final seeds 5 instead of "
        "3, then on 2026-01-03 by max epochs 27 instead of 9 and iterations 6 instead of 1."
    )
    run.about["extended"][1]["tested"] = False
    assert "2026-01-03" not in " ".join(limits.section(find(run)).prose)
