"""Cutting crops out of stored pictures: at a place of their size, or of a drawn size and shape.

Legend: N pictures, S stored side, s side that the net sees.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from alexcli import draws

# torchvision's RandomResizedCrop: share of the area, ratio of the sides, attempts.
AREA, RATIO, ATTEMPTS = (0.08, 1.0), (3 / 4, 4 / 3), 10


class Cuts(NamedTuple):
    """Where each picture is cut."""

    down: Tensor
    """(N,) int64, first row."""
    right: Tensor
    """(N,) int64, first column."""
    mirror: Tensor
    """(N,) bool, whether it is then reflected."""


class Centring(NamedTuple):
    """What is subtracted from a crop."""

    image: Tensor | None
    """(S, S, 3) float32, or None."""
    follows: bool
    """Whether the part under the crop is subtracted, reflected with it (paper), or the centre as it
    is (2012 code).
    """


def cut(
    images: Tensor, cuts: Cuts, side: int, centring: Centring, shift: Tensor | None, scale: float
) -> Tensor:
    """Crops, centred, shifted and scaled: (crop - mean + shift) * scale.

    Args:
        images: (N, S, S, 3) uint8.
        cuts: where.
        side: s.
        centring: what is subtracted.
        shift: (N, 3) float32 of colour noise, or None.
        scale: the last factor.

    Returns:
        (N, s, s, 3) float32; the same numbers on every device.
    """
    method = cut_each if images.device.type == "cpu" else cut_together
    return method(images, cuts, side, centring, shift, scale)


def cut_together(
    images: Tensor, cuts: Cuts, side: int, centring: Centring, shift: Tensor | None, scale: float
) -> Tensor:
    """`cut` as a few operations on the whole batch, for a GPU."""
    line = torch.arange(side, device=images.device)
    y = (cuts.down[:, None] + line)[:, :, None]  # (N, s, 1)
    x = cuts.right[:, None] + torch.where(cuts.mirror[:, None], side - 1 - line, line)
    x = x[:, None, :]  # (N, 1, s)
    picture = torch.arange(len(images), device=images.device)[:, None, None]
    out = images[picture, y, x].float()
    if centring.image is not None:
        mean = centring.image
        out = out - (mean[y, x] if centring.follows else centre(mean, side))
    if shift is not None:
        out = out + shift[:, None, None, :]
    return out if scale == 1 else out * scale


def cut_each(
    images: Tensor, cuts: Cuts, side: int, centring: Centring, shift: Tensor | None, scale: float
) -> Tensor:
    """`cut` picture by picture, for a CPU: one crop stays in its cache through all operations."""
    stored, width = images.shape[1], 3 * side
    out = torch.empty(len(images), side, width)
    images, mean = images.contiguous(), None if centring.image is None else _rows(centring.image)
    reflected = None if centring.image is None else _rows(centring.image.flip(1))
    # Noise as a whole row of pixels, which is added several times faster than three numbers are.
    rows = None if shift is None else shift.repeat(1, side)
    places = zip(cuts.down.tolist(), cuts.right.tolist(), cuts.mirror.tolist(), strict=True)
    first, base = (stored - side) // 2, images.storage_offset()
    with torch.inference_mode():  # `out` is an ordinary tensor; only the bookkeeping is saved
        for i, (one, (down, right, mirror)) in enumerate(zip(out.unbind(0), places, strict=True)):
            start = base + ((i * stored + down) * stored + right) * 3
            if mirror:
                crop = images.as_strided((side, side, 3), (3 * stored, 3, 1), start)
                one.copy_(crop.flip(1).view(side, width))
            else:
                one.copy_(images.as_strided((side, width), (3 * stored, 1), start))
            if mean is not None and reflected is not None:
                under = (down, stored - side - right if mirror else right)
                y, x = under if centring.follows else (first, first)
                part = reflected if mirror and centring.follows else mean
                one.sub_(part[y : y + side, 3 * x : 3 * x + width])
            if rows is not None:
                one.add_(rows[i])
            if scale != 1:
                one.mul_(scale)
    return out.view(len(images), side, side, 3)


def _rows(image: Tensor) -> Tensor:
    """(S, S, 3) as (S, 3 S)."""
    return image.reshape(len(image), -1)


def centre(image: Tensor, side: int) -> Tensor:
    """The middle of (S, S, 3), (s, s, 3)."""
    first = (image.shape[0] - side) // 2
    return image[first : first + side, first : first + side]


def random_boxes(key: int, rows: Tensor, stored: int) -> Tensor:
    """Boxes as torchvision's RandomResizedCrop draws them, from a square picture.

    Args:
        key: of the draws.
        rows: (N,) int64, one draw for each.
        stored: S.

    Returns:
        (N, 4) int64: first row, first column, height, width.
    """
    u = draws.uniform(key, rows, 2 * ATTEMPTS + 2)
    area = stored**2 * (AREA[0] + (AREA[1] - AREA[0]) * u[:, :ATTEMPTS])
    low, high = math.log(RATIO[0]), math.log(RATIO[1])
    ratio = torch.exp(low + (high - low) * u[:, ATTEMPTS : 2 * ATTEMPTS])
    sides = torch.stack([area * ratio, area / ratio]).sqrt().round()  # (2, N, ATTEMPTS)
    sides = F.pad(sides, (0, 1), value=stored)  # the whole picture where none fits
    first = (sides <= stored).all(dim=0).int().argmax(dim=1, keepdim=True)
    width, height = sides.gather(2, first.expand(2, -1, -1)).long()
    down = (u[:, -2:-1] * (stored - height + 1)).long()
    right = (u[:, -1:] * (stored - width + 1)).long()
    return torch.cat([down, right, height, width], dim=1)


def resized_crops(
    images: Tensor, boxes: Tensor, mirror: Tensor, side: int, centring: Centring
) -> Tensor:
    """Crops of drawn size, brought to one size by torch's antialiased bilinear filter.

    The centre of the mean image is subtracted: no part of it lies under a resized crop.

    Args:
        images: (N, S, S, 3) uint8.
        boxes: from `random_boxes`.
        mirror: (N,) bool.
        side: s.
        centring: what is subtracted.

    Returns:
        (N, s, s, 3) float32, grey levels.
    """
    out = images.new_empty((len(images), side, side, 3), dtype=torch.float32)
    places = zip(images, boxes.tolist(), mirror.tolist(), strict=True)
    for i, (image, (down, right, height, width), reflected) in enumerate(places):
        crop = image[down : down + height, right : right + width].permute(2, 0, 1)[None].float()
        crop = F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)
        out[i] = (crop.flip(3) if reflected else crop)[0].permute(1, 2, 0)
    return out if centring.image is None else out - centre(centring.image, side)
