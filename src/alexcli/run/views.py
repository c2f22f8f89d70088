"""Softmax outputs of pictures under several views, in passes that fit in memory.

Legend: N pictures, V views, K classes.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from alexcli.data.transforms import Preprocess, View
from alexcli.errors import RunFailedError
from alexcli.model.towers import Towers
from alexcli.results import Reporter


class Scorer:
    """A net that is asked for the softmax outputs of views of pictures.

    Args:
        net: in evaluation mode, on the device of `preprocess`.
        preprocess: makes the views.
        bf16: whether products run in bfloat16.
        limit: net inputs in one forward pass; halved whenever the device's memory does not suffice.
        reporter: told when that happens.
    """

    def __init__(
        self, net: Towers, preprocess: Preprocess, *, bf16: bool, limit: int, reporter: Reporter
    ) -> None:
        self.net, self.preprocess, self.bf16 = net, preprocess, bf16
        self.limit, self.reporter = limit, reporter

    def __call__(self, images: Tensor, views: Sequence[View]) -> Tensor:
        """Softmax outputs of every view of every picture.

        Args:
            images: (N, S, S, 3) uint8, on the net's device.
            views: which crops.

        Returns:
            (V, N, K) float32.

        Raises:
            RunFailedError: not even one input fits in memory.
        """
        total, parts, start = len(views) * len(images), [], 0
        while start < total:
            stop = min(start + self.limit, total)
            try:
                parts.append(self._pass(images, views, start, stop))
            except torch.OutOfMemoryError as error:
                too_many = stop - start
                if too_many == 1:
                    raise RunFailedError.of("eval.memory") from error
                self.limit = too_many // 2
            else:
                start = stop
                continue
            # Outside of `except`, whose traceback would keep the failed pass's tensors alive.
            if torch.cuda.is_available():
                torch.cuda.empty_cache()
            self.reporter.warn(
                f"out of memory with {too_many} inputs; going on with eval.max_batch={self.limit}"
            )
        return torch.cat(parts).view(len(views), len(images), -1)

    @torch.inference_mode()
    def _pass(self, images: Tensor, views: Sequence[View], start: int, stop: int) -> Tensor:
        """Inputs `start` to `stop` of all views, one view after the other; (stop - start, K)."""
        device = images.device.type
        inputs, n = [], len(images)
        for number, view in enumerate(views):  # which lie end to end
            low, high = (min(max(at - number * n, 0), n) for at in (start, stop))
            if low < high:
                inputs.append(self.preprocess.view(images[low:high], view))
        x = inputs[0] if len(inputs) == 1 else torch.cat(inputs)
        with torch.autocast(device, torch.bfloat16, enabled=self.bf16):
            scores = self.net(x)
        return torch.softmax(scores.float(), dim=1)
