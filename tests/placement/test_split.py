"""Towers on several devices: the same numbers as on one, and what crosses between devices.

What crosses is seen without any device: on tensors that have a device and no memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from alexcli.model.towers import Towers
from alexcli.placement.split import SplitPlacement
from alexcli.rng import DropoutContext
from tests.conftest import model
from tests.fakes import fake_tensors
from tests.placement.test_distributed import check_against_single
from tests.placement.worker import CASES, Case, train

N = 4
ONE_PROCESS_PER_TOWER = [
    case for case in CASES if case.kind == "distributed" and case.processes == case.towers
]


@pytest.mark.parametrize("case", ONE_PROCESS_PER_TOWER, ids=lambda case: case.name)
def test_split_matches_single(case: Case) -> None:
    placement = SplitPlacement([torch.device("cpu")] * case.towers)
    check_against_single(case, train(case, placement))


@pytest.fixture
def _fake() -> Iterator[None]:
    try:
        with fake_tensors():
            x = torch.empty(1, 2, 3, 3, device="cuda:0")
            x.contiguous(memory_format=torch.channels_last)
    except RuntimeError as error:
        if torch.__version__ >= torch.torch_version.TorchVersion("2.10"):
            raise
        pytest.skip(f"this torch asks a driver also of tensors without memory: {error}")
    with fake_tensors():
        yield


@dataclass(frozen=True)
class Crossing:
    """A tensor that has gone from one device to another."""

    after_layer: str
    """The layer that was computed last; empty before the first."""
    shape: tuple[int, ...]
    source: str
    target: str


class CrossingRecorder(TorchDispatchMode):
    """Records every tensor that an operation creates on another device than its inputs'.

    An operation that mixes devices without a copy is an error of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        self.crossings: list[Crossing] = []
        self.layer = ""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        outputs = func(*args, **(kwargs or {}))
        inputs = {t.device for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for output in tree_leaves(outputs):
            if isinstance(output, torch.Tensor) and inputs and output.device not in inputs:
                (source,) = inputs
                shape = tuple(output.shape)
                crossing = Crossing(self.layer, shape, str(source), str(output.device))
                self.crossings.append(crossing)
        return outputs


def expected_crossings(net: Towers, devices: list[str]) -> list[Crossing]:
    """The model's own points of exchange: its input, the layers that read all towers, the scores.

    The input goes to each other device, outputs go from all to all, scores go to the first.
    """
    spec = net.spec
    first = devices[0]
    others = devices[1:]
    image_shape = (N, 3, spec.input.size, spec.input.size)
    crossings = [Crossing("", image_shape, first, device) for device in others]
    for previous, layer in pairwise(net.shapes):
        if not layer.reads_other_towers:
            continue
        channels = previous.out_channels // spec.towers
        sides = (previous.end_size, previous.end_size)
        if previous.spec.kind.value != "conv":
            sides = ()
        crossings += [
            Crossing(previous.name, (N, channels, *sides), source, target)
            for target in devices
            for source in devices
            if source != target
        ]
    crossings += [Crossing("fc8", (N, spec.classes), device, first) for device in others]
    return crossings


@pytest.mark.usefixtures("_fake")
@pytest.mark.parametrize("towers", [2, 4])
@pytest.mark.parametrize("name", ["alexnet", "alexnet_145", "no_communication"])
@pytest.mark.parametrize("training", [True, False])
def test_nothing_crosses_but_the_models_exchanges(name: str, towers: int, training: bool) -> None:
    devices = [f"cuda:{tower}" for tower in range(towers)]
    placement = SplitPlacement([torch.device(device) for device in devices])
    spec = model(f"model={name}", f"model.towers={towers}", "model.width=0.25")
    net = Towers(spec, exchange=placement.exchange).train(training)
    placement.place(net)
    recorder = CrossingRecorder()
    for shape in net.shapes:
        net.layer(towers - 1, shape.name).register_forward_hook(
            lambda *_, name=shape.name: setattr(recorder, "layer", name)
        )
    side = spec.input.size
    x = torch.empty(N, 3, side, side, device="cuda:0")
    with recorder:
        scores = net(x, DropoutContext(0, 0))
    assert scores.device == torch.device("cuda:0")
    assert recorder.crossings == expected_crossings(net, devices)
    exchanges = 3
    if name == "no_communication":
        exchanges = sum(shape.reads_other_towers for shape in net.shapes)
    assert len(recorder.crossings) == (towers - 1) * (2 + exchanges * towers)


@pytest.mark.usefixtures("_fake")
def test_two_towers_on_one_device_copy_nothing() -> None:
    placement = SplitPlacement([torch.device("cuda:0")] * 2)
    net = Towers(model("model.width=0.25"), exchange=placement.exchange)
    placement.place(net)
    with CrossingRecorder() as recorder:
        net(torch.empty(N, 3, 227, 227, device="cuda:0"), DropoutContext(0, 0))
    assert recorder.crossings == []
