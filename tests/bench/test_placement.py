"""Two towers on one device, and in two processes."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from alexcli.bench import placement
from alexcli.bench.placement import grouped_net
from alexcli.errors import RunFailedError
from alexcli.placement.single import SinglePlacement
from alexcli.run.build import build_net
from alexcli.schema import LrnSpec
from tests.conftest import small


def test_the_grouped_net_has_as_many_parameters_and_no_dropout() -> None:
    with torch.device("meta"):
        net = grouped_net(LrnSpec())
    assert sum(parameter.numel() for parameter in net.parameters()) == 60_965_224
    assert not any(isinstance(module, torch.nn.Dropout) for module in net.modules())


def test_a_process_that_ends_early_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def ends_at_once(*_: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", "raise SystemExit(3)"]
        return subprocess.Popen(command, stdin=-1, stdout=-1, text=True)

    monkeypatch.setattr(placement, "_start_rank", ends_at_once)
    with (
        pytest.raises(RunFailedError, match="ended with exit code 3"),
        placement._distributed_updates(Path(), 2),
    ):
        pass


def test_an_update_changes_the_weights() -> None:
    spec = small("model.dropout.rate=0", "model.input.size=32")
    net = build_net(spec)
    before = next(net.parameters()).detach().clone()
    single = SinglePlacement(torch.device("cpu"), 2)
    original = placement.SIDE
    try:
        placement.SIDE = 32
        updates, seconds = placement._updates(net, spec, single, batch=2)()
    finally:
        placement.SIDE = original
    assert updates == 1
    assert seconds > 0
    assert not torch.equal(next(net.parameters()), before)
