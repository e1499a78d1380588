"""How images and models travel between driver and workers: in messages, or through a directory."""

from __future__ import annotations

import dataclasses
import uuid
from pathlib import Path

import numpy as np

from search.data.datasets import Images
from search.files import write_atomically


@dataclasses.dataclass(frozen=True)
class Transport:
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

    def receive(self, payload: bytes | Path | None) -> bytes | None:
        """Returns what `send` was given; it can be received once."""
        if not isinstance(payload, Path):
            return payload
        content = payload.read_bytes()
        payload.unlink()
        return content

    def send_images(self, images: Images) -> Images | Path:
        """Returns what a message carries instead of the images."""
        if self.directory is None:
            return images
        file = self._file(".x.npy")
        np.save(file, images.x, allow_pickle=False)
        known = [images.y] if images.places is None else [images.y, images.places]
        np.save(labels_file(file), np.stack(known), allow_pickle=False)
        return file

    def receive_images(self, payload: Images | Path) -> Images:
        """Returns what `send_images` was given, for any number of receivers.

        Of a file, the workers of one machine share one copy in memory.
        """
        if isinstance(payload, Images):
            return payload
        x = np.load(payload, mmap_mode="r", allow_pickle=False)
        y, *places = np.load(labels_file(payload), allow_pickle=False)
        return Images(x, y.astype(np.int32), *places)

    def clear(self) -> None:
        """Deletes what was sent and not received."""
        if self.directory is not None:
            for file in Path(self.directory).glob(f"scanline-{self.session}-*"):
                file.unlink(missing_ok=True)


def labels_file(file: Path) -> Path:
    """Where the labels of images in a file lie, and their places."""
    return file.with_name(file.name.replace(".x.npy", ".y.npy"))
