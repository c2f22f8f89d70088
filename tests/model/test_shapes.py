"""Counts against numbers written down elsewhere: the paper, its source, published tables."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from alexcli.errors import UsageError
from alexcli.model.shapes import active_layers, active_ops, trace, window_count
from alexcli.model.towers import Towers
from tests.conftest import TOWER_MODELS, model

# Parameters, MACs and neurons by overrides; None where no independent figure is known.
PUBLISHED: dict[str, tuple[int, int | None, int | None]] = {
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

# The same of each layer of the paper's net.
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


@pytest.mark.parametrize("overrides", PUBLISHED)
def test_totals_equal_published_ones(overrides: str) -> None:
    shapes = trace(model(*overrides.split()))
    params, macs, neurons = PUBLISHED[overrides]
    assert sum(s.weights + s.biases for s in shapes) == params
    if macs is not None:
        assert sum(s.macs for s in shapes) == macs
    if neurons is not None:
        assert sum(s.neurons for s in shapes) == neurons


def test_layers_of_the_two_tower_net_equal_the_written_table() -> None:
    counts = {s.name: (s.weights + s.biases, s.macs, s.neurons) for s in trace(model())}
    assert counts == LAYERS


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
    "overrides",
    ["model=alexnet_bn", "model=alexnet model.activation=prelu", "model=no_communication"],
)
def test_parameters_of_norms_and_slopes_are_counted(overrides: str) -> None:
    spec = model(*overrides.split(), "model.width=0.125")
    net = Towers(spec)
    counted = sum(shape.params for shape in net.shapes)
    assert counted == sum(parameter.numel() for parameter in net.parameters())


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
        channels = shape.out_channels if shape.last else shape.out_channels // spec.towers
        spatial = () if shape.spec.kind.value == "fc" else (shape.end_size, shape.end_size)
        assert sizes[shape.name] == (channels, *spatial)


def test_towers_meet_at_conv3_fc6_and_fc7() -> None:
    assert [s.name for s in trace(model()) if s.reads_other_towers] == ["conv3", "fc6", "fc7"]


def test_towers_of_no_communication_never_meet() -> None:
    assert not any(s.reads_other_towers for s in trace(model("model=no_communication")))


def test_towers_of_six_conv_meet_at_conv6_too() -> None:
    shapes = trace(model("model=six_conv"))
    assert [s.name for s in shapes if s.reads_other_towers] == ["conv3", "conv6", "fc6", "fc7"]


@pytest.mark.parametrize("width", [1 / 16, 0.1, 0.3, 0.5, 2])
@pytest.mark.parametrize("towers", [1, 2, 4])
def test_every_width_divides_among_the_towers(width: float, towers: int) -> None:
    spec = model(f"model.width={width}", f"model.towers={towers}")
    assert all(s.out_channels % towers == 0 for s in trace(spec)[:-1])


def test_layers_are_sorted_by_kind_and_null_ones_left_out() -> None:
    spec = model("model.layers.conv6={filters: 256, kernel: 3, pad: 1}", "model.layers.conv4=null")
    assert list(active_layers(spec)) == [
        "conv1", "conv2", "conv3", "conv5", "conv6", "fc6", "fc7", "fc8",
    ]  # fmt: skip


def test_active_ops_count_their_outputs_before_and_after_pooling() -> None:
    spec = model("model=alexnet_145")
    conv1, conv2, *_ = trace(spec)
    assert active_ops(spec, conv1) == [("norm", 290_400), ("pool", 69_984), ("act", 69_984)]
    assert [op for op, _ in active_ops(spec, conv2)] == ["act", "norm", "spatial_norm", "pool"]


def test_ops_that_the_model_turns_off_are_not_active() -> None:
    spec = model("model=alexnet_145", "model.norm=none", "model.spatial_norm_enabled=false")
    assert [op for op, _ in active_ops(spec, trace(spec)[1])] == ["act", "pool"]


def test_torchvisions_layers_are_not_counted_as_if_there_were_none() -> None:
    with pytest.raises(UsageError, match="torchvision's"):
        trace(model("model=resnet18"))


def test_a_net_without_layers_is_refused() -> None:
    layers = [f"model.layers.{name}=null" for name in LAYERS]
    with pytest.raises(UsageError, match="model 'alexnet' has no layers"):
        trace(model(*layers))


def test_a_stem_of_torchvisions_nets_is_refused_for_other_nets() -> None:
    with pytest.raises(UsageError, match="small_stem=true is for nets of torchvision"):
        trace(model("model.small_stem=true"))


@pytest.mark.parametrize(
    ("override", "layer", "numbers"),
    [
        ("model.input.size=8", "conv1", ("11", "8")),
        ("model.input.size=31", "conv2", ("3", "2")),
        ("model.layers.conv3.kernel=50", "conv3", ("50", "13", "padded to 15")),
        ("model.towers=5", "conv1", ("96", "5 towers of 1 group")),
        ("model.layers.fc8=null", "fc7", ("4096",)),
        ("model.layers.conv2.filters=null", "conv2", ("filters is null",)),
        ("model.layers.conv2.groups=5", "conv2", ("5", "48")),
        ("model.layers.fc6.ops=[pool]", "fc6", ("pool",)),
        ("model.layers.conv1.ops=[act,norm,act]", "conv1", ("act", "twice")),
        ("model.layers.conv4={kind: local, filters: 8, groups: 2}", "conv4", ("groups=2",)),
    ],
)
def test_impossible_layers_are_named_with_their_numbers(
    override: str, layer: str, numbers: tuple[str, ...]
) -> None:
    with pytest.raises(UsageError) as caught:
        trace(model(override))
    assert layer in caught.value.message
    assert all(number in caught.value.message for number in numbers)
    assert caught.value.hint


def test_a_spatial_norm_of_a_fully_connected_layer_is_refused() -> None:
    spec = model("model.norm=spatial_lrn", "model.layers.fc6.ops=[norm]")
    with pytest.raises(UsageError, match=r"model\.layers\.fc6 is fully connected"):
        trace(spec)


def test_pool_up_rounds_pooling_alone() -> None:
    conv1 = trace(model("model=caffenet", "model.input.size=224", "model.rounding=pool_up"))[0]
    assert (conv1.out_size, conv1.end_size) == (54, 27)


@pytest.mark.parametrize("ceil", [False, True])
def test_windows_are_counted_as_torch_counts_them(ceil: bool) -> None:
    for size, window, stride, pad in itertools.product(
        range(3, 12), range(1, 4), range(1, 5), (0, 1)
    ):
        if 2 * pad <= window:  # torch's pooling allows no more
            pooled = F.max_pool1d(torch.zeros(1, size), window, stride, pad, ceil_mode=ceil)
            assert window_count(size, window, stride, pad=pad, ceil=ceil) == pooled.shape[-1]


@pytest.mark.parametrize("name", ["conv-1", "conv.1", "1st", "", "conv 1", "f\u00fcnf", "c" * 81])
def test_names_that_no_layer_can_have_are_refused(name: str) -> None:
    spec = model()
    spec.layers = {name: spec.layers["conv1"], **spec.layers}
    with pytest.raises(UsageError, match=r"model\.layers has a layer .* followed by letters"):
        trace(spec)
