"""Nets of Caffe: a .caffemodel holds the layers, their parameters, and their weights.

Caffe's images are in the order blue, green, red; its convolutions round down and its pooling up.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from alexcli.errors import UsageError
from alexcli.schema import Activation, Kind, PoolKind, PoolSpec
from alexcli.weights.caffe_format import V1_TYPES, parse
from alexcli.weights.chain import Chain, Product

# Layers that have no effect on the class scores, or only supply the images.
WITHOUT_EFFECT = frozenset(
    {"Accuracy", "Flatten", "Silence", "Softmax", "SoftmaxWithLoss", "Split"}
)
BRING_IMAGES = frozenset(
    {"Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "WindowData"}
)
ACROSS_CHANNELS = 0
"""LRNParameter.NormRegion."""
POOL_KINDS = {0: PoolKind.max, 1: PoolKind.avg}
"""PoolingParameter.PoolMethod; 2 is stochastic."""
ROUND_UP = 0
"""PoolingParameter.RoundMode."""
PLAIN_ACTIVATIONS = {"TanH": Activation.tanh, "Sigmoid": Activation.sigmoid}


@dataclass
class CaffeNet:
    """A net of Caffe, and what its file says about the images."""

    chain: Chain
    mean_pixel: list[float] = field(default_factory=list)
    """Blue, green, red; empty if the file names none."""
    mean_file: str = ""
    """Name of the file with the mean image; empty if the net's file names none."""
    pixel_scale: float = 1.0
    """Factor of the centred pixels."""


def read_caffemodel(path: Path) -> CaffeNet:
    """Read a net.

    Args:
        path: FILE.caffemodel, in the form with `layer` or the older one with `layers`.

    Raises:
        UsageError: it is not such a file, or has layers that alexcli's nets cannot express; names
            each of them.
    """
    content = _parse(path, "NetParameter")
    layers = content.layer or content.layers
    if not layers:
        raise UsageError(f"{path} holds no layers of Caffe", hint="name a .caffemodel")
    if any(getattr(layer, "layer", b"") for layer in content.layers):
        raise UsageError(
            f"{path} is in the oldest format of Caffe's files (V0)",
            hint="Caffe's upgrade_net_proto_binary converts it to the current format",
        )
    net = CaffeNet(Chain(input_size=_input_size(content)))
    tops = _Tops()
    for layer in layers:
        layer_type = layer.type if isinstance(layer.type, str) else V1_TYPES.get(layer.type)
        if layer_type in BRING_IMAGES:
            _read_images(net, layer)
        elif layer_type in WITHOUT_EFFECT:
            tops.pass_on(layer)
        else:
            tops.follow(net.chain, layer)
            _add(net.chain, layer, layer_type or f"type {layer.type}")
    net.chain.check(path)
    return net


def read_mean_image(path: Path) -> npt.NDArray[np.float64]:
    """The mean image of a .binaryproto: (3, H, W) grey levels, blue, green, red.

    Raises:
        UsageError: it is not such a file.
    """
    blob = _parse(path, "BlobProto")
    shape = _shape(blob)
    values = _values(blob)
    if not shape or math.prod(shape) != len(values):
        raise UsageError(f"{path} is not a Caffe mean image", hint="name a .binaryproto")
    return values.reshape(shape[-3:]).astype(np.float64)


def _parse(path: Path, message: str) -> Any:
    try:
        return parse(message, path.read_bytes())
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    except ValueError as error:
        raise UsageError(
            f"{path} is truncated or not a Caffe file", hint="download it again"
        ) from error


class _Tops:
    """Checks that each layer reads the output of the one before."""

    def __init__(self) -> None:
        self._current: set[str] = set()
        """Names of the last output; empty before the first product."""

    def pass_on(self, layer: Any) -> None:
        """Note a layer that passes its input on."""
        if self._current.intersection(layer.bottom):
            self._current.update(layer.top)

    def follow(self, chain: Chain, layer: Any) -> None:
        """Note a layer, as a misfit if it reads anything but the last output."""
        bottoms = list(layer.bottom)
        if self._current and not (len(bottoms) == 1 and bottoms[0] in self._current):
            chain.misfits.append(f"{layer.name}: reads {', '.join(bottoms)}, not the layer before")
        self._current = set(layer.top)


def _read_images(net: CaffeNet, layer: Any) -> None:
    """Take from a layer that supplies images what it says about them."""
    transform = layer.transform_param
    if transform.crop_size and net.chain.input_size is None:
        net.chain.input_size = transform.crop_size
    shapes = layer.input_param.shape if layer.type == "Input" else []
    if shapes and len(shapes[0].dim) == 4:
        net.chain.input_size = int(shapes[0].dim[2])
    net.mean_pixel = net.mean_pixel or list(transform.mean_value)
    net.mean_file = net.mean_file or transform.mean_file
    net.pixel_scale = transform.scale if transform.scale != 1 else net.pixel_scale


def _input_size(content: Any) -> int | None:
    """Side of the input that the net itself declares, as deploy files do."""
    if content.input_shape and len(content.input_shape[0].dim) == 4:
        return int(content.input_shape[0].dim[2])
    return int(content.input_dim[2]) if len(content.input_dim) >= 4 else None


