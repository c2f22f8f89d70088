"""A net as files of other programs describe it: a chain of products, each with the ops after it.

A reader of a format fills a Chain, which also collects, layer by layer, what alexcli's nets cannot
express, so that one message names all of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor

from alexcli.errors import UsageError, plural
from alexcli.model.shapes import trace
from alexcli.schema import (
    Activation,
    DropoutKind,
    DropoutSpec,
    InputSpec,
    Kind,
    LayerSpec,
    LrnConvention,
    LrnSpec,
    ModelSpec,
    Norm,
    Op,
    PoolSpec,
    Rounding,
)

PAPER_INPUT = 227
"""Side of the net's input if a file does not give it (Caffe's crop_size)."""


@dataclass
class Product:
    """A convolution or a fully connected layer with its weights, and the ops that follow it."""

    source: str
    """Its name in the file."""
    kind: Kind
    weight: Tensor
    """(C, C_in / groups, kernel, kernel) or (U, U_in), float32."""
    bias: Tensor | None
    """(C,) float32."""
    stride: int = 1
    pad: int = 0
    groups: int = 1
    ops: list[Op] = field(default_factory=list)
    pool: PoolSpec | None = None


@dataclass
class Chain:
    """A net as a file describes it."""

    products: list[Product] = field(default_factory=list)
    input_size: int | None = None
    """Pixels; None if the file does not say."""
    misfits: list[str] = field(default_factory=list)
    """What alexcli's nets cannot express, with the name of the layer."""
    activations: set[Activation] = field(default_factory=set)
    norms: list[LrnSpec] = field(default_factory=list)
    dropout_rates: set[float] = field(default_factory=set)
    pools_up: set[bool] = field(default_factory=set)
    """How pooling windows round: whether a clipped last one counts."""

    def add_op(self, op: Op, source: str) -> None:
        """Add an op after the last product, or a misfit if it cannot be there."""
        if not self.products:
            self.misfits.append(f"{source}: {op} before the first product")
        elif op in self.products[-1].ops:
            self.misfits.append(f"{source}: a second {op} after {self.products[-1].source}")
        else:
            self.products[-1].ops.append(op)

    def add_activation(self, activation: Activation, source: str) -> None:
        """Add the op `act`."""
        self.activations.add(activation)
        self.add_op(Op.act, source)

    def add_norm(self, size: int, alpha: float, beta: float, k: float, source: str) -> None:
        """Add a response norm across channels, whose alpha is divided by its size."""
        if size < 1:
            self.misfits.append(f"{source}: LRN over {plural(size, 'channel')}")
        self.norms.append(
            LrnSpec(
                size=size,
                alpha=_decimal(alpha),
                beta=_decimal(beta),
                k=_decimal(k),
                convention=LrnConvention.code,
            )
        )
        if self.norms[-1] != self.norms[0]:
            self.misfits.append(f"{source}: other constants than the first response norm's")
        self.add_op(Op.norm, source)

    def add_pool(self, spec: PoolSpec, source: str, *, up: bool) -> None:
        """Add pooling.

        Args:
            spec: the window.
            source: its name in the file.
            up: whether a clipped last window counts.
        """
        self.pools_up.add(up)
        self.add_op(Op.pool, source)
        if self.products:
            self.products[-1].pool = spec

    def add_dropout(self, rate: float, source: str) -> None:
        """Add dropout, which rescales in training."""
        self.dropout_rates.add(_decimal(rate))
        self.add_op(Op.dropout, source)

    def check(self, path: Path) -> None:
        """Raise UsageError that names every layer that alexcli's nets cannot express, if any."""
        misfits = [*self.misfits]
        for product in self.products:
            misfits += _impossible_sizes(product)
        if not self.products:
            misfits.append("there is no layer with weights")
        if len(self.activations) > 1:
            misfits.append(f"activations of several kinds: {', '.join(sorted(self.activations))}")
        if len(self.dropout_rates) > 1:
            misfits.append(f"dropout of several rates: {sorted(self.dropout_rates)}")
        if len(self.pools_up) > 1:
            misfits.append("pooling windows that round up, and others that round down")
        if misfits:
            raise UsageError(
                f"{path} is not a net that alexcli has: {'; '.join(misfits)}",
                hint="what can be read: convolutions, fully connected layers, activations, LRN, "
                "pooling and dropout, one after another",
            )


