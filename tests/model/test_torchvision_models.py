"""torchvision's nets in the place of towers."""

from pathlib import Path

import pytest
import torch
from torchvision.models import get_model  # type: ignore[import-untyped]

from alexcli.errors import UsageError
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.reporter import NullReporter
from alexcli.run.build import build_net
from alexcli.run.directory import RunDirectory
from alexcli.run.evaluate import evaluate
from alexcli.run.train import train
from tests.conftest import model, small


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "resnet50", "resnet152"])
def test_it_is_the_net_that_torchvision_builds(name: str) -> None:
    options = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
    with torch.device("meta"):
        ours = build_net(small(f"model={name}", "model.width=1", "model.classes=1000"))
        theirs = get_model(name, **options)
    assert {key.removeprefix("net."): value.shape for key, value in ours.state_dict().items()} == {
        key: value.shape for key, value in theirs.state_dict().items()
    }


def test_it_trains_resumes_and_evaluates_like_any_other() -> None:
    overrides = ("model=resnet18", "model.input.size=32", "optim.lr=0.01")
    outcome = train(small(*overrides), NullReporter())
    run = RunDirectory(Path(outcome.directory))
    (row,) = evaluate([(run, run.last)], NullReporter(), split="val").results
    assert row.top1_err == outcome.result["last"]["val"]["top1_err"]
    assert train(small(*overrides), NullReporter()).skipped


def test_its_initial_weights_follow_the_seed() -> None:
    spec = model("model=resnet18", "model.classes=3")
    state = TorchvisionNet(spec, seed=0).state_dict()
    torch.manual_seed(5)
    again = TorchvisionNet(spec, seed=0).state_dict()
    other = TorchvisionNet(spec, seed=1).state_dict()
    assert all(torch.equal(again[name], state[name]) for name in state)
    assert not torch.equal(other["net.fc.weight"], state["net.fc.weight"])


def test_building_it_leaves_torchs_own_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    TorchvisionNet(model("model=resnet18", "model.classes=3"))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("override", "message", "hint"),
    [
        (
            "model.torchvision=resnet81",
            "model.torchvision=resnet81 is not a classification net of torchvision",
            "model.torchvision=resnet18 model.towers=1",
        ),
        ("model.torchvision=zzz", "torchvision=zzz is not a classification net", "model=resnet18"),
        (
            "model.towers=2",
            "model.torchvision=resnet18 is a net without towers, but model.towers=2",
            "model.torchvision=resnet18 model.towers=1",
        ),
        (
            "model.layers.fc6={kind: fc}",
            "model.torchvision=resnet18 replaces all layers, but model.layers has fc6",
            "model=resnet18",
        ),
    ],
)
def test_unknown_names_towers_and_layers_are_refused(
    override: str, message: str, hint: str
) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        TorchvisionNet(model("model=resnet18", override))
    assert caught.value.hint == hint


@pytest.mark.parametrize("name", ["cifar_googlenet", "cifar_resnet18"])
def test_a_small_stem_keeps_the_first_map_as_large_as_the_image(name: str) -> None:
    net = TorchvisionNet(model(f"model={name}", "model.classes=10"))
    sizes: list[torch.Size] = []
    net.net.get_submodule("conv1").register_forward_hook(lambda *a: sizes.append(a[2].shape))
    net.eval()
    assert net(torch.zeros(1, 3, 28, 28)).shape == (1, 10)
    assert sizes == [torch.Size([1, 64, 28, 28])]
    again = TorchvisionNet(model(f"model={name}", "model.classes=10"))
    weights, weights_again = net.state_dict(), again.state_dict()
    assert all(torch.equal(weights[key], weights_again[key]) for key in weights)


def test_a_small_stem_of_another_net_is_refused() -> None:
    spec = model("model=resnet18", "model.torchvision=vgg11", "model.small_stem=true")
    with pytest.raises(UsageError, match=r"small_stem=true is for resnets and googlenet"):
        TorchvisionNet(spec)
