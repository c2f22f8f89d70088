"""Counts against numbers written down elsewhere: the paper, its source, published tables."""

import pytest
import torch

from alexcli.errors import UsageError
from alexcli.model.shapes import trace
from alexcli.model.towers import Towers
from tests.conftest import TOWER_MODELS, model

# name: parameters, MACs, neurons; None where no independent figure is known.
ORACLES: dict[str, tuple[int, int | None, int | None]] = {
    "model=alexnet": (60_965_224, 724_406_816, 659_272),
    "model=alexnet_145": (60_965_224, 724_406_816, 659_272),
    "model=merged": (62_378_344, 1_135_256_096, 659_272),
    "model=cs231n": (62_378_344, 1_135_256_096, 659_272),
    "model=caffenet": (60_965_224, 724_406_816, 659_272),
    "model=one_gpu": (59_798_312, 391_514_384, 355_864),
    "model=owt": (61_100_840, 714_188_480, 494_184),
    "model=vgg16": (138_357_544, 15_470_264_320, None),
    "model=vgg19": (143_667_240, 19_632_062_464, None),
    "model=lenet5": (61_706, 416_520, None),
    "model=cifar_13": (1_116_490, None, None),
    "model=cifar_13 model.input.size=32": (1_901_386, None, None),
    "model=cifar_26": (145_578, None, None),
    "model=cifar_19": (89_578, None, None),
}

LAYERS = {
    "conv1": (34_944, 105_415_200, 290_400),
    "conv2": (307_456, 223_948_800, 186_624),
    "conv3": (885_120, 149_520_384, 64_896),
    "conv4": (663_936, 112_140_288, 64_896),
    "conv5": (442_624, 74_760_192, 43_264),
    "fc6": (37_752_832, 37_748_736, 4_096),
    "fc7": (16_781_312, 16_777_216, 4_096),
    "fc8": (4_097_000, 4_096_000, 1_000),
}


@pytest.mark.parametrize("words", ORACLES)
def test_totals_equal_published_ones(words: str) -> None:
    shapes = trace(model(*words.split()))
    params, macs, neurons = ORACLES[words]
    assert sum(s.weights + s.biases for s in shapes) == params
    if macs is not None:
        assert sum(s.macs for s in shapes) == macs
    if neurons is not None:
        assert sum(s.neurons for s in shapes) == neurons


def test_layers_of_the_two_tower_net_equal_the_written_table() -> None:
    found = {s.name: (s.weights + s.biases, s.macs, s.neurons) for s in trace(model())}
    assert found == LAYERS


def test_vgg16_without_biases_is_the_lectures_count() -> None:
    assert sum(s.weights for s in trace(model("model=vgg16"))) == 138_344_128


def test_six_conv_has_about_99_million_parameters_with_10184_classes() -> None:
    count = sum(s.weights + s.biases for s in trace(model("model=six_conv")))
    assert round(count / 1e6, 1) == 99.2


def test_six_conv_with_the_bottleneck_has_about_110_million_parameters() -> None:
    count = sum(s.weights + s.biases for s in trace(model("model=six_conv_bottleneck")))
    assert round(count / 1e6, 1) == 110.6


@pytest.mark.parametrize("name", TOWER_MODELS)
def test_the_built_net_has_what_the_shapes_say(name: str) -> None:
    spec = model(f"model={name}")
    with torch.device("meta"):
        net = Towers(spec)
    for shape in net.shapes:
        built = sum(
            p.numel() for t in range(spec.towers) for p in net.layer(t, shape.name).parameters()
        )
        assert built == shape.params, shape.name


@pytest.mark.parametrize(
    "words", ["model=alexnet_bn", "model=alexnet model.activation=prelu", "model=no_talk"]
)
def test_parameters_of_norms_and_slopes_are_counted(words: str) -> None:
    spec = model(*words.split(), "model.width=0.125")
    net = Towers(spec)
    counted = sum(s.params for s in net.shapes)
    assert counted == sum(p.numel() for p in net.parameters())


@pytest.mark.parametrize("name", TOWER_MODELS)
def test_output_sizes_are_those_of_the_real_net(name: str) -> None:
    spec = model(f"model={name}", "model.width=0.0625")
    with torch.device("meta"):
        net = Towers(spec).eval()
        sizes: dict[str, tuple[int, ...]] = {}
        for shape in net.shapes:
            layer = net.layer(0, shape.name)
            layer.register_forward_hook(
                lambda _m, _i, out, n=shape.name: sizes.__setitem__(n, tuple(out.shape[1:]))
            )
        side = spec.input.size
        out = net(torch.empty(2, spec.input.channels, side, side))
    assert out.shape == (2, spec.classes)
    for shape in net.shapes:
        own = shape.out_channels if shape.last else shape.out_channels // spec.towers
        spatial = () if shape.spec.kind.value == "fc" else (shape.end_size, shape.end_size)
        assert sizes[shape.name] == (own, *spatial)


def test_exchanges_are_at_conv3_fc6_and_fc7() -> None:
    assert [s.name for s in trace(model()) if s.exchanged] == ["conv3", "fc6", "fc7"]


def test_no_talk_never_exchanges() -> None:
    assert not any(s.exchanged for s in trace(model("model=no_talk")))


def test_six_conv_exchanges_at_conv6_too() -> None:
    exchanged = [s.name for s in trace(model("model=six_conv")) if s.exchanged]
    assert exchanged == ["conv3", "conv6", "fc6", "fc7"]


@pytest.mark.parametrize("width", [1 / 16, 0.1, 0.3, 0.5, 2])
@pytest.mark.parametrize("towers", [1, 2, 4])
def test_every_width_divides_among_the_towers(width: float, towers: int) -> None:
    spec = model(f"model.width={width}", f"model.towers={towers}")
    assert all(s.out_channels % towers == 0 for s in trace(spec)[:-1])


@pytest.mark.parametrize(
    ("words", "layer", "numbers"),
    [
        ("model.input.size=8", "conv1", ("11", "8")),
        ("model.input.size=31", "conv2", ("3", "2")),
        ("model.trunk.conv3.kernel=50", "conv3", ("50", "13")),
        ("model.towers=5", "conv1", ("96", "5")),
        ("model.trunk.fc8=null", "fc7", ("4096",)),
        ("model.trunk.fc6.ops=[pool]", "fc6", ("pool",)),
        ("model.trunk.conv1.ops=[act,norm,act]", "conv1", ("act", "twice")),
    ],
)
def test_impossible_layers_are_named_with_their_numbers(
    words: str, layer: str, numbers: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        trace(model(words))
    assert layer in caught.value.message
    assert all(number in caught.value.message for number in numbers)
    assert caught.value.hint
