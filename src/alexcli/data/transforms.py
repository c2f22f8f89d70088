"""From stored uint8 pictures to the net's input: crop, reflect, centre, colour noise.

Sections 2 and 4.1 of the paper.

Legend: N pictures, S stored side, s side that the net sees. Every draw is a pure function of
(seed, epoch, index of the picture), so that processes, ranks and resumed runs see the same pixels.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from alexcli import draws
from alexcli.data.dataset import Statistics
from alexcli.errors import UsageError
from alexcli.schema import AugmentSpec, Crop, InputSpec, Mean, MeanCrop, PcaScale

# torchvision's RandomResizedCrop: share of the area, ratio of the sides, attempts.
AREA, RATIO, ATTEMPTS = (0.08, 1.0), (3 / 4, 4 / 3), 10
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as Pillow's convert("L")


class Batch(NamedTuple):
    """What the loader yields."""

    images: Tensor
    """(N, S, S, 3) uint8."""
    labels: Tensor
    """(N,) int64."""
    indices: Tensor
    """(N,) int64, positions in their split."""
    positions: Tensor
    """(N,) int64, positions in the order of the epoch."""


class View(NamedTuple):
    """One of the ten crops: corner of the crop, in units of the border, and reflection."""

    down: int
    right: int
    mirror: bool


# Section 4.1; in the order of the 2012 code: corners and centre, then the same reflected.
_PLACES = ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2))
TEN_CROPS = tuple(View(d, r, mirror) for mirror in (False, True) for d, r in _PLACES)
CENTER = View(1, 1, mirror=False)


class Cuts(NamedTuple):
    """Where each picture is cut."""

    down: Tensor
    """(N,) int64, first row."""
    right: Tensor
    """(N,) int64, first column."""
    mirror: Tensor
    """(N,) bool, whether it is then reflected."""


class Levels(NamedTuple):
    """What becomes of the grey levels of a crop: (crop - mean + shift) * scale."""

    mean: Tensor | None
    """Image, (S, S, 3) float32."""
    follows: bool
    """Whether the part under the crop is subtracted, reflected with it (paper), or the centre as it
    is (2012 code).
    """
    shift: Tensor | None = None
    """Colour noise, (N, 3) float32."""
    scale: float = 1

    def of(self, crops: Tensor, under: Tensor | None = None) -> Tensor:
        """Those of (N, s, s, 3) float32; `under` is the part of the mean, None for its centre."""
        if self.mean is not None:
            crops = crops - (centre(self.mean, crops.shape[1]) if under is None else under)
        crops = crops if self.shift is None else crops + self.shift[:, None, None, :]
        return crops if self.scale == 1 else crops * self.scale


class Preprocess(nn.Module):
    """Turns a batch of stored pictures into the net's input.

    The training set's statistics are buffers, so they travel in the checkpoint.

    Args:
        spec: what to do.
        input_spec: side and channels that the net sees.
        statistics: of the training set; None where a checkpoint will fill them in.
        size: stored side S.

    Raises:
        UsageError: the net wants a larger crop than the stored pictures.
    """

    mean_image: Tensor
    components: Tensor

    def __init__(
        self, spec: AugmentSpec, input_spec: InputSpec, statistics: Statistics | None, size: int
    ) -> None:
        super().__init__()
        self.spec, self.size, self.channels = spec, input_spec.size, input_spec.channels
        if self.size > size:
            fits = round(self.size * 256 / 227)
            raise UsageError.of("augment.crop_size", size=self.size, stored=size, fits=fits)
        if self.channels == 2:
            raise UsageError.of("augment.channels")
        deviations = spec.channel_std
        if deviations is not None and (len(deviations) != 3 or min(deviations) <= 0):
            raise UsageError.of("augment.channel_std", deviations=list(deviations))
        mean, components = torch.zeros(size, size, 3), torch.zeros(3, 3)
        if statistics is not None:
            mean = torch.as_tensor(statistics.mean_image, dtype=torch.float32)
            values, vectors = statistics.components()
            lengths = values if spec.pca.scale is PcaScale.eigenvalue else values**0.5
            components = torch.as_tensor((vectors * lengths).T.copy(), dtype=torch.float32)
        self.register_buffer("mean_image", mean)  # (S, S, 3)
        self.register_buffer("components", components)  # row i: component i times its length

    def train_view(self, batch: Batch, *, seed: int, epoch: int) -> Tensor:
        """The augmented batch.

        Args:
            batch: stored pictures.
            seed: the run's seed.
            epoch: counted from 1.

        Returns:
            (N, channels, s, s) float32, centred, on the 0-255 scale times `pixel_scale`.
        """
        spec, rows, stored = self.spec, batch.indices, batch.images.shape[1]
        # The 2012 code draws one crop and reflection for 32 consecutive pictures.
        shared = rows if spec.shared == 1 else batch.positions // spec.shared
        u = draws.uniform(draws.key("crop", seed, epoch), shared, 3)
        mirror = u[:, 2] < 0.5 if spec.mirror else torch.zeros_like(rows, dtype=torch.bool)
        noise, scale = None, spec.pixel_scale
        if spec.pca.sigma and (spec.pca.last_epoch is None or epoch <= spec.pca.last_epoch):
            factors = draws.normal(draws.key("pca", seed, epoch), rows, 3) * spec.pca.sigma
            noise = factors @ self.components
            scale = scale / (1 + spec.pca.sigma) if spec.pca.divide else scale
        levels = self._levels()._replace(shift=noise, scale=scale)
        if spec.crop is Crop.random_resized:
            boxes = random_boxes(draws.key("box", seed, epoch), shared, stored)
            return self._finish(resized_crops(batch.images, boxes, mirror, self.size, levels))
        corners = (u[:, :2] * (stored - self.size + 1)).long()
        if spec.crop is Crop.center:
            corners.fill_((stored - self.size) // 2)
        cuts = Cuts(corners[:, 0], corners[:, 1], mirror)
        return self._finish(cut(batch.images, cuts, self.size, levels))

    def view(self, images: Tensor, view: View = CENTER) -> Tensor:
        """One crop without noise: the centre, or one of TEN_CROPS.

        Args:
            images: (N, S, S, 3) uint8.
            view: which crop.

        Returns:
            As `train_view`.
        """
        border = images.shape[1] - self.size
        where = (border * view.down // 2, border * view.right // 2, view.mirror)
        cuts = Cuts(*(torch.full((len(images),), x, device=images.device) for x in where))
        return self._finish(cut(images, cuts, self.size, self._levels()))

    def plain_center(self, images: Tensor) -> Tensor:
        """`view` of the centre in operations that every export format knows."""
        return self._finish(self._levels().of(centre(images, self.size).float()))

    def _levels(self) -> Levels:
        mean = None if self.spec.mean is Mean.none else self.mean_image
        if self.spec.mean is Mean.channel:
            mean = self.mean_image.mean((0, 1)).expand_as(self.mean_image)
        follows = self.spec.mean_crop is MeanCrop.same
        return Levels(mean, follows, scale=self.spec.pixel_scale)

    def _finish(self, x: Tensor) -> Tensor:
        if self.spec.channel_std is not None:
            x = x / x.new_tensor(self.spec.channel_std)
        if self.channels == 1:
            x = x @ x.new_tensor(LUMA)[:, None]
        return x.permute(0, 3, 1, 2)


def cut(images: Tensor, cuts: Cuts, side: int, levels: Levels) -> Tensor:
    """Crops.

    Args:
        images: (N, S, S, 3) uint8.
        cuts: where.
        side: s.
        levels: what becomes of their pixels.

    Returns:
        (N, s, s, 3) float32; the same numbers on every device.
    """
    method = cut_each if images.device.type == "cpu" else cut_together
    return method(images, cuts, side, levels)


def cut_together(images: Tensor, cuts: Cuts, side: int, levels: Levels) -> Tensor:
    """`cut` as a few operations on the whole batch, for a GPU."""
    line = torch.arange(side, device=images.device)
    y = (cuts.down[:, None] + line)[:, :, None]  # (N, s, 1)
    across = torch.where(cuts.mirror[:, None], side - 1 - line, line)
    x = (cuts.right[:, None] + across)[:, None, :]  # (N, 1, s)
    picture = torch.arange(len(images), device=images.device)[:, None, None]
    under = levels.mean[y, x] if levels.mean is not None and levels.follows else None
    return levels.of(images[picture, y, x].float(), under)


def cut_each(images: Tensor, cuts: Cuts, side: int, levels: Levels) -> Tensor:
    """`cut` picture by picture, for a CPU: one crop stays in its cache through all operations."""
    images, stored, width = images.contiguous(), images.shape[1], 3 * side
    out = torch.empty(len(images), side, width)
    mean, follows, shift, scale = levels  # the mean as it is and reflected, (S, 3 S) each
    means = [] if mean is None else [m.reshape(stored, -1) for m in (mean, mean.flip(1))]
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
            if means:
                under = (down, stored - side - right if mirror else right)
                y, x = under if follows else (first, first)
                part = means[mirror and follows]
                one.sub_(part[y : y + side, 3 * x : 3 * x + width])
            if rows is not None:
                one.add_(rows[i])
            if scale != 1:
                one.mul_(scale)
    return out.view(len(images), side, side, 3)


def centre(image: Tensor, side: int) -> Tensor:
    """The middle of (..., S, S, 3), (..., s, s, 3)."""
    first = (image.shape[-2] - side) // 2
    return image[..., first : first + side, first : first + side, :]


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
    images: Tensor, boxes: Tensor, mirror: Tensor, side: int, levels: Levels
) -> Tensor:
    """Crops of drawn size, brought to one size by torch's antialiased bilinear filter.

    The centre of the mean image is subtracted: no part of it lies under a resized crop.

    Args:
        images: (N, S, S, 3) uint8.
        boxes: from `random_boxes`.
        mirror: (N,) bool.
        side: s.
        levels: what becomes of their pixels.

    Returns:
        (N, s, s, 3) float32.
    """
    out = images.new_empty((len(images), side, side, 3), dtype=torch.float32)
    places = zip(images, boxes.tolist(), mirror.tolist(), strict=True)
    for i, (image, (down, right, height, width), reflected) in enumerate(places):
        crop = image[down : down + height, right : right + width].permute(2, 0, 1)[None].float()
        crop = F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)
        out[i] = (crop.flip(3) if reflected else crop)[0].permute(1, 2, 0)
    return levels.of(out)
