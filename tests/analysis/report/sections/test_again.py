"""How to do it again."""

from analysis import load_run
from analysis.report.findings import find
from analysis.report.sections import again
from tests.support.synthetic_runs import make_run


def test_command_data_software_and_hardware_are_said(tmp_path):
    made = again.section(find(load_run(make_run(tmp_path / "run"))))
    assert made.code == "python run_search.py --dataset digits --seed 1"
    (table,) = made.parts
    facts = dict(table.rows)
    assert facts["seed"] == "1"
    assert facts["strategies"] == "lines, cnn_lines, cnn_flat and line_cnn"
    assert facts["split"] == "1,000 training, 200 validation, 300 test"
    assert facts["versions"] == "python 3.11.9, keras 3.15.1"
    assert facts["hardware"] == "a processor, 2 cores, 8 GiB memory"
    assert facts["classes"] == "10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_what_trained_is_said_where_it_is_known(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    assert "trained by" not in dict(again.section(find(run)).parts[0].rows)
    run.about["devices"] = ["TensorFlow 2: 1 worker on A", "JAX 1: 2 workers on processors"]
    facts = dict(again.section(find(run)).parts[0].rows)
    assert facts["trained by"] == "TensorFlow 2: 1 worker on A; JAX 1: 2 workers on processors"


def test_what_more_was_asked_for_is_part_of_it(tmp_path):
    run = load_run(make_run(tmp_path / "run"))
    run.about["extended"] = [{"command": "python run_search.py --extend run --iterations 6"}]
    assert again.section(find(run)).code.splitlines() == [
        "python run_search.py --dataset digits --seed 1",
        "python run_search.py --extend run --iterations 6",
    ]
