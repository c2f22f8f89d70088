"""Lightning's hooks over two GPUs that are not there: where parameters and momentum end up."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch.accelerators import CPUAccelerator
from lightning.pytorch.strategies import SingleDeviceStrategy

from alexcli.lit.datamodule import DataModule
from alexcli.lit.module import AlexNetModule
from alexcli.lit.strategy import PlacementStrategy, merge_towers, trainer_devices
from alexcli.model.net import all_named_parameters
from alexcli.model.towers import Towers
from alexcli.optim.groups import build_optimizer
from alexcli.placement.base import Placement
from alexcli.placement.single import SinglePlacement
from alexcli.placement.split import SplitPlacement
from alexcli.run.build import build_preprocess
from tests.conftest import small
from tests.fakes import fake_tensors

CUDA = [torch.device("cuda:0"), torch.device("cuda:1")]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # Meters copy tensors deeply, which fake tensors do not survive.
    monkeypatch.setattr("alexcli.lit.module.TopKMeter", lambda _: torch.nn.Identity())
    with fake_tensors():
        yield


def module_without_images(net: Towers, placement: Placement) -> AlexNetModule:
    spec = small()
    dataset: Any = None
    data = DataModule(spec, dataset, placement)
    return AlexNetModule(net, build_preprocess(spec, None), data)


def update_with_invented_gradients(strategy: PlacementStrategy) -> None:
    """A backward pass would need CUDA."""
    (optimizer,) = strategy.optimizers
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def assert_at_home(strategy: PlacementStrategy) -> None:
    """Tower t and its momentum are on cuda:t, everything else on cuda:0."""
    module = strategy.lightning_module
    assert isinstance(module, AlexNetModule)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        home = CUDA[1] if name.startswith("net.tower1.") else CUDA[0]
        assert tensor.device == home, name
    (optimizer,) = strategy.optimizers
    assert len(optimizer.state) == len(list(module.net.parameters()))
    for parameter, state in optimizer.state.items():
        assert parameter.device in CUDA
        assert state["velocity"].device == parameter.device


def on_cpu(optimizer_state: dict[str, Any]) -> dict[str, Any]:
    """As a checkpoint holds it."""
    moved = {
        number: {"velocity": state["velocity"].cpu()}
        for number, state in optimizer_state["state"].items()
    }
    return {**optimizer_state, "state": moved}


def fake_fused_sgd(*lists: list[torch.Tensor], **_: object) -> None:
    """In the place of torch's kernel, which knows no fake tensors: one call, one device."""
    assert len({tensor.device for tensors in lists for tensor in tensors}) == 1


def test_towers_and_momentum_stay_at_home_through_fit_resume_and_eval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "_fused_sgd_", fake_fused_sgd)
    placement = SplitPlacement(CUDA)
    net = Towers(small().model, exchange=placement.exchange)
    module = module_without_images(net, placement)
    strategy = PlacementStrategy(placement)
    strategy.accelerator = CPUAccelerator()
    strategy.connect(module)
    # Fit.
    strategy.model_to_device()
    strategy.optimizers = [module.configure_optimizers()]
    strategy.optimizers_to_device()
    update_with_invented_gradients(strategy)
    assert_at_home(strategy)
    # Resume: a checkpoint is on the CPU.
    saved = on_cpu(strategy.optimizers[0].state_dict())
    strategy.optimizers = [module.configure_optimizers()]
    strategy.load_optimizer_state_dict({"optimizer_states": [saved]})
    assert_at_home(strategy)
    update_with_invented_gradients(strategy)
    # Momentum that something else has moved comes home.
    for state in strategy.optimizers[0].state.values():
        state["velocity"] = state["velocity"].to("cuda:0")
    strategy.optimizers_to_device()
    assert_at_home(strategy)
    # The end of a fit, and an evaluation after it.
    strategy.teardown()
    assert_at_home(strategy)
    strategy.model_to_device()
    assert_at_home(strategy)


def test_lightnings_own_strategy_would_not_keep_them() -> None:
    """What the strategy is for; when this fails, Lightning has changed and it can shrink."""
    placement = SplitPlacement(CUDA)
    net = Towers(small().model, exchange=placement.exchange)
    module = module_without_images(net, placement)
    strategy = SingleDeviceStrategy(CUDA[0])
    strategy.accelerator = CPUAccelerator()
    strategy.connect(module)
    placement.place(net)
    strategy.model_to_device()
    assert {p.device for p in net.parameters()} == {CUDA[0]}
    strategy.teardown()
    assert {p.device for p in net.parameters()} == {torch.device("cpu")}


def test_parts_of_all_towers_merge_into_the_checkpoint_of_one_process() -> None:
    """Names, their order, and the optimizer's numbers; and each part can load the merged one."""
    spec = small()
    whole_net = Towers(spec.model)
    whole_optimizer = build_optimizer(all_named_parameters(whole_net), spec.optim)
    tower_nets = [Towers(spec.model, local_towers=[tower]) for tower in (0, 1)]
    tower_optimizers = [
        build_optimizer(all_named_parameters(net), spec.optim) for net in tower_nets
    ]
    nets = [whole_net, *tower_nets]
    optimizers = [whole_optimizer, *tower_optimizers]
    for net, optimizer in zip(nets, optimizers, strict=True):
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        optimizer.step()

    parts = []
    for net, optimizer in zip(tower_nets, tower_optimizers, strict=True):
        weights = {f"net.{name}": tensor for name, tensor in net.state_dict().items()}
        weights["preprocess.mean"] = torch.empty(3)
        parts.append({"state_dict": weights, "optimizer_states": [optimizer.state_dict()]})
    merged = merge_towers(parts)

    assert list(merged["state_dict"]) == [
        *(f"net.{name}" for name in whole_net.state_dict()),
        "preprocess.mean",
    ]
    (merged_state,) = merged["optimizer_states"]
    whole_state = whole_optimizer.state_dict()
    assert merged_state["param_groups"] == whole_state["param_groups"]
    assert list(merged_state["state"]) == list(whole_state["state"])
    for number, state in whole_state["state"].items():
        assert merged_state["state"][number]["velocity"].shape == state["velocity"].shape
    strategy = PlacementStrategy(SinglePlacement(torch.device("cpu"), 2))
    strategy.optimizers = [tower_optimizers[1]]
    strategy.load_optimizer_state_dict(merged)
    assert set(tower_optimizers[1].state) == set(tower_nets[1].parameters())


@pytest.mark.parametrize(
    ("device", "accelerator", "devices"),
    [("cpu", "cpu", 1), ("cuda", "gpu", [0]), ("cuda:3", "gpu", [3])],
)
def test_lightning_is_given_the_one_device_of_this_process(
    device: str, accelerator: str, devices: int | list[int]
) -> None:
    placement = SinglePlacement(torch.device(device), 2)
    arguments = trainer_devices(placement)
    assert (arguments["accelerator"], arguments["devices"]) == (accelerator, devices)
    assert arguments["strategy"].placement is placement
