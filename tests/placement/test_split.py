"""What crosses between devices, seen without any: tensors that have a device and no memory."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from alexcli.draws import At
from alexcli.model.towers import Towers
from alexcli.placement.split import Split
from tests.conftest import model
from tests.fakes import fake_tensors

N = 4


@pytest.fixture(autouse=True)
def _fake() -> Iterator[None]:
    with fake_tensors():
        yield


class Crossings(TorchDispatchMode):
    """Every tensor that an operation makes on another device than its inputs', and where.

    An operation that would mix devices without a copy is an error of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[int, ...], str, str]] = []
        self.layer = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        inputs = {t.device for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor) and inputs and made.device not in inputs:
                (source,) = inputs
                self.seen.append((self.layer, tuple(made.shape), str(source), str(made.device)))
        return out


def _expected(net: Towers, devices: list[str]) -> list[tuple[str, tuple[int, ...], str, str]]:
    """From the model's own points of exchange: its input, the layers that see all, the scores.

    Each is named by the layer that was last computed.
    """
    towers, side = net.spec.towers, net.spec.input.size
    others = range(1, towers)
    found = [("", (N, 3, side, side), devices[0], devices[other]) for other in others]
    for before, shape in zip(net.shapes, net.shapes[1:], strict=False):
        if shape.exchanged:
            channels = before.out_channels // towers
            maps = (before.end_size,) * 2 if before.spec.kind.value == "conv" else ()
            for there in range(towers):
                for here in range(towers):
                    if here != there:
                        size = (N, channels, *maps)
                        found.append((before.name, size, devices[here], devices[there]))
    scores = (N, net.spec.classes)
    return [*found, *(("fc8", scores, devices[other], devices[0]) for other in others)]


@pytest.mark.parametrize("towers", [2, 4])
@pytest.mark.parametrize("name", ["alexnet", "alexnet_145", "no_talk"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_crosses_but_the_models_exchanges(name: str, towers: int, training: bool) -> None:
    devices = [f"cuda:{tower}" for tower in range(towers)]
    placement = Split([torch.device(device) for device in devices])
    spec = model(f"model={name}", f"model.towers={towers}", "model.width=0.25")
    net = Towers(spec, exchange=placement.exchange).train(training)
    placement.place(net)
    side = spec.input.size
    crossings = Crossings()
    for shape in net.shapes:
        net.layer(towers - 1, shape.name).register_forward_hook(
            lambda *_, name=shape.name: setattr(crossings, "layer", name)
        )
    x = torch.empty(N, 3, side, side, device="cuda:0")
    with crossings:
        scores = net(x, At(0, 0))
    assert scores.device == torch.device("cuda:0")
    assert crossings.seen == _expected(net, devices)
    # The input to each other device, all to all at each exchange, the scores to the first.
    exchanges = 3 if name != "no_talk" else sum(shape.exchanged for shape in net.shapes)
    assert len(crossings.seen) == (towers - 1) * (2 + exchanges * towers)


def test_two_towers_on_one_device_copy_nothing() -> None:
    placement = Split([torch.device("cuda:0")] * 2)
    net = Towers(model("model.width=0.25"), exchange=placement.exchange)
    placement.place(net)
    with Crossings() as crossings:
        net(torch.empty(N, 3, 227, 227, device="cuda:0"), At(0, 0))
    assert crossings.seen == []
