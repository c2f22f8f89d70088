"""Turning stored uint8 images into the net's input: crop, reflect, centre, colour noise.

Sections 2 and 4.1 of the paper.

Legend: N images, S side of a stored image, s side of the net's input, pixels. Every random number
is a pure function of (seed, epoch, index of the image), so that loader processes, ranks and
resumed runs see the same pixels.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from alexcli import rng
from alexcli.data.crops import (
    CropBoxes,
    Normalization,
    center_crop,
    crop_images,
    random_resized_boxes,
    resized_crops,
)
from alexcli.data.sizes import fitting_size, small_net
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError
from alexcli.schema import AugmentSpec, Crop, InputSpec, Mean, MeanCrop, PcaScale

LUMA = (0.299, 0.587, 0.114)
"""Weights of R, G and B in gray: ITU-R BT.601, as Pillow's convert("L")."""


class Batch(NamedTuple):
    """A batch as the loader yields it."""

    images: Tensor
    """(N, S, S, 3) uint8."""
    labels: Tensor
    """(N,) int64."""
    indices: Tensor
    """(N,) int64, positions in their split."""
    positions: Tensor
    """(N,) int64, positions in the order of the epoch."""


class View(NamedTuple):
    """One of the ten crops: its corner, in halves of the margin S - s, and its reflection."""

    top: int
    left: int
    horizontal_flip: bool


# Section 4.1, in the order of the 2012 code: corners and centre, then their reflections.
_CORNERS = ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2))

TEN_CROPS = tuple(View(top, left, flip) for flip in (False, True) for top, left in _CORNERS)

CENTER_CROP = View(1, 1, horizontal_flip=False)


