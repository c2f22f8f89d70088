"""From stored uint8 pictures to the net's input: crop, reflect, centre, colour noise.

Sections 2 and 4.1 of the paper.

Legend: N pictures, S stored side, s side that the net sees. Every draw is a pure function of
(seed, epoch, index of the picture), so that processes, ranks and resumed runs see the same pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from alexcli import draws
from alexcli.data.crops import Centring, Cuts, centre, cut, random_boxes, resized_crops
from alexcli.data.dataset import Statistics
from alexcli.errors import UsageError
from alexcli.schema import AugmentSpec, Crop, InputSpec, Mean, MeanCrop, PcaScale

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


@dataclass(frozen=True)
class View:
    """One of the ten crops: corner of the crop, in units of the border, and reflection."""

    down: int
    right: int
    mirror: bool


# Section 4.1; in the order of the 2012 code: corners and centre, then the same reflected.
_PLACES = ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2))
TEN_CROPS = tuple(View(d, r, mirror) for mirror in (False, True) for d, r in _PLACES)
CENTER = View(1, 1, mirror=False)


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
            raise UsageError.of(
                "augment.crop_size", size=self.size, stored=size, fits=round(self.size * 256 / 227)
            )
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
        if spec.crop is Crop.random_resized:
            boxes = random_boxes(draws.key("box", seed, epoch), shared, stored)
            x = resized_crops(batch.images, boxes, mirror, self.size, self._centring())
            return self._finish((x if noise is None else x + noise[:, None, None, :]) * scale)
        if spec.crop is Crop.random:
            corners = (u[:, :2] * (stored - self.size + 1)).long()
        else:
            corners = torch.full_like(rows, (stored - self.size) // 2)[:, None].expand(-1, 2)
        cuts = Cuts(corners[:, 0], corners[:, 1], mirror)
        return self._finish(cut(batch.images, cuts, self.size, self._centring(), noise, scale))

    def view(self, images: Tensor, view: View = CENTER) -> Tensor:
        """One crop without noise: the centre, or one of TEN_CROPS.

        Args:
            images: (N, S, S, 3) uint8.
            view: which crop.

        Returns:
            As `train_view`.
        """
        n, border = images.shape[0], images.shape[1] - self.size
        down = torch.full((n,), border * view.down // 2, device=images.device)
        right = torch.full((n,), border * view.right // 2, device=images.device)
        cuts = Cuts(down, right, torch.full((n,), view.mirror, device=images.device))
        scale = self.spec.pixel_scale
        return self._finish(cut(images, cuts, self.size, self._centring(), None, scale))

    def plain_center(self, images: Tensor) -> Tensor:
        """`view` of the centre in operations that every export format knows."""
        first, mean = (len(self.mean_image) - self.size) // 2, self._centring().image
        there = slice(first, first + self.size)
        x = images[:, there, there].float()
        x = x if mean is None else x - centre(mean, self.size)
        return self._finish(x * self.spec.pixel_scale)

    def _centring(self) -> Centring:
        mean = None if self.spec.mean is Mean.none else self.mean_image
        if self.spec.mean is Mean.channel:
            mean = self.mean_image.mean((0, 1)).expand_as(self.mean_image)
        return Centring(mean, follows=self.spec.mean_crop is MeanCrop.same)

    def _finish(self, x: Tensor) -> Tensor:
        if self.spec.channel_std is not None:
            x = x / x.new_tensor(self.spec.channel_std)
        if self.channels == 1:
            x = x @ x.new_tensor(LUMA)[:, None]
        return x.permute(0, 3, 1, 2)
