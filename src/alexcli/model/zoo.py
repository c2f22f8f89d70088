"""Nets of torchvision in the net's place: nothing of the paper's but what is around them."""

import torch
from torch import Tensor, nn

from alexcli.draws import At, key
from alexcli.errors import UsageError
from alexcli.model.shapes import LayerShape, trace
from alexcli.model.towers import Towers
from alexcli.schema import ModelSpec

# These train without the auxiliary scores, which no evaluation uses.
PLAIN = {"aux_logits": False, "init_weights": True}
EXTRAS = {"googlenet": PLAIN, "inception_v3": PLAIN}


class Borrowed(Towers):
    """A net that torchvision builds, with its own initial weights.

    Args:
        spec: `torchvision` names it.
        seed: of the initial weights.

    Raises:
        UsageError: torchvision has no such net, or several towers are wanted.
    """

    def __init__(self, spec: ModelSpec, *, seed: int = 0, **_: object) -> None:
        from torchvision import models  # type: ignore[import-untyped]

        nn.Module.__init__(self)
        self.spec, self.mine, name = spec, [0], spec.torchvision or ""
        known = models.list_models(module=models)  # those that classify
        if name not in known or spec.towers != 1 or any(spec.trunk.values()):
            raise UsageError.of("model.no_torchvision", word=name, known=known)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(key("torchvision", seed) >> 1)
            self.net = models.get_model(name, num_classes=spec.classes, **EXTRAS.get(name, {}))

    @property
    def shapes(self) -> list[LayerShape]:  # type: ignore[override]
        """UsageError: layers of torchvision's nets are not known here."""
        return trace(self.spec)

    def forward(self, x: Tensor, at: At | None = None) -> Tensor:
        """Class scores before the softmax, (N, K) float, of x (N, 3, size, size)."""
        scores: Tensor = self.net(x.contiguous(memory_format=torch.channels_last))
        return scores
