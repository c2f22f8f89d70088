"""Independent implementations that the package is compared with. They import nothing from it."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def lrn_by_loop(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    """Section 3.3's formula, channel by channel."""
    channels = x.shape[1]
    out = torch.empty_like(x)
    for i in range(channels):
        low = max(0, i - size // 2)
        high = min(channels - 1, i + (size - 1) // 2)
        total = sum(x[:, j] ** 2 for j in range(low, high + 1))
        out[:, i] = x[:, i] / (k + alpha * total) ** beta
    return out


class GroupedAlexNet(nn.Module):
    """The paper's net as one tower of grouped convolutions, with LRN on each half of the channels.

    Args:
        divisor: what the paper's numbers of kernels and units are divided by.
        classes: number of classes.
        per_term_alpha: alpha of LRN, which multiplies each square.
    """

    def __init__(self, divisor: int, classes: int, per_term_alpha: float) -> None:
        super().__init__()
        self.alpha = per_term_alpha
        self.conv1 = nn.Conv2d(3, 96 // divisor, 11, 4)
        self.conv2 = nn.Conv2d(96 // divisor, 256 // divisor, 5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256 // divisor, 384 // divisor, 3, padding=1)
        self.conv4 = nn.Conv2d(384 // divisor, 384 // divisor, 3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384 // divisor, 256 // divisor, 3, padding=1, groups=2)
        self.fc6 = nn.Linear(256 // divisor * 36, 4096 // divisor)
        self.fc7 = nn.Linear(4096 // divisor, 4096 // divisor)
        self.fc8 = nn.Linear(4096 // divisor, classes)

    def norm(self, x: Tensor) -> Tensor:
        """torch divides alpha by the size, so it is multiplied by five first."""
        halves = [F.local_response_norm(h, 5, 5 * self.alpha, 0.75, 2.0) for h in x.chunk(2, dim=1)]
        return torch.cat(halves, dim=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 227, 227) -> (N, classes), without dropout."""
        x = F.max_pool2d(self.norm(F.relu(self.conv1(x))), 3, 2)
        x = F.max_pool2d(self.norm(F.relu(self.conv2(x))), 3, 2)
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        x = F.max_pool2d(F.relu(self.conv5(x)), 3, 2).flatten(1)
        # Dropout at test time multiplies by one half (section 4.2).
        x = F.relu(self.fc6(x)) * 0.5
        x = F.relu(self.fc7(x)) * 0.5
        out: Tensor = self.fc8(x)
        return out


class Alexnet145Oracle(GroupedAlexNet):
    """The 2012 code's orders: LRN, pool, ReLU in layer 1; a spatial norm in layer 2; 224 + 3."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, classes), without dropout."""
        x = F.pad(x, (0, 3, 0, 3))
        x = F.relu(F.max_pool2d(self.norm(self.conv1(x)), 3, 2))
        x = self.norm(F.relu(self.conv2(x)))
        mean = F.avg_pool2d(x * x, 5, stride=1, padding=2, count_include_pad=True)
        x = x / (1 + 1e-3 * mean) ** 0.75
        x = F.max_pool2d(x, 3, 2)
        x = F.relu(self.conv3(x))
        x = F.relu(self.conv4(x))
        x = F.relu(F.max_pool2d(self.conv5(x), 3, 2)).flatten(1)
        x = F.relu(self.fc6(x)) * 0.5
        x = F.relu(self.fc7(x)) * 0.5
        out: Tensor = self.fc8(x)
        return out


def merge_towers(state: dict[str, Tensor], oracle: nn.Module) -> None:
    """Copy a two-tower state dict into a grouped net: kernels of tower 0 first, then of tower 1."""
    merged: dict[str, Tensor] = {}
    for name in oracle.state_dict():
        layer, kind = name.split(".")
        if layer == "fc8":
            parts = [state[f"tower{t}.fc8.weight"] for t in (0, 1)]
            merged[name] = torch.cat(parts, 1) if kind == "weight" else state["tower0.fc8.bias"]
        else:
            merged[name] = torch.cat([state[f"tower{t}.{layer}.{kind}"] for t in (0, 1)], 0)
    oracle.load_state_dict(merged)
