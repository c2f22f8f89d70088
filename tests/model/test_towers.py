"""The two-tower net, against independent nets of grouped convolutions."""

import pytest
import torch
import torch.nn.functional as F

from alexcli.errors import UsageError
from alexcli.model.towers import Towers
from alexcli.rng import DropoutContext
from tests.conftest import TOWER_MODELS, model
from tests.oracles import Alexnet145Oracle, GroupedAlexNet, merge_towers

START = DropoutContext(seed=0, step=0)


def _enlarge_weights(net: Towers) -> None:
    """Make weights so large that a wrong connection shows in the scores."""
    for parameter in net.parameters():
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            torch.nn.init.normal_(parameter, 0, (2 / fan_in) ** 0.5)


@pytest.mark.parametrize(
    ("name", "oracle_class", "alpha", "side"),
    [("alexnet", GroupedAlexNet, 1e-4, 227), ("alexnet_145", Alexnet145Oracle, 2e-5, 224)],
)
def test_towers_equal_an_independent_grouped_net(
    name: str, oracle_class: type[GroupedAlexNet], alpha: float, side: int
) -> None:
    torch.manual_seed(0)
    net = Towers(model(f"model={name}", "model.width=0.0625", "model.classes=7")).double().eval()
    _enlarge_weights(net)
    oracle = oracle_class(16, 7, alpha).double()
    merge_towers(net.state_dict(), oracle)
    x = torch.randn(2, 3, side, side, dtype=torch.float64) * 60
    labels = torch.tensor([1, 5])
    scores = net(x)
    expected = oracle(x)
    assert expected.std() > 1e-3
    torch.testing.assert_close(scores, expected, rtol=1e-10, atol=1e-12)
    F.cross_entropy(scores, labels).backward()
    F.cross_entropy(expected, labels).backward()
    for tower in (0, 1):
        grad = net.layer(tower, "conv1").weight.grad
        assert grad is not None
        assert oracle.conv1.weight.grad is not None
        half = oracle.conv1.weight.grad.chunk(2)[tower]
        torch.testing.assert_close(grad, half, rtol=1e-9, atol=1e-14)


def test_owt_equals_torchvisions_alexnet() -> None:
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    net = Towers(model("model=owt", "model.classes=10")).eval()
    theirs = torchvision.models.alexnet(weights=None, num_classes=10).eval()
    ours = list(net.state_dict())
    with torch.no_grad():
        for name, source in zip(ours, theirs.state_dict().values(), strict=True):
            net.state_dict()[name].copy_(source)
    x = torch.randn(2, 3, 224, 224)
    torch.testing.assert_close(net(x), theirs(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TOWER_MODELS)
def test_every_model_runs_forward_and_backward(name: str) -> None:
    fewer_classes = ["model.classes=12"] if name.startswith("six") else []
    spec = model(f"model={name}", "model.width=0.0625", *fewer_classes)
    net = Towers(spec)
    side = spec.input.size
    scores = net(torch.randn(2, spec.input.channels, side, side) * 50, START)
    assert scores.shape == (2, spec.classes)
    F.cross_entropy(scores, torch.tensor([0, 1])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_towers_meet_only_where_a_layer_reads_all() -> None:
    """Change tower 0's conv2: tower 1's conv2 output must stay, and its conv3 output must not."""
    net = Towers(model("model.width=0.0625", "model.dropout.rate=0")).eval()
    _enlarge_weights(net)
    outputs: dict[str, torch.Tensor] = {}
    for name in ("conv2", "conv3"):
        layer = net.layer(1, name)
        layer.register_forward_hook(
            lambda _module, _inputs, out, name=name: outputs.__setitem__(name, out.detach())
        )
    x = torch.randn(1, 3, 227, 227) * 50
    net(x)
    before = dict(outputs)
    with torch.no_grad():
        net.layer(0, "conv2").weight.mul_(2)
    net(x)
    assert torch.equal(before["conv2"], outputs["conv2"])
    assert not torch.equal(before["conv3"], outputs["conv3"])


def test_one_tower_alone_has_the_weights_that_it_has_in_the_whole() -> None:
    spec = model("model.width=0.0625")
    whole = Towers(spec, seed=3)
    second = Towers(spec, local_towers=[1], seed=3)
    state = whole.state_dict()
    assert set(second.state_dict()) == {name for name in state if name.startswith("tower1.")}
    assert all(torch.equal(tensor, state[name]) for name, tensor in second.state_dict().items())


@pytest.mark.parametrize("name", ["half", "type", "pop", "training"])
def test_names_of_torchs_own_attributes_are_refused(name: str) -> None:
    spec = model("model=tiny")
    spec.layers = {name: spec.layers["conv1"], **spec.layers, "conv1": None}
    with pytest.raises(UsageError, match=f"a layer '{name}', a name that torch takes itself"):
        Towers(spec)
