"""Draws every strategy from its code, and writes `docs/strategies.md` around the drawings.

    python docs/draw_strategies.py

Which pixels a timestep reads is not drawn by hand but measured, by the gradient of the built
model's sequence. A test holds the files on disk against what this makes.
"""

from __future__ import annotations

import importlib
import inspect
import itertools
import sys
from pathlib import Path
from typing import Any

import keras
import keras_tuner
import numpy as np

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from spaces import STRATEGIES  # noqa: E402
from spaces.scans import SCANS, scan  # noqa: E402

DRAWN = (16, 16, 1)
SHAPES = [(28, 28, 1), (32, 32, 3)]
# What to show where the first of a parameter's values is not the most telling.
EXAMPLES: dict[str, dict[str, Any]] = {
    "cnn_lines": {"pooling": "average"},
    "cnn_flat": {"pooling": "average"},
    "conv_sweeps": {"pooling": "average"},
    "patches": {"patch": 4, "scan": "hilbert"},
    "pixels": {"scan": "snake"},
    "sweeps": {"axis": "columns"},
}
CELL = 12
TIMES = "\N{MULTIPLICATION SIGN}"
COLOURS = np.array(  # viridis, at every quarter
    [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]]
)

INTRODUCTION = f"""\
# Strategies

Each way of turning an image into a sequence that Scanline searches. This page is written by
`python docs/draw_strategies.py` from the code, drawings and numbers included.

A drawing shows a {DRAWN[0]}{TIMES}{DRAWN[1]} image; a pixel has the colour of the timestep that
it reaches most strongly, measured by the gradient of an untrained model's sequence. Below it is
the sequence, first timestep to last. Where every timestep has pixels of its own, the line follows
them through the image. Where convolutions come first, a timestep also sees the pixels around, and
the borders are not straight.

*Timesteps {TIMES} features* is the shape of the layer named `"sequence"` in the configuration
that is drawn. Timesteps are the steps that the last recurrence takes one after another, features
all numbers that it reads in one of them.
"""


def example(name: str, shape: tuple[int, int, int]) -> tuple[keras.Model, Any]:
    """A strategy's model in the configuration that is drawn, and its hyperparameters.

    The model gives the sequence, or, for a control, the features.
    """
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(0)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(EXAMPLES.get(name, {}))
    images = keras.Input(shape)
    strategy = STRATEGIES[name]
    model = keras.Model(images, strategy.build(images, hp))
    if strategy.recurrent:
        model = keras.Model(images, model.get_layer("sequence").output)
    return model, hp


def owners(model: keras.Model) -> np.ndarray:
    """Which timestep of a model's sequence each pixel reaches most strongly, (height, width).

    One backward pass finds all timesteps: copy t of the image is asked for timestep t alone.
    """
    import tensorflow as tf

    timesteps, features = model.output.shape[1:]
    rng = np.random.default_rng(0)
    reached = np.zeros((timesteps, *model.input_shape[1:3]))
    for _ in range(24):
        image = rng.uniform(-1, 1, (1, *model.input_shape[1:])).astype("float32")
        copies = tf.constant(np.repeat(image, timesteps, axis=0))
        with tf.GradientTape() as tape:
            tape.watch(copies)
            own = tf.einsum("ttf->tf", model(copies))
            mixed = tf.reduce_sum(own * rng.normal(size=features).astype("float32"))
        reached += np.square(tape.gradient(mixed, copies)).sum(axis=-1)
    return reached.argmax(axis=0)


def colour(timestep: int, timesteps: int) -> str:
    """From dark, the first timestep, to light, the last."""
    place = timestep / max(1, timesteps - 1) * (len(COLOURS) - 1)
    low = min(int(place), len(COLOURS) - 2)
    mixed = COLOURS[low] + (place - low) * (COLOURS[low + 1] - COLOURS[low])
    return "#" + "".join(f"{round(float(part)):02x}" for part in mixed)


def grid(times: np.ndarray, timesteps: int, left: int = 0, top: int = 0) -> list[str]:
    """A grid of timesteps (height, width) in colour, with the way through it."""
    lines = []
    for row, values in enumerate(times.tolist()):
        column = 0
        for timestep, run in itertools.groupby(values):
            cells = len(list(run))
            place = f'x="{left + column * CELL}" y="{top + row * CELL}"'
            area = f'width="{cells * CELL}" height="{CELL}"'
            lines.append(f'<rect {place} {area} fill="{colour(timestep, timesteps)}"/>')
            column += cells
    if len(np.unique(times)) < timesteps:  # some have no pixel of their own: there is no one way
        return lines
    centres = [np.argwhere(times == t).mean(axis=0) for t in range(timesteps)]
    points = " ".join(
        f"{left + (column + 0.5) * CELL:.1f},{top + (row + 0.5) * CELL:.1f}"
        for row, column in centres
    )
    style = 'fill="none" stroke="white" stroke-opacity="0.7" stroke-width="1.5"'
    return [*lines, f'<polyline points="{points}" {style}/>']


