"""A machine that looks as if it had cards: its driver's tool, and what a backend sees."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from search.environment import GPUS, PLATFORMS

ONE = "echo 'GPU 0: NVIDIA A (UUID: GPU-1)'"
TWO = f"{ONE}; echo 'GPU 1: NVIDIA B (UUID: GPU-2)'"


class MadeMachine:
    """Replaces the tool and the backends that processes of this machine find.

    Args:
        folder: an empty one.
        monkeypatch: takes it all back.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch):
        self.folder, self.monkeypatch = folder, monkeypatch
        for name in (GPUS, PLATFORMS, "KERAS_BACKEND"):
            monkeypatch.delenv(name, raising=False)
        (folder / "bin").mkdir()
        monkeypatch.setenv("PATH", str(folder / "bin"))  # a tool that is installed is not found

    def tool(self, script: str) -> None:
        """Has `nvidia-smi` do what a shell does with this."""
        tool = self.folder / "bin" / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(0o755)

    def backend(self, name: str, code: str) -> None:
        """Has `import tensorflow`, or `jax`, run this code in processes that are started."""
        package = self.folder / "packages" / name
        package.mkdir(parents=True)
        (package / "__init__.py").write_text(textwrap.dedent(code))
        self.monkeypatch.setenv("PYTHONPATH", str(package.parent))

    def tensorflow_sees(self, *names: str) -> None:
        """Has TensorFlow list cards of these names."""
        self.backend(
            "tensorflow",
            f"""
            class config:
                list_physical_devices = lambda kind: {list(names)!r}
                class experimental:
                    get_device_details = lambda gpu: dict(device_name=gpu)
            """,
        )
