import pytest
import torch
from torch import nn

from alexcli.model import firing
from alexcli.model.firing import FiringWatch, weights_of_layers
from alexcli.model.net import Net
from alexcli.model.torchvision_models import TorchvisionNet
from alexcli.model.towers import Towers
from alexcli.schema import ModelSpec
from tests.conftest import small


def _towers() -> Towers:
    return Towers(small().model).eval()


def _torchvision(name: str) -> Net:
    return TorchvisionNet(ModelSpec(name=name, torchvision=name, towers=1, classes=10)).eval()


def _watch(net: Net, x: torch.Tensor, batch: int) -> FiringWatch:
    watch = FiringWatch(net)
    with torch.no_grad(), watch.watching():
        for part in torch.split(x, batch):
            watch.begin_pass(len(part))
            net(part)
    return watch


def _images(net: Net, count: int) -> torch.Tensor:
    shape = (count, net.spec.input.channels, net.spec.input.size, net.spec.input.size)
    return 50 * torch.randn(shape, generator=torch.Generator().manual_seed(0))


def test_a_channel_that_one_image_wakes_is_alive_and_others_are_dead() -> None:
    net = _towers()
    with torch.no_grad():
        net.layer(0, "conv2").bias[:2] = -1e6
    x = _images(net, 6)
    watch = _watch(net, x, batch=2)
    assert watch.images == 6
    assert list(watch.alive) == [shape.name for shape in net.shapes[:-1]]
    assert watch.alive["conv2"][0][:2].tolist() == [False, False]
    whole = _watch(net, x, batch=6)
    for layer, towers in whole.alive.items():
        for tower, alive in towers.items():
            assert alive.tolist() == watch.alive[layer][tower].tolist(), layer


def test_watching_leaves_the_scores_and_the_net_as_they_were() -> None:
    net = _towers()
    x = _images(net, 2)
    with torch.no_grad():
        before = net(x)
        watch = FiringWatch(net)
        with watch.watching():
            watch.begin_pass(2)
            assert torch.equal(net(x), before)
    assert not any(module._forward_hooks for module in net.modules())


def test_a_batch_without_images_wakes_nothing() -> None:
    alive = firing._still_alive(None, torch.zeros(0, 3, 4, 4))
    assert alive.tolist() == [False] * 3
    alive = firing._still_alive(alive, torch.ones(1, 3, 4, 4))
    assert alive.tolist() == [True] * 3


@pytest.mark.parametrize(
    ("name", "unit", "weight"),
    [
        ("resnet18", "layer1.0.relu (2)", "layer4.1.conv2"),
        ("googlenet", "inception3a.branch1", "inception3a.branch1.conv"),
    ],
)
def test_rectifiers_of_torchvision_are_named_by_module_and_use(
    name: str, unit: str, weight: str
) -> None:
    net = _torchvision(name)
    watch = _watch(net, torch.randn(2, 3, 64, 64), batch=1)
    assert watch.alive[unit][0].dtype is torch.bool
    weights = weights_of_layers(net)
    assert weights[weight][0].dim() == 4
    assert not any("bn" in layer for layer in weights)


def test_the_weights_of_a_layer_are_those_of_each_tower_without_biases() -> None:
    net = _towers()
    weights = weights_of_layers(net)
    assert list(weights) == [shape.name for shape in net.shapes]
    assert weights["conv1"][1] is not net.layer(0, "conv1").weight
    assert torch.equal(weights["conv1"][1], net.layer(1, "conv1").weight)
    assert isinstance(net.layer(0, "conv1").weight, nn.Parameter)
