"""Labelled images by index: the interface between sources of images and the loader.

Legend: N images, S side of a stored image, pixels. An image is RGB, (S, S, 3) uint8.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from xxhash import xxh3_64_hexdigest

from alexcli.data.arrays import ImageArray, IndexArray, LabelArray
from alexcli.data.decode import ResizeSpec, read_square, resize_pixels


class ImageSource(Protocol):
    """A set of labelled images."""

    labels: LabelArray
    """(N,) the class of each image."""

    def fetch(self, indices: Sequence[int]) -> ImageArray:
        """Read images.

        Args:
            indices: positions in this set, in the order in which the images are returned.

        Returns:
            (len(indices), S, S, 3) uint8.

        Raises:
            UsageError: an image cannot be decoded; the message names its file.
        """

    def names(self) -> list[str]:
        """The name of each image in its source, such as a path."""

    def subset(self, rows: IndexArray) -> Self:
        """The images at these positions, in this order."""

    def groups(self) -> list[IndexArray] | None:
        """The positions of images that are fetched together from a remote store.

        None if every image is equally near.
        """
        return None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass
class ArrayImages(ImageSource):
    """Images held in memory."""

    images: ImageArray
    """(N, H, W, 3); H = W = S unless they are resized."""
    labels: LabelArray
    resize_spec: ResizeSpec | None = None
    """How an image is resized to a square whenever it is fetched; None if it needs no resizing."""

    def fetch(self, indices: Sequence[int]) -> ImageArray:
        """Copies of the images at these positions."""
        if self.resize_spec is not None:
            return np.stack([self.fetch_one(index) for index in indices])
        return np.take(self.images, indices, axis=0)

    def fetch_one(self, index: int) -> ImageArray:
        """One image, (S, S, 3), which must not be written to."""
        image: ImageArray = self.images[index]
        return image if self.resize_spec is None else resize_pixels(image, self.resize_spec)

    def names(self) -> list[str]:
        """The number of each image."""
        return [str(index) for index in range(len(self))]

    def subset(self, rows: IndexArray) -> Self:
        """The images at these positions, in this order."""
        return replace(self, images=self.images[rows], labels=self.labels[rows])

    def stamps(self) -> list[list[int | str]]:
        """For each image, values that change when it does: its size in bytes and its hash."""
        return [[image.nbytes, xxh3_64_hexdigest(image)] for image in self.images]


@dataclass
class FileImages(ImageSource):
    """Image files, decoded and resized whenever they are fetched."""

    root: Path
    """The folder of the split; names are relative to it."""
    paths: list[Path]
    """The file of each image, below `root`."""
    labels: LabelArray
    resize_spec: ResizeSpec

    def fetch(self, indices: Sequence[int]) -> ImageArray:
        """Decode and resize the files at these positions; UsageError names a damaged file."""
        return np.stack([self.fetch_one(index) for index in indices])

    def fetch_one(self, index: int) -> ImageArray:
        """One image, (S, S, 3), which must not be written to."""
        return read_square(self.paths[index], self.resize_spec)

    def names(self) -> list[str]:
        """The path of each file below the split's folder."""
        # Path.relative_to takes 20 us a file. The paths below "." have no prefix, nor do those
        # below "/" have a second slash.
        prefix_length = len((self.root / "name").as_posix()) - len("name")
        return [path.as_posix()[prefix_length:] for path in self.paths]

    def subset(self, rows: IndexArray) -> Self:
        """The files at these positions, in this order."""
        return replace(self, paths=[self.paths[row] for row in rows], labels=self.labels[rows])

    def stamps(self) -> list[list[int | str]]:
        """For each file, values that change when it does: size in bytes and modification time."""
        return [list(file_stamp(path)) for path in self.paths]


def file_stamp(path: Path) -> tuple[int, int]:
    """Size in bytes and modification time of a file; -1 and 0 for a dangling link."""
    try:
        status = path.stat()
    except OSError:
        return -1, 0
    return status.st_size, status.st_mtime_ns


def with_labels(images: ImageSource, labels: LabelArray) -> ImageSource:
    """The same images with other labels.

    Args:
        images: of any source.
        labels: (N,) the class of each image.
    """
    relabelled = copy.copy(images)
    relabelled.labels = labels
    return relabelled


LocalImages = ArrayImages | FileImages
"""The image sources that a store can be made from."""
