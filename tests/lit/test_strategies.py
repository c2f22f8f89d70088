"""Lightning's hooks over two GPUs that are not there: where parameters and momentum end up."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from lightning.pytorch.accelerators import CPUAccelerator

from alexcli.lit.datamodule import DataModule
from alexcli.lit.module import Module
from alexcli.lit.strategies import Placed, merged
from alexcli.model.towers import Towers, named_in_full
from alexcli.optim import build_optimizer
from alexcli.placement.single import Single
from alexcli.placement.split import Split
from alexcli.run.build import build_preprocess
from tests.conftest import small
from tests.fakes import fake_tensors

CUDA = [torch.device("cuda:0"), torch.device("cuda:1")]


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("alexcli.lit.module.Errors", lambda _: torch.nn.Identity())
    with fake_tensors():
        yield


def _module(net: Towers, placement: Single) -> Module:
    """Without pictures."""
    nothing: Any = None
    spec = small()
    return Module(net, build_preprocess(spec, None), DataModule(spec, nothing, placement))


def _step(strategy: Placed) -> None:
    """An update from made-up gradients, which a backward pass would need CUDA for."""
    (optimizer,) = strategy.optimizers
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.ones_like(parameter)
    optimizer.step()


def _assert_at_home(strategy: Placed) -> None:
    """Tower t and its momentum on cuda:t, everything else on cuda:0."""
    module = strategy.lightning_module
    assert isinstance(module, Module)
    for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
        home = CUDA[1] if name.startswith("net.tower1.") else CUDA[0]
        assert tensor.device == home, name
    (optimizer,) = strategy.optimizers
    assert len(optimizer.state) == len(list(module.net.parameters()))
    for parameter, state in optimizer.state.items():
        assert parameter.device in CUDA
        assert state["velocity"].device == parameter.device


def _on_cpu(state: dict[str, Any]) -> dict[str, Any]:
    moved = {n: {"velocity": s["velocity"].cpu()} for n, s in state["state"].items()}
    return {**state, "state": moved}


def _fused(*lists: list[torch.Tensor], **_: object) -> None:
    """In the place of torch's kernel, which knows no fake tensors: one call, one device."""
    assert len({tensor.device for some in lists for tensor in some}) == 1


def test_towers_and_momentum_stay_at_home_through_fit_resume_and_eval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch, "_fused_sgd_", _fused)
    spec, placement = small(), Split(CUDA)
    net = Towers(spec.model, exchange=placement.exchange)
    module = _module(net, placement)
    strategy = Placed(placement)
    strategy.accelerator = CPUAccelerator()
    strategy.connect(module)
    # Fit.
    strategy.model_to_device()
    strategy.optimizers = [module.configure_optimizers()]
    strategy.optimizers_to_device()
    _step(strategy)
    _assert_at_home(strategy)
    # Resume: a checkpoint is on the CPU.
    saved = _on_cpu(strategy.optimizers[0].state_dict())
    strategy.optimizers = [module.configure_optimizers()]
    strategy.load_optimizer_state_dict({"optimizer_states": [saved]})
    _assert_at_home(strategy)
    _step(strategy)
    # Momentum that something else has moved comes home.
    for state in strategy.optimizers[0].state.values():
        state["velocity"] = state["velocity"].to("cuda:0")
    strategy.optimizers_to_device()
    _assert_at_home(strategy)
    # The end of a fit, and an evaluation after it.
    strategy.teardown()
    _assert_at_home(strategy)
    strategy.model_to_device()
    _assert_at_home(strategy)


def test_lightnings_own_strategy_would_not_keep_them() -> None:
    """What the strategy is for; when this fails, Lightning has changed and it can shrink."""
    from lightning.pytorch.strategies import SingleDeviceStrategy

    spec, placement = small(), Split(CUDA)
    net = Towers(spec.model, exchange=placement.exchange)
    module = _module(net, placement)
    strategy = SingleDeviceStrategy(CUDA[0])
    strategy.accelerator = CPUAccelerator()
    strategy.connect(module)
    placement.place(net)
    strategy.model_to_device()
    assert {p.device for p in net.parameters()} == {CUDA[0]}
    strategy.teardown()
    assert {p.device for p in net.parameters()} == {torch.device("cpu")}


def test_parts_of_all_towers_merge_into_the_checkpoint_of_one_process() -> None:
    """Names, their order, and the optimizer's numbers; and each part reads the whole again."""
    spec = small()
    whole = Towers(spec.model)
    optimizer = build_optimizer(named_in_full(whole), spec.optim)
    parts, owns = [], []
    for tower in (0, 1):
        own = Towers(spec.model, mine=[tower])
        owns.append((own, build_optimizer(named_in_full(own), spec.optim)))
    for net, rule in [(whole, optimizer), *owns]:
        for parameter in net.parameters():
            parameter.grad = torch.ones_like(parameter)
        rule.step()
    for own, rule in owns:
        weights = {f"net.{name}": tensor for name, tensor in own.state_dict().items()}
        weights |= {"preprocess.mean": torch.empty(3)}
        parts.append({"state_dict": weights, "optimizer_states": [rule.state_dict()]})
    found = merged(parts)
    assert list(found["state_dict"]) == [
        *(f"net.{name}" for name in whole.state_dict()),
        "preprocess.mean",
    ]
    (theirs,) = found["optimizer_states"]
    ours = optimizer.state_dict()
    assert theirs["param_groups"] == ours["param_groups"]
    assert list(theirs["state"]) == list(ours["state"])
    for number, state in ours["state"].items():
        assert theirs["state"][number]["velocity"].shape == state["velocity"].shape
    own, rule = owns[1]
    strategy = Placed(Single(torch.device("cpu"), 2))
    strategy.optimizers = [rule]
    strategy.load_optimizer_state_dict(found)
    assert set(rule.state) == set(own.parameters())
