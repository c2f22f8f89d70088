"""Cutting crops out of a batch of stored images, and normalizing their pixels.

Legend: N images, S side of a stored image, s side of a crop, pixels.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli import rng

# As in torchvision's RandomResizedCrop.
AREA = (0.08, 1.0)
"""Lowest and highest share of the area of the image."""
RATIO = (3 / 4, 4 / 3)
"""Lowest and highest ratio of the sides."""
ATTEMPTS = 10
"""Most boxes drawn to find one that fits into the image."""


class CropBoxes(NamedTuple):
    """The position of the crop in each image of a batch."""

    top: Tensor
    """(N,) int64, first row."""
    left: Tensor
    """(N,) int64, first column."""
    horizontal_flip: Tensor
    """(N,) bool, whether the crop is reflected."""


class Normalization(NamedTuple):
    """How the grey levels of a crop are normalized: (crop - mean + shift) * scale."""

    mean: Tensor | None
    """The mean image, (S, S, 3) float32; None subtracts nothing."""
    mean_follows: bool
    """Whether to subtract the part of the mean image under the crop, reflected with it (paper),
    instead of always its unreflected centre (2012 code).
    """
    shift: Tensor | None = None
    """Colour noise, (N, 3) float32."""
    scale: float = 1

    def apply(self, crops: Tensor, mean_part: Tensor | None = None) -> Tensor:
        """Normalize whole batches of crops.

        Args:
            crops: (N, s, s, 3) float32.
            mean_part: the part of the mean image under each crop, of the same shape; None for its
                centre.
        """
        if self.mean is not None:
            if mean_part is None:
                mean_part = center_crop(self.mean, crops.shape[1])
            crops = crops - mean_part
        if self.shift is not None:
            crops = crops + self.shift[:, None, None, :]
        if self.scale != 1:
            crops = crops * self.scale
        return crops


def crop_images(
    images: Tensor, boxes: CropBoxes, side: int, normalization: Normalization
) -> Tensor:
    """Cut a crop out of each image and normalize it.

    Args:
        images: (N, S, S, 3) uint8.
        boxes: where.
        side: s.
        normalization: what becomes of the pixels.

    Returns:
        (N, s, s, 3) float32; the same numbers on every device.
    """
    if images.device.type == "cpu":
        return crop_images_one_by_one(images, boxes, side, normalization)
    return crop_images_together(images, boxes, side, normalization)


def crop_images_together(
    images: Tensor, boxes: CropBoxes, side: int, normalization: Normalization
) -> Tensor:
    """`crop_images` as a few operations on the whole batch, for a GPU."""
    line = torch.arange(side, device=images.device)
    across = torch.where(boxes.horizontal_flip[:, None], side - 1 - line, line)  # (N, s)
    rows = (boxes.top[:, None] + line)[:, :, None]  # (N, s, 1)
    columns = (boxes.left[:, None] + across)[:, None, :]  # (N, 1, s)
    numbers = torch.arange(len(images), device=images.device)[:, None, None]
    mean_part = None
    if normalization.mean is not None and normalization.mean_follows:
        mean_part = normalization.mean[rows, columns]
    return normalization.apply(images[numbers, rows, columns].float(), mean_part)


def crop_images_one_by_one(
    images: Tensor, boxes: CropBoxes, side: int, normalization: Normalization
) -> Tensor:
    """`crop_images` for a CPU: each crop stays in the cache through all operations."""
    images = images.contiguous()
    stored = images.shape[1]
    crops = torch.empty(len(images), side, 3 * side)  # a row of pixels is a row of numbers
    mean = None
    if normalization.mean is not None:
        mean = _MeanRows(normalization.mean, side, follows=normalization.mean_follows)
    noise_rows = None
    if normalization.shift is not None:
        # Adding a whole row of pixels is several times faster than adding three numbers.
        noise_rows = normalization.shift.repeat(1, side)
    corners = zip(
        boxes.top.tolist(), boxes.left.tolist(), boxes.horizontal_flip.tolist(), strict=True
    )
    start = images.storage_offset()
    with torch.inference_mode():  # only saves bookkeeping: `crops` is an ordinary tensor
        for number, (crop, (top, left, flip)) in enumerate(
            zip(crops.unbind(0), corners, strict=True)
        ):
            # A strided view is one operation; indexing is one per dimension.
            offset = start + ((number * stored + top) * stored + left) * 3
            if flip:
                window = images.as_strided((side, side, 3), (3 * stored, 3, 1), offset)
                crop.copy_(window.flip(1).view(side, 3 * side))
            else:
                crop.copy_(images.as_strided((side, 3 * side), (3 * stored, 1), offset))
            if mean is not None:
                crop.sub_(mean.part(top, left, flip=flip))
            if noise_rows is not None:
                crop.add_(noise_rows[number])
            if normalization.scale != 1:
                crop.mul_(normalization.scale)
    return crops.view(len(images), side, side, 3)


class _MeanRows:
    """The mean image as rows of numbers, (S, 3 S), parts of which are subtracted from crops.

    Args:
        mean: (S, S, 3) float32.
        side: s.
        follows: see Normalization.
    """

    def __init__(self, mean: Tensor, side: int, *, follows: bool) -> None:
        self.stored = mean.shape[0]
        self.side = side
        self.follows = follows
        self.rows = mean.reshape(self.stored, -1)
        self.flipped_rows = mean.flip(1).reshape(self.stored, -1)
        border = (self.stored - side) // 2
        self.center = self._window(self.rows, border, border)

    def part(self, top: int, left: int, *, flip: bool) -> Tensor:
        """The part to subtract from a crop with this corner, (s, 3 s)."""
        if not self.follows:
            return self.center
        if flip:
            return self._window(self.flipped_rows, top, self.stored - self.side - left)
        return self._window(self.rows, top, left)

    def _window(self, rows: Tensor, top: int, left: int) -> Tensor:
        return rows[top : top + self.side, 3 * left : 3 * (left + self.side)]


def center_crop(images: Tensor, side: int) -> Tensor:
    """The centre of images.

    Args:
        images: (..., S, S, 3).
        side: s.

    Returns:
        (..., s, s, 3).
    """
    border = (images.shape[-2] - side) // 2
    return images[..., border : border + side, border : border + side, :]


def random_resized_boxes(key: int, rows: Tensor, stored: int) -> Tensor:
    """Boxes as torchvision's RandomResizedCrop draws them, from a square image.

    Args:
        key: of the random stream, from `rng.stream_key()`.
        rows: (N,) int64, a box for each; equal rows get equal boxes.
        stored: S.

    Returns:
        (N, 4) int64: first row, first column, height, width.
    """
    uniforms = rng.uniform(key, rows, 2 * ATTEMPTS + 2)
    area = stored**2 * (AREA[0] + (AREA[1] - AREA[0]) * uniforms[:, :ATTEMPTS])
    low, high = map(math.log, RATIO)
    ratio = torch.exp(low + (high - low) * uniforms[:, ATTEMPTS : 2 * ATTEMPTS])
    sides = torch.stack([area * ratio, area / ratio]).sqrt().round()  # (2, N, ATTEMPTS)
    sides = F.pad(sides, (0, 1), value=stored)  # the whole image if none fits
    first_fitting = (sides <= stored).all(dim=0).int().argmax(dim=1, keepdim=True)
    width, height = sides.gather(2, first_fitting.expand(2, -1, -1)).long()
    top = (uniforms[:, -2:-1] * (stored - height + 1)).long()
    left = (uniforms[:, -1:] * (stored - width + 1)).long()
    return torch.cat([top, left, height, width], dim=1)


def resized_crops(
    images: Tensor, boxes: Tensor, horizontal_flip: Tensor, side: int, normalization: Normalization
) -> Tensor:
    """Crops of random size, resized to the same size by torch's antialiased bilinear filter.

    The centre of the mean image is subtracted, because no part of it corresponds to a resized crop.

    Args:
        images: (N, S, S, 3) uint8.
        boxes: from `random_resized_boxes`.
        horizontal_flip: (N,) bool, whether a crop is reflected.
        side: s.
        normalization: what becomes of the pixels.

    Returns:
        (N, s, s, 3) float32.
    """
    crops = images.new_empty((len(images), side, side, 3), dtype=torch.float32)
    flips = horizontal_flip.tolist()
    for number, (top, left, height, width) in enumerate(boxes.tolist()):
        window = images[number, top : top + height, left : left + width]
        crop = window.permute(2, 0, 1)[None].float()
        crop = F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)
        if flips[number]:
            crop = crop.flip(3)
        crops[number] = crop[0].permute(1, 2, 0)
    return normalization.apply(crops)
