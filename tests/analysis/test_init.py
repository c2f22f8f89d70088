import copy

import pytest
import torch

from alexcli.analysis import init
from alexcli.errors import UsageError
from alexcli.model.layers import Local
from alexcli.model.towers import Towers
from tests.analysis.subjects import tiny_subject
from tests.conftest import model


def test_a_port_starts_far_weaker_and_the_net_is_left_alone() -> None:
    net = Towers(model("model=alexnet_145", "model.width=0.125", "model.classes=10")).eval()
    before = {name: value.clone() for name, value in net.named_parameters()}
    size = net.spec.input.size
    x = 60 * torch.randn(6, 3, size, size, generator=torch.Generator().manual_seed(0))
    starts = init.starts_of(net, x)
    configured = starts[0]["biases as configured"]
    assert configured == pytest.approx(init.spread(net(x).detach()))
    assert configured / starts[3]["biases as configured"] > 100
    assert all(torch.equal(before[name], value) for name, value in net.named_parameters())


@pytest.mark.parametrize("local_bias", [0.0, 1.0])
def test_biases_that_differ_at_each_position_are_scaled_as_biases(local_bias: float) -> None:
    net = Towers(model("model=cifar_13", "model.width=0.25")).eval()
    local = next(layer for layer in net.modules() if isinstance(layer, Local))
    torch.nn.init.normal_(local.bias, local_bias, local_bias)
    expected = copy.deepcopy(net)
    for name, parameter in expected.named_parameters():
        if name.endswith(".bias"):
            torch.nn.init.zeros_(parameter)
    size = net.spec.input.size
    x = 60 * torch.randn(4, 3, size, size, generator=torch.Generator().manual_seed(0))
    as_configured = init.starts_of(net, x)[0]
    assert as_configured["biases 0"] == pytest.approx(init.spread(expected(x).detach()))


def test_weights_without_spread_and_gains_of_batch_norm_stay_as_they_are() -> None:
    net = Towers(model("model=tiny", "model.norm=batch")).eval()
    torch.nn.init.constant_(net.layer(0, "conv1").weight, 0.02)
    x = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    first = init.starts_of(net, x)[0]
    assert first["biases as configured"] == pytest.approx(init.spread(net(x).detach()))
    assert first["biases 0"] > 0


def test_the_tables_name_every_layer_and_begin_with_the_net_as_configured() -> None:
    subject = tiny_subject("model.dropout.rate=0", shown=6)
    layers, starts = init.run(subject).tables
    assert [row["layer"] for row in layers.records()][-1] == "fc8"
    x = subject.preprocess.crop(subject.read_sample().pixels)
    scores = subject.net(x).detach()
    assert layers.records()[-1]["std"] == pytest.approx(float(scores.std()))
    assert layers.records()[-1]["spread"] == pytest.approx(init.spread(scores))
    first = starts.records()[0]
    assert (first["pixels"], first["std of weights"]) == ("as configured", "as configured")
    assert first["biases as configured"] == pytest.approx(init.spread(scores))


def test_a_layer_whose_biases_silence_it_is_dead_and_the_verdict_says_so() -> None:
    subject = tiny_subject("model.dropout.rate=0", shown=4)
    assert isinstance(subject.net, Towers)
    for tower in subject.net.local_towers:
        torch.nn.init.constant_(subject.net.layer(tower, "conv1").bias, -1e6)
    analysis = init.run(subject)
    assert analysis.tables[0].records()[0]["dead"] == 1
    assert "nearly all units of a layer are dead" in analysis.caption


def test_images_without_known_classes_are_refused() -> None:
    subject = tiny_subject(shown=2)
    subject.read_sample().labels[0] = None
    with pytest.raises(UsageError, match="all known to be of classes of"):
        init.run(subject)
    with pytest.raises(UsageError, match="at least two images"):
        init.run(tiny_subject(shown=1))
