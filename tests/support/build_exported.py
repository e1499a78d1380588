"""Run in a process of its own by test_source.py: builds exported sources with Keras alone.

Prints a JSON object: the name of each source to the layers of the model it built and to how far
that model's outputs, with the searched model's weights, are from the searched model's.
"""

import importlib.util
import json
import sys
from pathlib import Path

import keras
import numpy as np

folder = Path(sys.argv[1])
answers = {}
for file in sorted(folder.glob("*.py")):
    specification = importlib.util.spec_from_file_location(file.stem.replace("-", "_"), file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    model = module.build()
    model.load_weights(file.with_suffix(".keras"))
    recorded = np.load(file.with_suffix(".npz"))
    outputs = keras.ops.convert_to_numpy(model(recorded["images"]))
    answers[file.stem] = {
        "layers": [[type(layer).__name__, layer.get_config()] for layer in model.layers],
        "error": float(np.abs(outputs - recorded["outputs"]).max()),
        "spread": float(outputs.std()),
    }
    keras.utils.clear_session(free_memory=False)
for ours in ("spaces", "search", "analysis", "keras_tuner"):
    assert ours not in sys.modules, ours
for ours in ("spaces", "search", "analysis"):
    assert importlib.util.find_spec(ours) is None, f"{ours} is on the path"
print(json.dumps(answers))
