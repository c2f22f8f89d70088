"""Pictures by index: what every source offers to the loader.

Legend: N pictures, S stored side. A picture is uint8 RGB, (S, S, 3).
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from alexcli.errors import UsageError

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]

RESIZE = "shorter side, bilinear antialiased, centre square"


class Pictures(Protocol):
    """A set of labelled pictures."""

    labels: Labels

    def __len__(self) -> int:
        """Number of pictures."""

    def fetch(self, indices: Sequence[int]) -> Images:
        """(N, S, S, 3) uint8; UsageError naming the file when one cannot be decoded."""


@dataclass
class ArrayPictures:
    """Pictures held in memory."""

    images: Images
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        chosen: Images = self.images[np.asarray(indices)]
        return chosen


@dataclass
class FilePictures:
    """Picture files, decoded and resized when asked for."""

    paths: list[Path]
    labels: Labels
    size: int

    def __len__(self) -> int:
        return len(self.paths)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        return np.stack([read_square(self.paths[i], self.size) for i in indices])


@dataclass
class Subset:
    """Some of another set's pictures."""

    whole: Pictures
    chosen: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        self.labels = self.whole.labels[self.chosen]

    def __len__(self) -> int:
        return len(self.chosen)

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        return self.whole.fetch([int(self.chosen[i]) for i in indices])


def read_square(path: Path, size: int) -> Images:
    """Decode a file and resize as section 2 does: shorter side to `size`, then the centre square.

    Args:
        path: any format that Pillow reads; gray and CMYK become RGB.
        size: side of the square, pixels.

    Returns:
        (size, size, 3) uint8.

    Raises:
        UsageError: the file cannot be decoded; names it.
    """
    try:
        with Image.open(path) as picture:
            return _square(picture.convert("RGB"), size)
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = "not a picture" if isinstance(error, UnidentifiedImageError) else str(error)
        raise UsageError(
            f"{path} cannot be decoded: {reason}",
            hint="mend or remove the file, or count and leave out such files: data.on_error=skip",
        ) from error


def _square(picture: Image.Image, size: int) -> Images:
    width, height = picture.size
    if min(width, height) != size:
        scale = size / min(width, height)
        width, height = max(size, round(width * scale)), max(size, round(height * scale))
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
    left, top = (width - size) // 2, (height - size) // 2
    return np.asarray(picture.crop((left, top, left + size, top + size)), dtype=np.uint8)


def undecodable(pictures: FilePictures) -> npt.NDArray[np.bool_]:
    """(N,) bool: which files cannot be decoded, from one pass over all."""

    def fails(path: Path) -> bool:
        try:
            read_square(path, pictures.size)
        except UsageError:
            return True
        return False

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return np.fromiter(pool.map(fails, pictures.paths), dtype=np.bool_)
