"""Pictures by index, what every source offers to the loader; and how a file becomes a square.

Legend: N pictures, S stored side. A picture is uint8 RGB, (S, S, 3).
"""

import io
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError
from xxhash import xxh3_64_hexdigest

from alexcli.errors import UsageError
from alexcli.schema import Kernel, Resize

Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

SUFFIXES = frozenset(Image.registered_extensions())

# Pillow refuses a picture of 179 million pixels and only warns from 89 million on: refuse both.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True)
class Reading:
    """How a picture of any shape becomes a square of `size` pixels."""

    size: int
    resize: Resize = Resize.shorter
    kernel: Kernel = Kernel.bilinear

    def __str__(self) -> str:
        kernel = f"{self.kernel.value} antialiased"
        if self.resize is Resize.warp:
            return f"warped, {kernel} {self.size}"
        return f"shorter side, {kernel}, centre square {self.size}"


class Pictures(Protocol):
    """A set of labelled pictures."""

    labels: Labels

    def fetch(self, indices: Sequence[int]) -> Images:
        """(N, S, S, 3) uint8; UsageError naming the file when one cannot be decoded."""

    def names(self) -> list[str]:
        """What each picture is called in its source."""

    def part(self, rows: Rows) -> Self:
        """Some of them, in a given order."""

    def groups(self) -> list[Rows] | None:
        """Which pictures are fetched together from afar; None where all are equally near."""
        return None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass
class ArrayPictures(Pictures):
    """Pictures held in memory."""

    images: Images
    labels: Labels

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        return np.take(self.images, indices, axis=0)

    def one(self, index: int) -> Images:
        """A picture (S, S, 3), not to be written to."""
        image: Images = self.images[index]
        return image

    def names(self) -> list[str]:
        """Their numbers."""
        return [str(i) for i in range(len(self))]

    def part(self, rows: Rows) -> Self:
        """See Pictures."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def stamps(self) -> list[list[int | str]]:
        """What changes when a picture does: size in bytes and content."""
        return [[image.nbytes, xxh3_64_hexdigest(image)] for image in self.images]


@dataclass
class FilePictures(Pictures):
    """Picture files, decoded and resized when asked for."""

    root: Path
    """Folder of the split; names are relative to it."""
    paths: list[Path]
    labels: Labels
    reading: Reading

    def fetch(self, indices: Sequence[int]) -> Images:
        """See Pictures."""
        return np.stack([self.one(index) for index in indices])

    def one(self, index: int) -> Images:
        """A picture (S, S, 3), not to be written to."""
        return read_square(self.paths[index], self.reading)

    def names(self) -> list[str]:
        """Paths below the split's folder."""
        above = len(self.root.as_posix()) + 1  # Path.relative_to takes 20 us a file
        return [path.as_posix()[above:] for path in self.paths]

    def part(self, rows: Rows) -> Self:
        """See Pictures."""
        return replace(self, paths=[self.paths[row] for row in rows], labels=self.labels[rows])

    def stamps(self) -> list[list[int | str]]:
        """What changes when a picture does: size in bytes and time of change."""
        return [[s.st_size, s.st_mtime_ns] for s in (path.stat() for path in self.paths)]


Originals = ArrayPictures | FilePictures
"""What a store can be made of."""


def read_square(path: Path, reading: Reading) -> Images:
    """Decode a file and make it a square.

    Args:
        path: any format that Pillow reads, whatever the file is called.
        reading: resizing rule and size.

    Returns:
        (S, S, 3) uint8.

    Raises:
        UsageError: the file cannot be decoded; names it.
    """
    try:
        with Image.open(path) as picture:
            return square(upright_rgb(picture), reading)
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = str(error)
        if isinstance(error, UnidentifiedImageError):
            reason = "not a picture" if path.stat().st_size else "an empty file"
        raise UsageError.of("data.undecodable", path=path, reason=reason) from error


def upright_rgb(picture: Image.Image) -> Image.Image:
    """Turn a picture as its EXIF says, and make it RGB of 8 bits.

    CMYK and YCCK, gray and palette pictures are converted, 16-bit gray keeps its high byte,
    transparent pixels show white.

    Raises:
        ValueError: floating-point pixels, which have no fixed range.
    """
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode == "F":
        raise ValueError("floating-point pixels, which have no fixed range")
    if picture.mode.startswith("I"):  # 16-bit gray, which Pillow would clip at 255
        values = np.asarray(picture)
        if values.min() < 0 or values.max() > 65535:
            raise ValueError("32-bit pixels, which have no fixed range")
        return Image.fromarray((values >> 8).astype(np.uint8)).convert("RGB")
    if "A" in picture.mode or "a" in picture.mode or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return picture.convert("RGB")


def square(picture: Image.Image, reading: Reading) -> Images:
    """An RGB picture as a square, (S, S, 3) uint8.

    For `shorter` it is what resizing the whole picture and cutting out its centre gives, without
    computing what is cut away: a picture of 1 x 5,000 pixels would first become one of 256 x
    1,280,000.
    """
    side, (width, height) = reading.size, picture.size
    box = (0.0, 0.0, float(width), float(height))
    if reading.resize is Resize.shorter:
        scale = side / min(width, height)
        wide, high = max(side, round(width * scale)), max(side, round(height * scale))
        left, top = (wide - side) // 2, (high - side) // 2
        x, y = width / wide, height / high
        right, bottom = min(width, (left + side) * x), min(height, (top + side) * y)
        box = (left * x, top * y, right, bottom)
    kernel = Image.Resampling[reading.kernel.name.upper()]
    return np.asarray(picture.resize((side, side), kernel, box=box), dtype=np.uint8)


def decode_jpeg(data: bytes, side: int, name: str) -> Images:
    """A stored JPEG, (S, S, 3) uint8.

    Args:
        data: the file's bytes.
        side: S, which it must have.
        name: said when it cannot be decoded.

    Raises:
        UsageError: damaged, or of another size.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
            pixels = np.asarray(picture, dtype=np.uint8)
    except Exception as error:  # as in read_square
        raise UsageError.of("store.undecodable", name=name, error=error) from error
    if pixels.shape != (side, side, 3):
        raise UsageError.of("store.shape", name=name, pixels=pixels, side=side)
    return pixels
