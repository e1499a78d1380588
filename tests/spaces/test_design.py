"""Designs edited by hand: what works, and what is named in one line."""

import json

import pytest

from spaces import STRATEGIES, build_design
from spaces.design import design_values

DESIGN = {
    "scanline_design": 1,
    "strategy": "cnn_lines",
    "image_shape": [8, 12, 1],
    "classes": 3,
    "values": {
        "axis": "columns", "depth": 2, "filters": 8, "pooling": "average", "lstm_units": 64,
        "lstm_layers": 2, "direction": "both", "readout": "mean", "dropout": 0.3,
        "augmentation": "shift_flip", "label_smoothing": 0.1, "learning_rate": 0.002,
        "weight_decay": 0.01, "schedule": "cosine",
    },
    "training": {"decay_steps": 90, "mirror": True, "seed": 4},
}  # fmt: skip


def edited(**values):
    return {**DESIGN, "values": {**DESIGN["values"], **values}}


def without(*names):
    return {**DESIGN, "values": {k: v for k, v in DESIGN["values"].items() if k not in names}}


def refusal(design):
    with pytest.raises(ValueError) as raised:
        build_design(design)
    message = str(raised.value)
    assert "\n" not in message and len(message) < 500
    return message


def test_a_design_builds_its_model():
    model = build_design(json.loads(json.dumps(DESIGN)))
    assert model.name == "cnn_lines"
    assert model.input_shape == (None, 8, 12, 1) and model.output_shape == (None, 3)
    names = [layer.name for layer in model.layers]
    assert "transpose" in names and "lstm_1" in names and "convolution_2" not in names
    schedule = model.optimizer._learning_rate
    assert (schedule.initial_learning_rate, schedule.decay_steps) == (0.002, 90)
    assert design_values(DESIGN) == DESIGN["values"]


def test_the_same_design_starts_from_the_same_weights():
    first, second = (build_design(DESIGN).get_weights() for _ in range(2))
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("name", STRATEGIES)
def test_no_values_are_the_defaults(name):
    design = {"scanline_design": 1, "strategy": name, "image_shape": [9, 8, 3], "classes": 2}
    values = design_values({**design, "values": {}})
    assert design_values({**design, "values": values}) == values
    assert build_design({**design, "values": {}}).output_shape == (None, 2)


def test_a_value_added_removed_or_edited():
    assert design_values(without("readout"))["readout"] == "last"
    assert design_values(edited(lstm_units=128.0))["lstm_units"] == 128
    assert design_values(edited(dropout=0))["dropout"] == 0.0
    assert design_values(edited(lstm_layers=1))["lstm_layers"] == 1
    changed = build_design({**edited(lstm_units=32), "image_shape": [16, 16, 3], "classes": 7})
    assert changed.output_shape == (None, 7) and changed.get_layer("logits").input.shape[1] == 64


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("readout", "lst", "last, mean, first_last"),
        ("lstm_units", 65, "32, 64, 128"),
        ("lstm_units", "64", "32, 64, 128"),
        ("lstm_layers", True, "1, 2"),
        ("lstm_layers", 3, "1, 2"),
        ("learning_rate", 1, "from 0.0003 to 0.01"),
        ("learning_rate", float("nan"), "from 0.0003 to 0.01"),
        ("learning_rate", "0.002", "from 0.0003 to 0.01"),
        ("depth", None, "1, 2"),
        ("axis", ["rows"], "rows, columns, positions"),
        ("dropout", {"rate": "x" * 10_000}, "0.0, 0.1, 0.2, 0.3, 0.5"),
    ],
)
def test_a_wrong_value_is_named_with_what_is_allowed(name, value, allowed):
    message = refusal(edited(**{name: value}))
    assert message.startswith(f"{name} cannot be ") and message.endswith(f"it can be {allowed}")


def test_an_unknown_name_is_named():
    message = refusal(edited(lstm_unit=64))
    assert "no hyperparameter 'lstm_unit': did you mean lstm_units" in message
    assert "weight_decay" in message  # and all there are
    assert "\u202e" not in refusal(edited(**{"\u202e\n" + "x" * 10_000: 1}))


@pytest.mark.parametrize(
    ("key", "value", "named"),
    [
        ("scanline_design", 2, "format 2"),
        ("strategy", "cnn_line", "did you mean cnn_lines"),
        ("strategy", ["lines"], "expected str, got array, at strategy"),
        ("image_shape", [8, 8], "length 3, got 2, at image_shape"),
        ("image_shape", [8, 8, 0], "expected int >= 1, at image_shape[2]"),
        ("image_shape", "888", "expected array, got str, at image_shape"),
        ("classes", 2.5, "expected int, got float, at classes"),
        ("classes", True, "expected int, got bool, at classes"),
        ("values", [1], "expected object, got array, at values"),
        ("values", None, "expected object, got null, at values"),
        ("training", 5, "expected object, got int, at training"),
        ("training", {"decay_steps": -1}, "expected int >= 1, at training.decay_steps"),
        ("training", {"seed": "0"}, "expected int, got str, at training.seed"),
    ],
)
def test_a_wrong_key_is_named(key, value, named):
    assert named in refusal({**DESIGN, key: value})


@pytest.mark.parametrize("design", [{}, [], None, "x", 3])
def test_what_is_no_design_is_refused(design):
    assert "no design" in refusal(design)


def test_a_missing_key_is_named():
    for key in ("strategy", "image_shape", "classes", "values"):
        assert key in refusal({name: value for name, value in DESIGN.items() if name != key})
