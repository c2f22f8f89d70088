"""Keys of the group `model`: what a net is made of."""

from dataclasses import dataclass, field
from enum import StrEnum

from alexcli.schema.ranges import MISSING, ranged

Kind = StrEnum("Kind", ["conv", "local", "fc"])
"""What a layer's product is: a convolution, one with unshared weights (local), or dense (fc)."""

Reads = StrEnum("Reads", ["own_tower", "all_towers"])
"""Which towers' outputs a layer reads. Towers meet only in layers that read all of them."""

Op = StrEnum("Op", ["act", "norm", "spatial_norm", "pool", "dropout"])
"""What may follow a layer's product, in the order in which `LayerSpec.ops` lists it."""

Activation = StrEnum(
    "Activation",
    ["relu", "tanh", "sigmoid", "leaky_relu", "prelu", "rrelu", "elu", "gelu", "silu", "identity"],
)
"""What the op `act` stands for; section 3.1 compares relu with tanh."""

Norm = StrEnum("Norm", ["lrn", "spatial_lrn", "batch", "none"])
"""What the op `norm` stands for."""

LrnConvention = StrEnum("LrnConvention", ["paper", "code"])
"""How alpha enters: `paper` multiplies each square by alpha, `code` by alpha / size."""

LrnImpl = StrEnum("LrnImpl", ["auto", "reference", "fast"])
"""How response norms are computed; the results agree to rounding. `reference` is torch's own
operator, `fast` is the closed form, and `auto` is the closed form or, where a compiler turns it
into faster code, the plain formula.
"""

TowersImpl = StrEnum("TowersImpl", ["auto", "separate"])
"""How the towers of one process are trained on a CPU; the results agree to rounding. `separate`
computes one tower after another; `auto` computes the towers of a small net together.
"""

TailImpl = StrEnum("TailImpl", ["auto", "separate"])
"""How the ops after a product are computed; the results agree to rounding. `separate` runs them one
after another; `auto` computes activation, response norm and pooling in one pass where it can.
"""

PoolKind = StrEnum("PoolKind", ["max", "avg"])
"""Maximum or average of a window; an average divides by the area inside the feature map."""

DropoutKind = StrEnum("DropoutKind", ["test_scale", "inverted"])
"""When dropout rescales: `test_scale` at test, `inverted` in training; see DropoutSpec."""

Rounding = StrEnum("Rounding", ["floor", "ceil", "pool_up"])
"""How many positions a window has if it does not divide its input evenly: `ceil` adds a last one,
which reads zeros past the edge; `pool_up` does so only in pooling, as Caffe does.
"""

Init = StrEnum("Init", ["gaussian", "he", "torch"])
"""Rule for the initial weights: normal with each layer's std, He's rule, or torch's default."""


@dataclass
class PoolSpec:
    """One pooling window (section 3.4: size 3, stride 2, overlapping)."""

    kind: PoolKind = PoolKind.max
    """max in every ImageNet net; the CIFAR nets of the 2012 code also use avg."""
    size: int = ranged(3, low=1)
    """Side of the window, in units of the feature map (z in section 3.4)."""
    stride: int = ranged(2, low=1)
    """Step between windows (s in section 3.4)."""


@dataclass
class LrnSpec:
    """Local response normalisation across channels (section 3.3), always within one tower."""

    size: int = ranged(5, low=1)
    """Number of adjacent channels summed (n)."""
    alpha: float = ranged(1e-4, above=0)
    """Strength; see `convention` for what it multiplies."""
    beta: float = ranged(0.75, above=0)
    """Exponent."""
    k: float = ranged(2.0, above=0)
    """Additive constant (minDiv in the 2012 code)."""
    convention: LrnConvention = LrnConvention.paper
    """`paper`: alpha per term, as the formula of section 3.3; `code`: alpha / size, as the 2012
    code and torch.
    """
    impl: LrnImpl = LrnImpl.auto
    """auto, reference or fast; not part of a run's fingerprint, as only rounding differs."""


@dataclass
class SpatialLrnSpec:
    """Normalisation over a square window of the same feature map, with additive constant 1 (2012
    code only, layer 2 of #145).
    """

    size: int = ranged(5, low=1)
    """Side of the window; squares are averaged over size * size, with zeros outside the map."""
    alpha: float = ranged(1e-3, above=0)
    """Strength, divided by size * size (2012 code: scale 0.001)."""
    beta: float = ranged(0.75, above=0)
    """Exponent."""


