"""Weights from elsewhere, renamed for our nets, and nets in terms that exchange formats know.

Another source is another function here. A response norm is exported as a standard operator or as
plain arithmetic, in place of the closed form that training uses.
"""

import copy
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, hub, nn

from alexcli.errors import UsageError
from alexcli.model.lrn import LocalResponseNorm
from alexcli.model.towers import Towers

# torchvision.models.alexnet: its Sequential's places, and the layers of conf/model/owt.yaml.
PLACES = [f"features.{at}" for at in (0, 3, 6, 8, 10)] + [f"classifier.{at}" for at in (1, 4, 6)]
LAYERS = ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8")
TORCHVISION_MEAN = (0.485, 0.456, 0.406)
"""Of ImageNet's RGB in [0, 1], which torchvision subtracts and divides by."""


def from_torchvision(state: Mapping[str, object]) -> dict[str, Tensor]:
    """The weights of torchvision's alexnet under the names of our `owt`.

    Args:
        state: its state dict; the prefix that DataParallel adds is taken off.

    Raises:
        UsageError: a weight is absent or has no place.
    """
    plain = {str(name).removeprefix("module."): value for name, value in state.items()}
    wanted = {
        f"{theirs}.{part}": f"tower0.{ours}.{part}"
        for theirs, ours in zip(PLACES, LAYERS, strict=True)
        for part in ("weight", "bias")
    }
    absent = [name for name in wanted if not isinstance(plain.get(name), Tensor)]
    extra = [name for name in plain if name not in wanted]
    if absent or extra:
        what = f"lacks {absent[0]}" if absent else f"has {extra[0]}, which alexnet has not"
        raise UsageError.of("weights.not_torchvision", what=what)
    return {ours: cast(Tensor, plain[theirs]) for theirs, ours in wanted.items()}


def download_torchvision() -> dict[str, Tensor]:
    """The published weights, 244 MB, kept in torch's own cache.

    Raises:
        UsageError: no network, or what came is damaged.
    """
    from torchvision.models import AlexNet_Weights  # type: ignore[import-untyped]

    url = AlexNet_Weights.IMAGENET1K_V1.url
    try:
        return hub.load_state_dict_from_url(
            url, progress=False, check_hash=True, weights_only=True, map_location="cpu"
        )
    except (OSError, RuntimeError) as error:
        raise UsageError.of("weights.download", url=url, error=error) from error


class OperatorNorm(nn.Module):
    """ONNX's LRN operator, which divides alpha by the window's size. It only exists in an export.

    Its window equals ours where `size` is odd; an even one starts a map later than the 2012 code's.
    """

    def __init__(self, norm: LocalResponseNorm) -> None:
        super().__init__()
        self.constants: dict[str, Any] = {"alpha": norm.alpha * norm.size, "beta": norm.beta}
        self.constants |= {"bias": norm.k, "size": norm.size}

    def forward(self, x: Tensor) -> Tensor:
        """x (N, C, H, W) -> the same shape."""
        return torch.onnx.ops.symbolic(
            "LRN", (x,), self.constants, dtype=x.dtype, shape=x.shape, version=13
        )


def portable(net: Towers, *, operator: bool) -> Towers:
    """A copy whose response norms can be exported.

    Args:
        net: stays as it is.
        operator: ONNX's LRN where it equals ours (odd windows, maps); otherwise plain arithmetic.
    """
    made = copy.deepcopy(net)
    for shape in made.shapes if net.spec.torchvision is None else []:
        for tower in made.mine:
            ops = made.layer(tower, shape.name).ops
            for name, op in ops.items():
                fits = operator and shape.in_size > 1
                if isinstance(op, LocalResponseNorm) and fits and op.size % 2 == 1:
                    ops[name] = OperatorNorm(op)
    return made