def _impossible_sizes(product: Product) -> list[str]:
    """Sizes of a product and its pooling that no net can have, such as a stride of 0."""
    sizes = {"stride": (product.stride, 1), "groups": (product.groups, 1)}
    sizes |= {"pad": (product.pad, 0), "weights": (product.weight.numel(), 1)}
    if product.pool is not None:
        sizes["pooling window"] = (product.pool.size, 1)
        sizes["pooling stride"] = (product.pool.stride, 1)
    return [
        f"{product.source}: {measure} of {size}"
        for measure, (size, smallest) in sizes.items()
        if size < smallest
    ]


def _decimal(value: float) -> float:
    """The decimal number that was stored as float32: 0.0001 for 9.9999997e-05."""
    return float(f"{value:.6g}")


def layer_names(kinds: Sequence[Kind]) -> list[str]:
    """conv1, conv2 ... fc6, fc7: the field's names, by position."""
    return [f"{kind}{number}" for number, kind in enumerate(kinds, start=1)]


def specification(chain: Chain, name: str) -> ModelSpec:
    """The specification of a chain that has passed its check.

    Args:
        chain: the net.
        name: its name.

    Raises:
        UsageError: the layers do not fit together.
    """
    default_pool = PoolSpec()
    layers: dict[str, LayerSpec | None] = {}
    names = layer_names([product.kind for product in chain.products])
    for layer_name, product in zip(names, chain.products, strict=True):
        last = product is chain.products[-1]
        layers[layer_name] = LayerSpec(
            kind=product.kind,
            filters=None if last and product.kind is Kind.fc else len(product.weight),
            kernel=product.weight.shape[2] if product.kind is Kind.conv else 1,
            stride=product.stride,
            pad=product.pad,
            groups=product.groups,
            ops=product.ops,
            pool=None if product.pool == default_pool else product.pool,
        )
    first = chain.products[0]
    model = ModelSpec(
        name=name,
        classes=len(chain.products[-1].weight),
        towers=1,
        input=InputSpec(chain.input_size or PAPER_INPUT, first.weight.shape[1] * first.groups),
        activation=next(iter(chain.activations), Activation.relu),
        norm=Norm.lrn if chain.norms else Norm.none,
        lrn=chain.norms[0] if chain.norms else LrnSpec(),
        dropout=DropoutSpec(next(iter(chain.dropout_rates), 0.5), DropoutKind.inverted),
        layers=layers,
    )
    return _rounded(model) if True in chain.pools_up else model


def _rounded(model: ModelSpec) -> ModelSpec:
    """The net with pooling that rounds up, if that makes a difference."""
    up = replace(model, rounding=Rounding.pool_up)
    sizes = [shape.end_size for shape in trace(up)]
    try:
        is_same = sizes == [shape.end_size for shape in trace(model)]
    except UsageError:  # rounding down leaves nothing for a window
        is_same = False
    return model if is_same else up


def named_weights(chain: Chain) -> dict[str, Tensor]:
    """The weights of a chain, by the names of a net of one tower; absent biases are zeros."""
    weights = {}
    names = layer_names([product.kind for product in chain.products])
    for name, product in zip(names, chain.products, strict=True):
        weights[f"tower0.{name}.weight"] = product.weight
        bias = torch.zeros(len(product.weight)) if product.bias is None else product.bias
        weights[f"tower0.{name}.bias"] = bias
    return weights


def reversed_channels(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Convert the weights of a net that reads blue, green, red for one that reads RGB."""
    first = next(iter(weights))
    return {**weights, first: weights[first].flip(1)}