@dataclass
class DropoutSpec:
    """Dropout (section 4.2)."""

    rate: float = ranged(0.5, low=0, below=1)
    """Probability of dropping a unit; 0 turns dropout off."""
    kind: DropoutKind = DropoutKind.test_scale
    """`test_scale`: training does not rescale, and test multiplies by 1 - rate (paper and 2012
    code). `inverted`: training divides by 1 - rate, and test changes nothing (torch).
    """


@dataclass
class InputSpec:
    """The image that the net reads."""

    size: int = ranged(227, low=1)
    """Side of the square crop, pixels. Section 3.5 says 224; at 227 conv1 fits without padding."""
    channels: int = ranged(3, low=1, high=3)
    """3 for RGB, 1 for gray (LeNet-5)."""


@dataclass
class LayerSpec:
    """One layer: a product with weights, and the ops that follow it."""

    kind: Kind = Kind.conv
    """conv, local (unshared convolution) or fc."""
    filters: int | None = ranged(None, low=1)
    """Kernels or units over all towers; null for the last layer, which has one per class."""
    kernel: int = ranged(1, low=1)
    """Side of the kernel; not used by fc."""
    stride: int = ranged(1, low=1)
    """Step of the kernel; not used by fc."""
    pad: int = ranged(0, low=0)
    """Zeros added on each side; not used by fc."""
    reads: Reads = Reads.own_tower
    """own_tower: the same tower's previous layer; all_towers: that of every tower (conv3, fc6, fc7
    and fc8 in section 3.5).
    """
    groups: int = ranged(1, low=1)
    """Convolution groups inside one tower (Caffe's way to write two towers)."""
    ops: list[Op] = field(default_factory=list)
    """What follows the product, in order: act, norm, spatial_norm, pool, dropout."""
    pool: PoolSpec | None = None
    """Pooling window of this layer; null takes `model.pool`."""
    std: float = ranged(0.01, low=0)
    """Standard deviation of the initial weights (section 5: 0.01; 2012 code: 0.03 in conv3 to
    conv6).
    """
    bias: float = 0.0
    """Initial bias (section 5: 1 in conv2, conv4, conv5 and the hidden fc layers)."""


@dataclass
class ModelSpec:
    """A net: towers of layers."""

    name: str = MISSING
    """Name of the yaml file."""
    classes: int = ranged(1000, low=2)
    """Number of outputs; `train` takes it from the data."""
    towers: int = ranged(2, low=1)
    """Number of towers; every layer's filters are divided evenly among them (section 3.2: 2)."""
    width: float = ranged(1.0, above=0, high=1e6)
    """Factor on the filters of all layers but the last, rounded so that towers and groups divide
    them.
    """
    input: InputSpec = field(default_factory=InputSpec)
    """The image that the net reads."""
    rounding: Rounding = Rounding.floor
    """Output sizes of convolution and pooling: floor, ceil (the 2012 code) or pool_up (Caffe)."""
    activation: Activation = Activation.relu
    """What the op `act` stands for (section 3.1)."""
    norm: Norm = Norm.lrn
    """What the op `norm` stands for (section 3.3)."""
    lrn: LrnSpec = field(default_factory=LrnSpec)
    """Constants of `lrn`."""
    joined: TowersImpl = TowersImpl.auto
    """auto or separate: whether the towers of a small net are computed together on a CPU; not part
    of a run's fingerprint, as only rounding differs.
    """
    tail: TailImpl = TailImpl.auto
    """auto or separate: whether activation, response norm and pooling are computed in one pass; not
    part of a run's fingerprint, as only rounding differs.
    """
    spatial_norm_enabled: bool = True
    """Whether the op `spatial_norm` is applied (2012 code, layer 2); has no effect if no layer
    lists it.
    """
    spatial_lrn: SpatialLrnSpec = field(default_factory=SpatialLrnSpec)
    """Constants of `spatial_lrn` and of the op `spatial_norm`."""
    pool: PoolSpec = field(default_factory=PoolSpec)
    """Pooling window of layers that do not name their own (section 3.4)."""
    dropout: DropoutSpec = field(default_factory=DropoutSpec)
    """Dropout (section 4.2)."""
    init: Init = Init.gaussian
    """Rule for the initial weights (section 5: gaussian)."""
    torchvision: str | None = None
    """Name of a net that torchvision builds in place of towers and layers, such as resnet18."""
    small_stem: bool = False
    """For torchvision's resnets and googlenet: a first convolution of 3 x 3 with stride 1, and no
    pool after it, as He et al. 2015 (section 4.2) begin their nets for 32-pixel images.
    """
    layers: dict[str, LayerSpec | None] = field(default_factory=dict)
    """The layers by name, in order; null removes one."""
