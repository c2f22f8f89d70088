import pytest
import torch
import torch.nn.functional as F

from alexcli.draws import At
from alexcli.model.towers import Towers
from tests.conftest import TOWER_MODELS, model
from tests.oracles import Alexnet145Oracle, GroupedAlexNet, merge_towers

AT = At(seed=0, step=0)


def _louder(net: Towers) -> None:
    """Weights large enough that a wrong connection shows in the scores."""
    for parameter in net.parameters():
        if parameter.dim() > 1:
            fan_in = parameter[0].numel()
            torch.nn.init.normal_(parameter, 0, (2 / fan_in) ** 0.5)


@pytest.mark.parametrize(
    ("name", "oracle", "alpha", "side"),
    [("alexnet", GroupedAlexNet, 1e-4, 227), ("alexnet_145", Alexnet145Oracle, 2e-5, 224)],
)
def test_towers_equal_an_independent_grouped_net(
    name: str, oracle: type[GroupedAlexNet], alpha: float, side: int
) -> None:
    torch.manual_seed(0)
    net = Towers(model(f"model={name}", "model.width=0.0625", "model.classes=7")).double().eval()
    _louder(net)
    plain = oracle(16, 7, alpha).double()
    merge_towers(net.state_dict(), plain)
    x = torch.randn(2, 3, side, side, dtype=torch.float64) * 60
    labels = torch.tensor([1, 5])
    ours, theirs = net(x), plain(x)
    assert theirs.std() > 1e-3
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-12)
    F.cross_entropy(ours, labels).backward()
    F.cross_entropy(theirs, labels).backward()
    for tower in (0, 1):
        grad = net.layer(tower, "conv1").weight.grad
        assert grad is not None
        assert plain.conv1.weight.grad is not None
        half = plain.conv1.weight.grad.chunk(2)[tower]
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
    size = ["model.classes=12"] if name.startswith("six") else []
    spec = model(f"model={name}", "model.width=0.0625", *size)
    net = Towers(spec)
    side = spec.input.size
    scores = net(torch.randn(2, spec.input.channels, side, side) * 50, AT)
    assert scores.shape == (2, spec.classes)
    F.cross_entropy(scores, torch.tensor([0, 1])).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


def test_towers_meet_only_where_a_layer_sees_all() -> None:
    """Change one tower's conv2: the other tower's conv2 output must not, its conv3 output must."""
    net = Towers(model("model.width=0.0625", "model.dropout.rate=0")).eval()
    _louder(net)
    seen: dict[str, torch.Tensor] = {}
    for name in ("conv2", "conv3"):
        layer = net.layer(1, name)
        layer.register_forward_hook(lambda _m, _i, out, n=name: seen.__setitem__(n, out.detach()))
    x = torch.randn(1, 3, 227, 227) * 50
    net(x)
    before = dict(seen)
    with torch.no_grad():
        net.layer(0, "conv2").weight.mul_(2)
    net(x)
    assert torch.equal(before["conv2"], seen["conv2"])
    assert not torch.equal(before["conv3"], seen["conv3"])


def test_one_tower_alone_has_the_weights_that_it_has_in_the_whole() -> None:
    spec = model("model.width=0.0625")
    whole, second = Towers(spec, seed=3), Towers(spec, mine=[1], seed=3)
    state = whole.state_dict()
    assert set(second.state_dict()) == {n for n in state if n.startswith("tower1.")}
    assert all(torch.equal(tensor, state[name]) for name, tensor in second.state_dict().items())


def test_initial_weights_have_the_stds_of_paper_and_code() -> None:
    for name, std in (("alexnet", 0.01), ("alexnet_145", 0.03)):
        net = Towers(model(f"model={name}", "model.width=0.25"))
        assert net.layer(0, "conv3").weight.std().item() == pytest.approx(std, rel=0.02)
        assert net.layer(0, "conv2").weight.std().item() == pytest.approx(0.01, rel=0.02)
        for layer, bias in {"conv1": 0, "conv2": 1, "conv3": 0, "conv4": 1, "fc6": 1}.items():
            assert (net.layer(0, layer).bias == bias).all()


def test_initial_weights_depend_on_the_seed_alone() -> None:
    spec = model("model.width=0.0625")
    a, b, c = Towers(spec, seed=1), Towers(spec, seed=1), Towers(spec, seed=2)
    assert torch.equal(a.layer(0, "conv1").weight, b.layer(0, "conv1").weight)
    assert not torch.equal(a.layer(0, "conv1").weight, c.layer(0, "conv1").weight)
    assert not torch.equal(a.layer(0, "conv1").weight, a.layer(1, "conv1").weight)


def test_224_rounded_up_reads_three_zeros_past_right_and_bottom() -> None:
    net = Towers(model("model=alexnet_145", "model.width=0.0625")).eval()
    conv1 = net.layer(0, "conv1")
    x = torch.randn(1, 3, 224, 224)
    padded = F.conv2d(F.pad(x, (0, 3, 0, 3)), conv1.weight, conv1.bias, 4)
    assert conv1.product(x).shape[-1] == 55
    assert torch.equal(conv1.product(x), padded)


def test_local_layer_equals_a_loop_over_positions() -> None:
    net = Towers(model("model=cifar_13", "model.width=0.25")).double()
    layer = net.layer(0, "local3")
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 16, 6, 6, dtype=torch.float64)
    padded = F.pad(x, (1, 1, 1, 1))
    out = layer.product(x)
    for row in range(6):
        for column in range(6):
            patch = padded[:, :, row : row + 3, column : column + 3].flatten(1)
            expected = patch @ layer.weight[row * 6 + column].T + layer.bias[:, row, column]
            torch.testing.assert_close(out[:, :, row, column], expected)
