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
from alexcli.data.stats import Statistics
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
            raise UsageError(
                f"model.input.size={self.size} exceeds the stored pictures of data.size={size}",
                hint=f"data.size={round(self.size * 256 / 227)}, "
                f"or a smaller net such as model=tiny",
            )
        if self.channels == 2:
            raise UsageError("model.input.channels=2 is neither gray (1) nor RGB (3)")
        deviations = spec.channel_std
        if deviations is not None and (len(deviations) != 3 or min(deviations) <= 0):
            raise UsageError(
                f"augment.channel_std={list(deviations)} must be three numbers above 0, or null",
                hint="augment=torchvision has ImageNet's",
            )
        mean = torch.zeros(size, size, 3)
        components = torch.zeros(3, 3)
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
        spec, rows = self.spec, batch.indices
        border = batch.images.shape[1] - self.size
        u = draws.uniform(draws.key("crop", seed, epoch), rows, 3)
        if spec.crop is Crop.random:
            corners = (u[:, :2] * (border + 1)).long()
        else:
            corners = torch.full_like(rows, border // 2)[:, None].expand(-1, 2)
        mirror = u[:, 2] < 0.5 if spec.mirror else torch.zeros_like(rows, dtype=torch.bool)
        x = self._crop(batch.images, corners[:, 0], corners[:, 1], mirror)
        if spec.pca.sigma and (spec.pca.last_epoch is None or epoch <= spec.pca.last_epoch):
            factors = draws.normal(draws.key("pca", seed, epoch), rows, 3) * spec.pca.sigma
            x = x + (factors @ self.components)[:, None, None, :]
            if spec.pca.divide:
                x = x / (1 + spec.pca.sigma)
        return self._finish(x)

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
        mirror = torch.full((n,), view.mirror, device=images.device)
        return self._finish(self._crop(images, down, right, mirror))

    def _crop(self, images: Tensor, down: Tensor, right: Tensor, mirror: Tensor) -> Tensor:
        """(N, s, s, 3) float32, mean subtracted."""
        n, s, device = images.shape[0], self.size, images.device
        line = torch.arange(s, device=device)
        y = (down[:, None] + line)[:, :, None]  # (N, s, 1)
        x = right[:, None] + torch.where(mirror[:, None], s - 1 - line, line)
        x = x[:, None, :]  # (N, 1, s)
        picked = images[torch.arange(n, device=device)[:, None, None], y, x].float()
        if self.spec.mean is Mean.none:
            return picked
        if self.spec.mean is Mean.channel:
            return picked - self.mean_image.mean((0, 1))
        if self.spec.mean_crop is MeanCrop.same:
            return picked - self.mean_image[y, x]
        first = (images.shape[1] - s) // 2
        return picked - self.mean_image[first : first + s, first : first + s]

    def _finish(self, x: Tensor) -> Tensor:
        if self.spec.channel_std is not None:
            x = x / x.new_tensor(self.spec.channel_std)
        if self.channels == 1:
            x = x @ x.new_tensor(LUMA)[:, None]
        if self.spec.pixel_scale != 1:
            x = x * self.spec.pixel_scale
        return x.permute(0, 3, 1, 2)