def _add(chain: Chain, layer: Any, layer_type: str) -> None:
    """Add a layer to the chain, as a misfit if it has no place in it."""
    if layer_type in PRODUCTS:
        PRODUCTS[layer_type](chain, layer)
    elif layer_type == "ReLU":
        if layer.relu_param.negative_slope:
            chain.misfits.append(f"{layer.name}: ReLU of slope {layer.relu_param.negative_slope:g}")
        chain.add_activation(Activation.relu, layer.name)
    elif layer_type in PLAIN_ACTIVATIONS:
        chain.add_activation(PLAIN_ACTIVATIONS[layer_type], layer.name)
    elif layer_type == "LRN":
        _add_norm(chain, layer)
    elif layer_type == "Pooling":
        _add_pool(chain, layer)
    elif layer_type == "Dropout":
        chain.add_dropout(layer.dropout_param.dropout_ratio, layer.name)
    else:
        chain.misfits.append(f"{layer.name}: {layer_type}")


def _add_convolution(chain: Chain, layer: Any) -> None:
    spec = layer.convolution_param
    if any(dilation != 1 for dilation in spec.dilation):
        chain.misfits.append(f"{layer.name}: dilated by {max(spec.dilation)}")
    weight, bias = _weight_and_bias(chain, layer, dimensions=4)
    if weight is None:
        return
    product = Product(
        source=layer.name,
        kind=Kind.conv,
        weight=weight,
        bias=bias,
        stride=_side(chain, layer.name, spec, "stride", default=1),
        pad=_side(chain, layer.name, spec, "pad", default=0),
        groups=spec.group,
    )
    if weight.shape[2] != weight.shape[3]:
        chain.misfits.append(f"{layer.name}: a kernel of {weight.shape[2]} x {weight.shape[3]}")
    chain.products.append(product)


def _add_inner_product(chain: Chain, layer: Any) -> None:
    if layer.inner_product_param.transpose:
        chain.misfits.append(f"{layer.name}: transposed weights")
    weight, bias = _weight_and_bias(chain, layer, dimensions=2)
    if weight is not None:
        chain.products.append(Product(layer.name, Kind.fc, weight, bias))


PRODUCTS = {"Convolution": _add_convolution, "InnerProduct": _add_inner_product}


def _add_norm(chain: Chain, layer: Any) -> None:
    spec = layer.lrn_param
    if spec.norm_region != ACROSS_CHANNELS:
        chain.misfits.append(f"{layer.name}: LRN within channels")
    chain.add_norm(spec.local_size, spec.alpha, spec.beta, spec.k, layer.name)


def _add_pool(chain: Chain, layer: Any) -> None:
    spec = layer.pooling_param
    kind = POOL_KINDS.get(spec.pool)
    if kind is None:
        chain.misfits.append(f"{layer.name}: stochastic pooling")
    if spec.global_pooling:
        chain.misfits.append(f"{layer.name}: global pooling")
        return
    if _side(chain, layer.name, spec, "pad", default=0):
        chain.misfits.append(f"{layer.name}: padded pooling")
    window = PoolSpec(
        kind or PoolKind.max,
        size=_side(chain, layer.name, spec, "kernel", default=0),
        stride=_side(chain, layer.name, spec, "stride", default=1),
    )
    chain.add_pool(window, layer.name, up=spec.round_mode == ROUND_UP)


def _side(chain: Chain, name: str, spec: Any, measure: str, *, default: int) -> int:
    """A size given once, per dimension, or as height and width; a misfit if these differ.

    Args:
        chain: receives the misfit.
        name: of the layer.
        spec: the parameters of its kind.
        measure: kernel, stride or pad.
        default: the size if none is given.
    """
    value = getattr(spec, "kernel_size" if measure == "kernel" else measure)
    sizes = {int(size) for size in ([value] if isinstance(value, int) else value)}
    if spec.HasField(f"{measure}_h") or spec.HasField(f"{measure}_w"):
        sizes = {int(getattr(spec, f"{measure}_h")), int(getattr(spec, f"{measure}_w"))}
    if len(sizes) > 1:
        chain.misfits.append(f"{name}: {measure} of {' x '.join(map(str, sorted(sizes)))}")
    return max(sizes, default=default)


def _weight_and_bias(
    chain: Chain, layer: Any, *, dimensions: int
) -> tuple[Tensor | None, Tensor | None]:
    """The weight and bias of a product, as its blobs hold them.

    Args:
        chain: receives the misfit of a layer without weights, or with damaged ones.
        layer: the layer.
        dimensions: of the weight; older files write a matrix as (1, 1, U, U_in).
    """
    tensors: list[Tensor] = []
    for blob, rank in zip(layer.blobs, (dimensions, 1), strict=False):
        shape = _shape(blob)
        values = _values(blob)
        if math.prod(shape) != len(values) or not values.size:
            chain.misfits.append(
                f"{layer.name}: {len(values):,} numbers for weights of shape {shape}"
            )
            return None, None
        shape = [1] * (rank - len(shape)) + shape
        if math.prod(shape[: len(shape) - rank]) != 1:
            chain.misfits.append(f"{layer.name}: weights of shape {shape}")
            return None, None
        tensors.append(torch.from_numpy(values.reshape(shape[len(shape) - rank :])))
    if not tensors:
        chain.misfits.append(f"{layer.name}: no weights (a .prototxt has none either)")
        return None, None
    return tensors[0], tensors[1] if len(tensors) > 1 else None


def _shape(blob: Any) -> list[int]:
    """The dimensions of a blob: `shape`, or the four fields of older files."""
    if blob.HasField("shape"):
        return [int(size) for size in blob.shape.dim]
    return [blob.num, blob.channels, blob.height, blob.width]


def _values(blob: Any) -> npt.NDArray[np.float32]:
    """The numbers of a blob, float32; both types are little-endian in every file."""
    if blob.double_data:
        return np.frombuffer(b"".join(blob.double_data), "<f8").astype(np.float32)
    return np.frombuffer(b"".join(blob.data), "<f4").astype(np.float32)