def svg(width: int, height: int, lines: list[str]) -> str:
    """Wraps drawn lines, with a white ground under them."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}"'
    ground = f'<rect width="{width}" height="{height}" fill="white"/>'
    return "\n".join([f'{head} font-family="sans-serif" font-size="11">', ground, *lines, "</svg>"])


def text(x: float, y: int, words: str) -> str:
    """Words centred on x."""
    return f'<text x="{x}" y="{y}" text-anchor="middle">{words}</text>'


def draw(name: str) -> str:
    """A strategy's image and, below it, its sequence."""
    model, _ = example(name, DRAWN)
    height, width, _ = DRAWN
    side, bottom = width * CELL, height * CELL
    if not STRATEGIES[name].recurrent:
        image = f'<rect x="10" y="10" width="{side}" height="{bottom}" fill="#bbbbbb"/>'
        return svg(side + 20, bottom + 45, [image, text(side / 2 + 10, bottom + 30, "no sequence")])
    timesteps, features = model.output.shape[1:]
    lines = grid(owners(model), timesteps, 10, 10)
    step = side / timesteps
    for t in range(timesteps):
        # To the end, for the next to paint over: no gaps between narrow ones.
        place = f'x="{10 + t * step:.2f}" y="{bottom + 20}"'
        area = f'width="{side - t * step:.2f}" height="{CELL}"'
        lines.append(f'<rect {place} {area} fill="{colour(t, timesteps)}"/>')
    words = f"{timesteps} timesteps {TIMES} {features} features"
    return svg(side + 20, bottom + 55, [*lines, text(side / 2 + 10, bottom + 48, words)])


def draw_scans(side: int = 8) -> str:
    """All scans of a square grid, side by side."""
    lines, step = [], side * CELL + 16
    for place, name in enumerate(SCANS):
        times = np.argsort(scan(name, side, side)).reshape(side, side)
        left = 10 + place * step
        lines += grid(times, side * side, left, 10)
        lines.append(text(left + side * CELL / 2, side * CELL + 26, name))
    return svg(len(SCANS) * step + 4, side * CELL + 36, lines)


def size(name: str, shape: tuple[int, int, int]) -> str:
    """Timesteps × features of an image of this shape."""
    if not STRATEGIES[name].recurrent:
        return "none"
    timesteps, features = example(name, shape)[0].output.shape[1:]
    return f"{timesteps} {TIMES} {features}"


def searched(hp: Any) -> str:
    """A space in words: each parameter with its values."""
    return "; ".join(
        f"`{parameter.name}` {', '.join(str(value) for value in parameter.values)}"
        for parameter in hp.space
    )


def section(name: str) -> str:
    """What the page says about one strategy: the words are its docstrings."""
    strategy, module = STRATEGIES[name], importlib.import_module(f"spaces.strategies.{name}")
    _, *more = inspect.cleandoc(module.__doc__ or "").split("\n\n")
    build = inspect.cleandoc(strategy.build.__doc__ or "").partition("\n\nRaises:")[0]
    words = [*more, build]
    shown = ", ".join(f"`{key}` {value}" for key, value in EXAMPLES.get(name, {}).items())
    spaces = searched(example(name, SHAPES[-1])[1])
    return "\n\n".join(
        [
            f"## `{name}`",
            f"{strategy.summary[0].upper()}{strategy.summary[1:]}. *{strategy.reference}* "
            f"([{name}.py](../spaces/strategies/{name}.py))",
            f"![{name}](strategies/{name}.svg)",
            *words,
            f"Drawn with {shown or 'the first value of everything'}. Searched for a "
            f"{TIMES.join(map(str, SHAPES[-1]))} image: {spaces}.",
        ]
    )


def page() -> str:
    """The whole of `strategies.md`."""
    titles = [TIMES.join(map(str, shape)) for shape in SHAPES]
    table = [
        f"| strategy | {' | '.join(titles)} | what it is |",
        "|---|" + "---:|" * len(titles) + "---|",
    ]
    for name, strategy in STRATEGIES.items():
        sizes = " | ".join(size(name, shape) for shape in SHAPES)
        table.append(f"| [`{name}`](#{name}) | {sizes} | {strategy.summary} |")
    scans = [
        f"- `{name}`: {(order.__doc__ or '').splitlines()[0]}" for name, order in SCANS.items()
    ]
    parts = [
        INTRODUCTION,
        "\n".join(table),
        "## Scans",
        "The orders in which positions of a grid become timesteps, for `patches` and `pixels`. "
        "Only those are offered that differ from one another on an image's grids.",
        "![scans](strategies/scans.svg)",
        "\n".join(scans),
        *(section(name) for name in STRATEGIES),
    ]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def files() -> dict[Path, str]:
    """Every file this makes, and its text."""
    folder = HERE / "strategies"
    drawings = {folder / f"{name}.svg": draw(name) + "\n" for name in STRATEGIES}
    return {HERE / "strategies.md": page(), folder / "scans.svg": draw_scans() + "\n", **drawings}


if __name__ == "__main__":
    for path, content in files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(content, encoding="utf-8")
