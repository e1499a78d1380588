"""The run of the docstrings: it says what a run of a search says, without a file."""

from analysis.example import example
from analysis.run import best_first, pending_finals, representatives
from analysis.statistics.decision import decide


def test_it_is_a_finished_run():
    run = example(given={"lines": [0]}, lines=0.9, cnn_control=0.5)
    assert run.controls == ("cnn_control",)
    assert not pending_finals(run).any()
    assert list(representatives(run).trial_id) == ["lines-0-2-2-0", "cnn_control-0-2-2-0"]
    assert len(best_first(run.trials, run.experiment.objective)) == len(run.trials) == 12
    assert len(run.test_labels) == len(run.finals.predictions[0])
    assert run.experiment.initial_of("lines", {"units": 32}).origin == "designs/lines.json"
    assert decide(run).best == "lines"
    assert not run.path.exists()
