"""What `--dataset` says -> where the images come from: a known name, a file, a folder."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from search.data.arrays import Arrays, names_for, source_of_arrays
from search.data.builtin import NAMES, digits_source, keras_source
from search.data.folders import folder_source
from search.data.hdf5 import ENDINGS as HDF5_ENDINGS
from search.data.hdf5 import Hdf5
from search.data.layouts import folders_of_images
from search.data.npy import NpyFolder
from search.data.npz import Npz
from search.data.sources import Source, bad_data
from search.experiment import Experiment, ExperimentError
from search.wording import did_you_mean


def source_of(experiment: Experiment) -> Source:
    """Finds the data set that an experiment asks for.

    Raises:
        ExperimentError: there is none, or it cannot be read.
    """
    name = experiment.dataset
    if name in NAMES:
        return _known(experiment)
    path = check_there(name)
    arrays = _arrays(path)
    if arrays is None:
        return folder_source(path, experiment.image_size, experiment.skip_broken)
    _check_files(experiment)
    source = source_of_arrays(arrays)
    if arrays.path.is_dir() and (beside := folders_of_images(arrays.path)):
        note = f"passed over: images in {', '.join(beside)}, beside the .npy files that are read"
        source = dataclasses.replace(source, notes=(*source.notes, note))
    return source


def check_there(name: str) -> Path:
    """Returns the file or folder that `--dataset` names.

    Raises:
        ExperimentError: there is none, or it is a pipe or a device, which could be waited for.
    """
    path = _existing(name)
    if path is None:
        raise _unknown(name)
    if not (path.is_dir() or path.is_file()):
        raise bad_data(f"{path} is no file and no folder: give one")
    return path


def comes_with_keras(experiment: Experiment) -> bool:
    """Whether a data set is read by Keras's own loaders.

    >>> [comes_with_keras(Experiment(name, ("lines",))) for name in ("mnist", "digits")]
    [True, False]
    """
    name, folder = experiment.dataset, experiment.data_dir
    if name not in NAMES or name == "digits":
        return False
    return folder is None or not Path(folder, f"{name}.npz").is_file()


def _known(experiment: Experiment) -> Source:
    """Returns the data set of a name, whatever lies here under it."""
    name = experiment.dataset
    _check_files(experiment)
    if name == "digits":
        source = digits_source()
    elif experiment.data_dir is None:
        source = keras_source(name)
    else:
        folder = _existing(experiment.data_dir)
        if folder is None or not folder.is_dir():
            raise bad_data(f"there is no folder {experiment.data_dir}: check what --data-dir names")
        file = _existing(str(folder / f"{name}.npz"))
        found = None if file is None else source_of_arrays(Npz(file))
        source = found or keras_source(name, looked_in=folder)
    if Path(name).exists():
        note = f"{name} is the data set of that name; for what lies here, give ./{name}"
        source = dataclasses.replace(source, notes=(*source.notes, note))
    return source


def _check_files(experiment: Experiment) -> None:
    """Refuses what is asked of image files, where there are none."""
    for option, does, asked in (
        ("--image-size", "resizes", experiment.image_size is not None),
        ("--skip-broken", "leaves out some of", experiment.skip_broken),
    ):
        if asked:
            raise bad_data(
                f"{option} {does} a folder's images, {experiment.dataset} is none: leave it out"
            )


def _arrays(path: Path) -> Arrays | None:
    """Returns the arrays of a file or folder; None where it holds or names image files."""
    ending = path.suffix.lower()
    if path.is_dir():
        folder = NpyFolder(path)
        return folder if names_for("train") & {*folder.names()} else None
    if ending == ".csv":
        return None
    if ending == ".npy":
        if path.stem not in names_for("train", "validation", "test"):
            raise bad_data(
                f"{path} is one array: call its images and labels x.npy and y.npy, or x_train.npy, "
                "y_train.npy, x_test.npy and y_test.npy, in a folder of their own"
            )
        return NpyFolder(path.parent)
    if ending in HDF5_ENDINGS:
        return Hdf5(path)
    if ending != ".npz" and path.is_file():
        raise bad_data(
            f"{path} is nothing that is read: give a folder of class folders, an .npz, .npy files, "
            "an .h5, or a .csv of paths and labels"
        )
    return Npz(path)


def _existing(name: str) -> Path | None:
    """Returns the path of a file or folder, or None if there is none."""
    try:
        path = Path(name).expanduser()
        return path if name.strip() and path.exists() else None
    except (OSError, RuntimeError) as error:  # a name too long, no right to enter, no such home
        raise bad_data(f"cannot read {name} ({error}): check the path and its rights") from error


def _unknown(name: str) -> ExperimentError:
    if name.endswith(".npz") or len(Path(name).parts) > 1:
        return bad_data(f"there is no file or folder {name}: check what --dataset names")
    hint = did_you_mean(name, NAMES)
    return bad_data(
        f"unknown data set {name!r}: {hint}--dataset takes {', '.join(NAMES)}, "
        "the path of an .npz, or a folder of class folders"
    )