class Preprocess(nn.Module):
    """Turns a batch of stored images into the net's input.

    The training set's statistics are buffers, so they travel in the checkpoint.

    Args:
        spec: the augmentation.
        input_spec: side and channels of the net's input.
        statistics: of the training set; None if a checkpoint will supply them.
        size: S.

    Raises:
        UsageError: the net's input is larger than the stored images; a number of channels or a
            standard deviation is not allowed.
    """

    mean_image: Tensor
    """(S, S, 3) float32."""
    components: Tensor
    """(3, 3) float32; row i is principal component i, scaled by its noise amplitude."""

    def __init__(
        self, spec: AugmentSpec, input_spec: InputSpec, statistics: Statistics | None, size: int
    ) -> None:
        super().__init__()
        _check_settings(spec, input_spec, size)
        self.spec = spec
        self.size = input_spec.size
        self.channels = input_spec.channels
        mean_image = torch.zeros(size, size, 3)
        components = torch.zeros(3, 3)
        if statistics is not None:
            mean_image = torch.as_tensor(statistics.mean_image, dtype=torch.float32)
            values, vectors = statistics.components()
            lengths = values if spec.pca.scale is PcaScale.eigenvalue else values**0.5
            components = torch.as_tensor((vectors * lengths).T.copy(), dtype=torch.float32)
        self.register_buffer("mean_image", mean_image)
        self.register_buffer("components", components)

    def augment(self, batch: Batch, *, seed: int, epoch: int) -> Tensor:
        """The net's input in training.

        Args:
            batch: stored images.
            seed: the run's seed.
            epoch: counted from 1.

        Returns:
            (N, channels, s, s) float32: grey levels less the mean that the specification names,
            times `pixel_scale`, divided by `channel_std`.
        """
        stored = batch.images.shape[1]
        # The 2012 code draws one crop and one reflection for 32 consecutive images.
        rows = batch.indices
        if self.spec.images_per_crop > 1:
            rows = batch.positions // self.spec.images_per_crop
        uniforms = rng.uniform(rng.stream_key("crop", seed, epoch), rows, 3)
        horizontal_flip = uniforms[:, 2] < 0.5
        if not self.spec.horizontal_flip:
            horizontal_flip = torch.zeros_like(horizontal_flip)
        normalization = self._noisy_normalization(batch.indices, seed, epoch)
        if self.spec.crop is Crop.random_resized:
            resized_boxes = random_resized_boxes(rng.stream_key("box", seed, epoch), rows, stored)
            crops = resized_crops(
                batch.images, resized_boxes, horizontal_flip, self.size, normalization
            )
            return self._finish(crops)
        corners = (uniforms[:, :2] * (stored - self.size + 1)).long()
        if self.spec.crop is Crop.center:
            corners.fill_((stored - self.size) // 2)
        boxes = CropBoxes(corners[:, 0], corners[:, 1], horizontal_flip)
        return self._finish(crop_images(batch.images, boxes, self.size, normalization))

    def crop(self, images: Tensor, view: View = CENTER_CROP) -> Tensor:
        """One crop of each image, without noise: the centre, or one of TEN_CROPS.

        Args:
            images: (N, S, S, 3) uint8.
            view: which crop.

        Returns:
            As `augment`.

        Raises:
            UsageError: images of another form.
        """
        self._check(images)
        count = len(images)
        margin = images.shape[1] - self.size
        boxes = CropBoxes(
            top=torch.full((count,), margin * view.top // 2, device=images.device),
            left=torch.full((count,), margin * view.left // 2, device=images.device),
            horizontal_flip=torch.full((count,), view.horizontal_flip, device=images.device),
        )
        return self._finish(crop_images(images, boxes, self.size, self._normalization()))

    def _check(self, images: Tensor) -> None:
        """Raise UsageError unless these are square images of which a crop can be cut."""
        if images.dtype is torch.uint8 and images.dim() == 4:
            _, height, width, channels = images.shape
            if height == width >= self.size and channels == 3:
                return
        side = len(self.mean_image)
        raise UsageError(
            f"these are not stored images: {list(images.shape)} of {images.dtype}",
            hint=f"(N, {side}, {side}, 3) of torch.uint8: the square centre of each image, in RGB",
        )

    def export_center_crop(self, images: Tensor) -> Tensor:
        """`crop` of the centre, using operations that every export format supports."""
        crops = center_crop(images, self.size).float()
        return self._finish(self._normalization().apply(crops))

    def _normalization(self) -> Normalization:
        """Normalization without noise."""
        mean: Tensor | None = self.mean_image
        if self.spec.mean is Mean.channel:
            mean = self.mean_image.mean((0, 1)).expand_as(self.mean_image)
        elif self.spec.mean is Mean.none:
            mean = None
        mean_follows = self.spec.mean_crop is MeanCrop.same
        return Normalization(mean, mean_follows, scale=self.spec.pixel_scale)

    def _noisy_normalization(self, indices: Tensor, seed: int, epoch: int) -> Normalization:
        """Normalization with the colour noise of an epoch (section 4.1), if it has any.

        Args:
            indices: (N,) of the images.
            seed: the run's seed.
            epoch: counted from 1.
        """
        pca = self.spec.pca
        ended = pca.last_epoch is not None and epoch > pca.last_epoch
        if pca.sigma == 0 or ended:
            return self._normalization()
        factors = rng.normal(rng.stream_key("pca", seed, epoch), indices, 3) * pca.sigma
        scale = self.spec.pixel_scale
        if pca.divide:
            scale = scale / (1 + pca.sigma)
        return self._normalization()._replace(shift=factors @ self.components, scale=scale)

    def _finish(self, crops: Tensor) -> Tensor:
        """From normalized crops (N, s, s, 3) to the net's input (N, channels, s, s)."""
        if self.spec.channel_std is not None:
            crops = crops / crops.new_tensor(self.spec.channel_std)
        if self.channels == 1:
            crops = crops @ crops.new_tensor(LUMA)[:, None]
        return crops.permute(0, 3, 1, 2)


def _check_settings(spec: AugmentSpec, input_spec: InputSpec, size: int) -> None:
    """Raise UsageError for settings that Preprocess cannot use."""
    if input_spec.size > size:
        fitting = fitting_size(input_spec.size)
        raise UsageError(
            f"model.input.size={input_spec.size} exceeds the stored images of data.size={size}",
            hint=f"{' '.join(small_net(size))} reads such images; this net needs "
            f"data.size={fitting} (of a store: `alexcli data prepare` with size={fitting})",
        )
    if input_spec.channels == 2:
        raise UsageError(
            "model.input.channels=2 is neither gray (1) nor RGB (3)", hint="model.input.channels=3"
        )
    deviations = spec.channel_std
    if deviations is not None and (len(deviations) != 3 or min(deviations) <= 0):
        listed = ", ".join(map(str, deviations))
        raise UsageError(
            f"augment.channel_std=[{listed}] must be three numbers above 0, or null",
            hint="augment=torchvision has ImageNet's",
        )
