"""How images and models travel between driver and workers: in messages, or through a directory."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import numpy as np

from search.data.datasets import Images
from search.files import write_atomically


@dataclasses.dataclass(frozen=True)
class Post:
    """Sends by message, through Dask's scheduler, unless there is a directory that all see.

    Attributes:
        session: one driver's; its files' names begin with it.
        directory: the same place for driver and workers; None for none.
    """

    session: str
    directory: str | None = None

    def _file(self, ending: str) -> Path:
        assert self.directory is not None
        return Path(self.directory) / f"scanline-{self.session}-{uuid.uuid4().hex}{ending}"

    def send(self, content: bytes | None) -> bytes | Path | None:
        """Returns what a message carries instead of the content."""
        if content is None or self.directory is None:
            return content
        file = self._file(".keras")
        write_atomically(file, content)
        return file

    def receive(self, parcel: bytes | Path | None) -> bytes | None:
        """Returns what `send` was given; it can be received once."""
        if not isinstance(parcel, Path):
            return parcel
        content = parcel.read_bytes()
        parcel.unlink()
        return content

    def send_images(self, images: Images) -> Images | Path:
        """Returns what a message carries instead of the images."""
        if self.directory is None:
            return images
        file = self._file(".x.npy")
        np.save(file, images.x, allow_pickle=False)
        np.save(labels_file(file), images.y, allow_pickle=False)
        return file

    def receive_images(self, parcel: Images | Path) -> Images:
        """Returns what `send_images` was given, for any number of receivers.

        Of a file, the workers of one machine share one copy in memory.
        """
        if isinstance(parcel, Images):
            return parcel
        x = np.load(parcel, mmap_mode="r", allow_pickle=False)
        return Images(x, np.load(labels_file(parcel), allow_pickle=False))

    def clear(self) -> None:
        """Deletes what was sent and not received."""
        if self.directory is not None:
            for file in Path(self.directory).glob(f"scanline-{self.session}-*"):
                file.unlink(missing_ok=True)


def labels_file(file: Path) -> Path:
    """Where the labels of images in a file lie."""
    return file.with_name(file.name.replace(".x.npy", ".y.npy"))
