"""Softmax outputs of views of images, in forward passes that fit in the device's memory.

Legend: N images, S stored side, V views, K classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from alexcli.data.transforms import CENTER_CROP, TEN_CROPS, Preprocess, View
from alexcli.errors import RunFailedError, plural
from alexcli.model.net import Net
from alexcli.reporter import Reporter

PROTOCOL_VIEWS: dict[str, tuple[View, ...]] = {"center": (CENTER_CROP,), "ten": TEN_CROPS}
"""The views over which each evaluation protocol averages the softmax outputs (section 4.1)."""


@dataclass
class Predictor:
    """A net with its preprocessing, which turns stored images into softmax outputs."""

    net: Net
    """In evaluation mode, on the device of `preprocess`."""
    preprocess: Preprocess
    bf16: bool
    """Whether products run in bfloat16."""
    limit: int
    """Net inputs in one forward pass; halved whenever the device's memory does not suffice."""
    reporter: Reporter
    """Warned when the limit is halved."""

    def __call__(self, images: Tensor, views: Sequence[View]) -> Tensor:
        """Softmax outputs of every view of every image.

        Args:
            images: (N, S, S, 3) uint8, on the net's device.
            views: the crops to take of each image.

        Returns:
            (V, N, K) float32.

        Raises:
            RunFailedError: the memory does not hold the forward pass of a single input.
        """
        total = len(views) * len(images)
        outputs: list[Tensor] = []
        start = 0
        while start < total:
            count = min(self.limit, total - start)
            try:
                outputs.append(self._forward(images, views, start, start + count))
                start += count
                continue
            except torch.OutOfMemoryError as error:
                if count == 1:
                    raise RunFailedError(
                        "the device's memory does not hold the forward pass of one image",
                        hint="trainer.accelerator=cpu",
                    ) from error
            # Outside of `except`, whose traceback would keep the failed pass's tensors alive.
            self._halve_limit(count)
        return torch.cat(outputs).view(len(views), len(images), -1)

    def _halve_limit(self, count: int) -> None:
        """Allow half of the `count` inputs for which the memory did not suffice."""
        self.limit = count // 2
        torch.cuda.empty_cache()
        self.reporter.warn(
            f"out of memory with {plural(count, 'input')}; "
            f"continuing with eval.max_batch={self.limit}"
        )

    @torch.inference_mode()
    def _forward(self, images: Tensor, views: Sequence[View], start: int, stop: int) -> Tensor:
        """Softmax outputs of the inputs `start` to `stop`, (stop - start, K) float32.

        Inputs are numbered view by view: all images in the first view, then all in the second.
        """
        n = len(images)
        first_view = start // n
        last_view = (stop - 1) // n
        inputs: list[Tensor] = []
        for view in range(first_view, last_view + 1):
            rows = images[max(start - view * n, 0) : stop - view * n]
            inputs.append(self.preprocess.crop(rows, views[view]))
        x = inputs[0] if len(inputs) == 1 else torch.cat(inputs)
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.bf16):
            scores = self.net(x)
        return torch.softmax(scores.float(), dim=1)
