"""Keys of the group `model`: what a net is made of."""

from dataclasses import dataclass, field
from enum import StrEnum

from omegaconf import MISSING

from alexcli.schema.ranges import ranged

Kind = StrEnum("Kind", ["conv", "local", "fc"])
"""What a layer's product is: convolution, convolution with unshared weights, dense (fc)."""

Sees = StrEnum("Sees", ["own", "all"])
"""Which towers' outputs a layer reads. A layer that sees all is a point of exchange."""

Op = StrEnum("Op", ["act", "norm", "spatial_norm", "pool", "dropout"])
"""What may follow a layer's product, in the order in which `LayerSpec.ops` lists it."""

Activation = StrEnum(
    "Activation",
    ["relu", "tanh", "sigmoid", "leaky_relu", "prelu", "rrelu", "elu", "gelu", "silu", "identity"],
)
"""Neuron output functions; section 3.1 compares relu with tanh."""

Norm = StrEnum("Norm", ["lrn", "spatial_lrn", "batch", "none"])
"""What the op `norm` stands for."""

LrnConvention = StrEnum("LrnConvention", ["paper", "code"])
"""How alpha enters: `paper` multiplies each square by alpha, `code` by alpha / size."""

LrnImpl = StrEnum("LrnImpl", ["auto", "reference", "fast"])
"""How response norms are computed; all agree to rounding. `reference` is torch's own operator,
`fast` the closed form, `auto` the closed form or, where a compiler fuses it better, the plain
formula.
"""

PoolKind = StrEnum("PoolKind", ["max", "avg"])
"""Maximum or average of a window; an average divides by the window's area inside the map."""

DropoutKind = StrEnum("DropoutKind", ["test_scale", "inverted"])
"""`test_scale` drops without rescaling and multiplies by the keep rate at test; see
DropoutSpec.
"""

Rounding = StrEnum("Rounding", ["floor", "ceil"])
"""Output size of a window that does not divide its input: `ceil` reads zeros past the edge."""

Init = StrEnum("Init", ["gaussian", "he", "torch"])
"""Initial weights: gaussian with each layer's std, He's rule, or torch's own default."""


@dataclass
class PoolSpec:
    """One pooling window (section 3.4: size 3, stride 2, overlapping)."""

    kind: PoolKind = PoolKind.max
    """Maximum in every ImageNet net; the CIFAR nets of the 2012 code average too."""
    size: int = ranged(3, low=1)
    """Side of the window, in units of the map (z in section 3.4)."""
    stride: int = ranged(2, low=1)
    """Step between windows (s in section 3.4)."""


@dataclass
class LrnSpec:
    """Local response normalisation across maps (section 3.3), always within one tower."""

    size: int = ranged(5, low=1)
    """Number of adjacent maps summed (n)."""
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
    """auto, reference or fast; no part of a run's fingerprint, as it changes rounding alone."""


@dataclass
class SpatialLrnSpec:
    """Normalisation over a square window of the same map (2012 code only, layer 2 of #145),
    constant 1.
    """

    size: int = ranged(5, low=1)
    """Side of the window; squares are averaged over size * size, zeros outside the map."""
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
    """`test_scale`: paper and code; training does not rescale, test multiplies by 1 - rate.
    `inverted`: torch's rule.
    """


@dataclass
class InputSpec:
    """The picture that the net sees."""

    size: int = ranged(227, low=1)
    """Side of the square crop, pixels. Section 2 says 224; 227 makes conv1 fit without padding."""
    channels: int = ranged(3, low=1, high=3)
    """3 for RGB, 1 for gray (LeNet-5)."""


@dataclass
class LayerSpec:
    """One layer with weights and what follows it."""

    kind: Kind = Kind.conv
    """conv, local (unshared convolution) or fc."""
    filters: int | None = ranged(None, low=1)
    """Kernels or units over all towers; null for the last layer, whose units are the classes."""
    kernel: int = ranged(1, low=1)
    """Side of the kernel; not used by fc."""
    stride: int = ranged(1, low=1)
    """Step of the kernel; not used by fc."""
    pad: int = ranged(0, low=0)
    """Zeros added on each side; not used by fc."""
    sees: Sees = Sees.own
    """own: the same tower's previous layer; all: every tower's (conv3, fc6, fc7, fc8 in section
    3.5).
    """
    groups: int = ranged(1, low=1)
    """Convolution groups inside one tower (Caffe's rendering of two towers)."""
    ops: list[Op] = field(default_factory=list)
    """What follows the product, in order: act, norm, spatial_norm, pool, dropout."""
    pool: PoolSpec | None = None
    """This layer's own pooling window; null takes `model.pool`."""
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
    width: float = ranged(1.0, above=0)
    """Multiplies every layer's filters but the last's, rounded to what towers and groups divide."""
    input: InputSpec = field(default_factory=InputSpec)
    """The picture that the net sees."""
    rounding: Rounding = Rounding.floor
    """Output sizes of convolution and pooling; the 2012 code rounds up."""
    activation: Activation = Activation.relu
    """What the op `act` stands for (section 3.1)."""
    norm: Norm = Norm.lrn
    """What the op `norm` stands for (section 3.3)."""
    lrn: LrnSpec = field(default_factory=LrnSpec)
    """Constants of `lrn`."""
    second_norm: bool = True
    """Whether the op `spatial_norm` is applied (2012 code, layer 2; no effect where no layer lists
    it).
    """
    spatial_lrn: SpatialLrnSpec = field(default_factory=SpatialLrnSpec)
    """Constants of `spatial_lrn` and of the op `spatial_norm`."""
    pool: PoolSpec = field(default_factory=PoolSpec)
    """Pooling window where a layer has none of its own (section 3.4)."""
    dropout: DropoutSpec = field(default_factory=DropoutSpec)
    """Dropout (section 4.2)."""
    init: Init = Init.gaussian
    """Rule for the initial weights (section 5: gaussian)."""
    torchvision: str | None = None
    """A net that torchvision builds, such as resnet18, in the place of towers and layers."""
    trunk: dict[str, LayerSpec | None] = field(default_factory=dict)
    """The layers by name, in order; null removes one."""
