"""Copying layers of another net."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from alexcli.config.compose import compose
from alexcli.config.files import choices
from alexcli.errors import UsageError
from alexcli.model.net import Net
from alexcli.reporter import NullReporter
from alexcli.run import checkpoint
from alexcli.run.build import build_net
from alexcli.run.dry_run import plan
from alexcli.run.find import find_checkpoint
from alexcli.run.train import train
from alexcli.run.transfer import transfer
from alexcli.run_files import DEFAULT_RUNS
from alexcli.schema import TrainSpec
from tests.conftest import small

CONV6 = "model.layers.conv6={filters: 64, kernel: 3, pad: 1, reads: all_towers, ops: [act]}"
HERE = Path("source")


def _net(*overrides: str) -> Net:
    return build_net(small(*overrides))


def _same(a: Mapping[str, Tensor], b: Mapping[str, Tensor], layer: str) -> bool:
    return all(torch.equal(a[n], b[n]) for n in a if n.split(".")[1] == layer)


def test_matching_layers_are_copied_and_the_others_named_with_the_reason() -> None:
    source, net = _net("seed=1").state_dict(), _net("model.classes=4", CONV6)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    assert transfer(net, source, None, HERE) == (
        "copied conv1, conv2, conv3, conv4, conv5, fc6, fc7; "
        "initialised anew conv6 (absent in the source), "
        "fc8 ([10, 64] in the source, [4, 64] here); skipped fc8"
    )
    for layer in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"):
        assert _same(net.state_dict(), source, layer)
    for layer in ("conv6", "fc8"):
        assert _same(net.state_dict(), before, layer)


def test_only_the_layers_asked_for_are_copied() -> None:
    summary = transfer(_net(), _net("seed=1").state_dict(), ["conv[12]", "fc7"], HERE)
    assert summary.startswith("copied conv1, conv2, fc7; initialised anew conv3 (not asked for), ")
    assert "fc8 (not asked for);" in summary


@pytest.mark.parametrize(
    ("patterns", "message"),
    [
        (["convv1"], "matches no layer"),
        (["fc8"], r"fc8, which cannot be copied .* \[10, 64\] in the source, \[4, 64\] here"),
        (["fc*8"], "no layer can be copied"),
    ],
)
def test_layers_that_cannot_be_copied_are_refused(patterns: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        transfer(_net("model.classes=4"), _net().state_dict(), patterns, HERE)


def test_a_run_starts_from_the_copied_layers_and_is_another_run() -> None:
    first = train(small("optim.epochs=1"), NullReporter())
    overrides = ("optim.epochs=1", "optim.lr=1e-12", f"init_from={first.directory}", "seed=3")
    spec = small(*overrides, "init.layers=[conv*]", "label=b")
    assert "copied conv1, conv2" in plan(spec, NullReporter(), overrides=[])
    second = train(spec, NullReporter())
    all_layers = train(small(*overrides, "label=b"), NullReporter())
    source, convolutions, every_layer = (
        checkpoint.read(find_checkpoint(run.directory, DEFAULT_RUNS)[1])["state_dict"]
        for run in (first, second, all_layers)
    )
    conv3 = "net.tower0.conv3.weight"
    fc6 = "net.tower0.fc6.weight"
    assert torch.allclose(convolutions[conv3], source[conv3], atol=1e-6)
    assert not torch.allclose(convolutions[fc6], source[fc6], atol=1e-3)
    assert torch.allclose(every_layer[fc6], source[fc6], atol=1e-6)
    assert second.directory != all_layers.directory


def test_the_chain_of_pretraining_fits_together() -> None:
    """#145 -> fall2009 -> fall2011 -> finetune_2011 (facts of the 2012 code), layer by layer."""

    def built(name: str, *overrides: str) -> tuple[TrainSpec, Net]:
        assert name in choices("experiment")
        small_net = ("model.width=0.05", "model.input.size=67")
        spec = compose([f"experiment={name}", *small_net, *overrides], TrainSpec)
        return spec, build_net(spec)

    _, base = built("ilsvrc2012_145")
    fall09, net09 = built("fall2009", "model.classes=40")
    five = "copied conv1, conv2, conv3, conv4, conv5"
    summary = transfer(net09, base.state_dict(), fall09.init.layers, HERE)
    assert summary.startswith(f"{five}; ")
    fall11, net11 = built("fall2011", "model.classes=60")
    summary = transfer(net11, net09.state_dict(), fall11.init.layers, HERE)
    assert summary.startswith(f"{five}, conv6; ")
    for name in ("finetune_2011", "seven"):
        tuned, net12 = built(name)
        summary = transfer(net12, net11.state_dict(), tuned.init.layers, HERE)
        assert summary.startswith(f"{five}, conv6, fc6, fc7; ")
        assert summary.endswith("; skipped bottleneck, fc8")
