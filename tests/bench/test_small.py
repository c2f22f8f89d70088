"""Small nets beside a plain loop."""

from dataclasses import replace

import pytest
import torch

from alexcli.bench import small
from alexcli.bench.baselines import Setting
from alexcli.bench.loop import TimedModule, lightning_loop
from alexcli.bench.plain import copy_weights, plain_net
from alexcli.model.towers import Towers
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data
from alexcli.schema import Precision, TrainSpec
from tests.bench.notes import NoteList


def _shrunk(spec: TrainSpec) -> TrainSpec:
    """Batches of four images."""
    trainer = replace(spec.trainer, precision=Precision.float32)
    return replace(spec, optim=replace(spec.optim, batch_size=4), trainer=trainer)


@pytest.fixture(autouse=True)
def _few_images(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a measurement of one step in small batches."""
    full_size = small.experiment
    monkeypatch.setattr(small, "experiment", lambda name: _shrunk(full_size(name)))
    monkeypatch.setattr(small, "IMAGES", 4)
    monkeypatch.setattr(small, "STORED_IMAGES", 20)


def test_four_nets_are_measured_and_each_is_shown_when_it_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(small, "lightning_loop", lambda *_: (4, 1.0))  # tested below, and slow
    reporter = NoteList()
    results = small.run(1, reporter)
    names = [f"small/{name}" for name in ("quickstart", "cifar_26", "cifar_18", "cifar_11")]
    assert [(result.name, result.against) for result in results] == [
        (name, "plain_loop") for name in names
    ]
    assert all(result.value > 0 and result.ratio_median for result in results)
    shown = [note.partition(":")[0] for note in reporter.notes if note.startswith("small/")]
    assert shown == names


def test_the_experiments_keep_their_nets_and_their_rules() -> None:
    spec = small.experiment("cifar_11")
    assert (spec.model.name, spec.model.input.size, spec.data.size) == ("cifar_11", 24, 32)
    assert spec.optim.groups["fc"] is not None


def test_both_loops_make_the_same_updates() -> None:
    spec = small.experiment("quickstart")
    spec = replace(spec, model=replace(spec.model, dropout=replace(spec.model.dropout, rate=0.0)))
    spec, dataset = build_data(spec, NullReporter())
    module = TimedModule.from_dataset(spec, dataset)
    loop = small.PlainLoop(module, Setting.eager)
    before = [parameter.clone() for parameter in loop.net.parameters()]
    images, seconds = loop.arm(3)()
    assert images == 2 * 4
    assert seconds > 0
    assert lightning_loop(module, 2)[0] == 4
    assert isinstance(module.net, Towers)
    ours = plain_net(spec.model)
    copy_weights(module.net, ours)
    for parameter, our_parameter, old in zip(
        loop.net.parameters(), ours.parameters(), before, strict=True
    ):
        change = (our_parameter - old).abs().max()
        assert change > 0
        assert (parameter - our_parameter).abs().max() < 1e-3 * change


def test_a_setting_decides_order_and_arithmetic() -> None:
    spec, dataset = build_data(small.experiment("cifar_26"), NullReporter())
    module = TimedModule.from_dataset(spec, dataset)
    contiguous, channels_last, bf16 = (
        small.PlainLoop(module, setting)
        for setting in (Setting.eager, Setting.channels_last, Setting.bf16)
    )
    weight = next(channels_last.net.parameters())
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert next(contiguous.net.parameters()).is_contiguous()
    assert [loop.bf16 for loop in (contiguous, channels_last, bf16)] == [False, False, True]
