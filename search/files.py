"""A run directory's files: every path, atomic writes, checkpoints and designs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

import psutil

from search.experiment import ExperimentError


class RunFiles:
    """Where everything of a run lies.

    Attributes:
        path: the run directory.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    @property
    def experiment_file(self) -> Path:
        """What was asked for, as JSON."""
        return self.path / "experiment.json"

    @property
    def results_file(self) -> Path:
        """The SQLite file: the truth."""
        return self.path / "results.sqlite"

    @property
    def report_directory(self) -> Path:
        """Where report.html and report.md lie."""
        return self.path / "report"

    @property
    def designs_directory(self) -> Path:
        """Where the winners lie, each as .json, .py and .keras."""
        return self.path / "designs"

    def checkpoint_file(self, name: str) -> Path:
        """The `.keras` file of a model: of a trial, of a final, or of a pause of either."""
        return self.path / "checkpoints" / f"{name}.keras"

    def delete_drafts(self) -> None:
        """Deletes what `write_atomically` left where it was killed, in the report and elsewhere.

        Raises:
            ExperimentError: a file or folder of the run is a link, or a folder is where no run
                makes one.
        """
        for path in self.path.iterdir():
            if path.is_symlink():
                raise ExperimentError(
                    f"{path} is a link, which no run follows: put there what it leads to"
                )
        for path in (self.path / "checkpoints").glob("*"):
            if path.is_dir():
                raise ExperimentError(f"{path} is a folder among the checkpoints: move it away")
        for folder, _, names in os.walk(self.path):  # which follows no link
            for draft in (Path(folder, name) for name in names if name.startswith(".")):
                writer = draft.suffix.removeprefix(".")
                if writer.isdecimal() and not psutil.pid_exists(int(writer)):
                    draft.unlink(missing_ok=True)

    # Checkpoints

    def save_checkpoint(self, name: str, model: bytes) -> None:
        """Keeps a model (the bytes of a `.keras` file) to go on from, or for its design.

        Raises:
            OSError: the disk is full or gone.
        """
        write_atomically(self.checkpoint_file(name), model + seal(model))

    def load_checkpoint(self, name: str) -> bytes | None:
        """Returns what `save_checkpoint` kept, or None if it is gone, or no longer what it was.

        What is lost is trained again, to an equal answer; what is damaged would not be.
        """
        file = self.checkpoint_file(name)
        content = file.read_bytes() if file.exists() else b""
        model = content[:-SEAL]
        return model if content and content[-SEAL:] == seal(model) else None

    def delete_checkpoints_except(self, names: Iterable[str]) -> None:
        """Deletes every checkpoint but these, and what a kill left half written."""
        folder, kept = self.path / "checkpoints", {f"{name}.keras" for name in names}
        if folder.exists():
            with os.scandir(folder) as entries:  # names alone: this is asked after every trial
                there = {entry.name for entry in entries}
            for name in there - kept:
                (folder / name).unlink()

    def checkpoint_names(self) -> set[str]:
        """Returns the names under which models are kept."""
        return {file.stem for file in (self.path / "checkpoints").glob("*.keras")}

    # Designs

    def save_design(self, name: str, content: bytes) -> Path:
        """Writes a file of a design and returns its path."""
        file = self.designs_directory / name
        write_atomically(file, content)
        return file

    def delete_design(self, file: Path) -> None:
        """Deletes a design's files, first the one that promises the others.

        Args:
            file: its `.json`, as `design_files` names it.
        """
        for ending in (".json", ".py", ".keras"):
            file.with_suffix(ending).unlink(missing_ok=True)

    def design_files(self) -> list[Path]:
        """Returns the designs' `.json` files, by name."""
        return sorted(self.designs_directory.glob("*.json"))


SEAL = 16  # bytes; whatever reads `.keras` files, which are archives, looks past what is behind


def seal(content: bytes) -> bytes:
    """Returns what stands behind a file's content, to know it again by."""
    return hashlib.blake2b(content, digest_size=SEAL).digest()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file so that a kill at any instant leaves the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
