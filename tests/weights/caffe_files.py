"""Writing Caffe's files number by number, independent of protobuf and of the product."""

import struct
from collections.abc import Mapping, Sequence

import numpy as np
from torch import Tensor

from tests.weights.grouped_net import GROUPS, PADS, SHAPES, STRIDES

V1_TYPE = {
    "Convolution": 4,
    "Data": 5,
    "Dropout": 6,
    "InnerProduct": 14,
    "LRN": 15,
    "Pooling": 17,
    "ReLU": 18,
    "SoftmaxWithLoss": 21,
    "Split": 22,
    "MVN": 34,
}
# Numbers of the fields of LayerParameter and of V1LayerParameter.
NEW = {"name": 1, "type": 2, "bottom": 3, "top": 4, "blobs": 7, "layer": 100}
NEW |= {"transform": 100, "Convolution": 106, "LRN": 118, "Pooling": 121, "Dropout": 108}
V1 = {"name": 4, "type": 5, "bottom": 2, "top": 3, "blobs": 6, "layer": 2}
V1 |= {"transform": 36, "Convolution": 10, "LRN": 18, "Pooling": 19, "Dropout": 12}


def _varint(number: int) -> bytes:
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def integer(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def number(field: int, value: float) -> bytes:
    return _varint(field << 3 | 5) + struct.pack("<f", value)


def piece(field: int, content: bytes | str) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    return _varint(field << 3 | 2) + _varint(len(content)) + content


def blob(values: Tensor, *, legacy: bool) -> bytes:
    """A BlobProto, with `shape` or, in the old form, four dimensions padded with ones in front."""
    data = piece(5, values.numpy().astype("<f4").tobytes())
    if legacy:
        shape = [1] * (4 - values.dim()) + list(values.shape)
        return b"".join(integer(n, size) for n, size in enumerate(shape, start=1)) + data
    return piece(7, piece(1, b"".join(map(_varint, values.shape)))) + data


class CaffeNetFile:
    """A NetParameter, layer by layer, in a row.

    Args:
        legacy: whether in the form with `layers`, enumerated types and four dimensions.
    """

    def __init__(self, *, legacy: bool) -> None:
        self.legacy = legacy
        self.numbers = V1 if legacy else NEW
        self.content = piece(1, "test")
        self.top = "data"

    def add(
        self,
        kind: str,
        name: str,
        parameters: bytes = b"",
        blobs: Sequence[Tensor] = (),
        *,
        in_place: bool = False,
    ) -> None:
        """Add a layer that reads the one before."""
        field = self.numbers
        kind_field = (
            integer(field["type"], V1_TYPE[kind]) if self.legacy else piece(field["type"], kind)
        )
        top = self.top if in_place else name
        layer = piece(field["name"], name) + kind_field
        if kind != "Data":
            layer += piece(field["bottom"], self.top)
        layer += piece(field["top"], "data" if kind == "Data" else top)
        layer += b"".join(piece(field["blobs"], blob(b, legacy=self.legacy)) for b in blobs)
        if kind == "Data":
            layer += piece(field["transform"], parameters)
        elif parameters:
            layer += piece(field[kind], parameters)
        self.content += piece(field["layer"], layer)
        if kind != "Data":
            self.top = top


def caffemodel(
    weights: Mapping[str, tuple[Tensor, Tensor]],
    *,
    pool_first: bool = False,
    legacy: bool = False,
    transform: bytes | None = None,
) -> bytes:
    """The file of a net as grouped_net.scores computes it."""
    net = CaffeNetFile(legacy=legacy)
    if transform is not None:
        net.add("Data", "data", transform)
    lrn = integer(1, 5) + number(2, 0.01) + number(3, 0.75)  # k is left to its default of 1
    max_pool = integer(1, 0) + integer(2, 3) + integer(3, 2)
    for index, name in enumerate(SHAPES, start=1):
        if name.startswith("fc"):
            net.add("InnerProduct", name, blobs=weights[name])
        else:
            kernel = integer(4, SHAPES[name][2])
            spec = kernel + integer(6, STRIDES.get(name, 1)) + integer(3, PADS.get(name, 0))
            net.add("Convolution", name, spec + integer(5, GROUPS.get(name, 1)), weights[name])
        if name == "fc8":
            continue
        net.add("ReLU", f"relu{index}", in_place=True)
        if name in ("conv1", "conv2"):
            both = [("Pooling", f"pool{index}", max_pool), ("LRN", f"norm{index}", lrn)]
            for kind, op_name, parameters in both if pool_first else reversed(both):
                net.add(kind, op_name, parameters)
        elif name == "conv5":
            net.add("Pooling", "pool5", max_pool)
        elif name.startswith("fc"):
            net.add("Dropout", f"drop{index}", number(1, 0.5), in_place=True)
    net.add("SoftmaxWithLoss", "loss")
    return net.content


def mean_file(mean: np.ndarray) -> bytes:  # type: ignore[type-arg]
    """A .binaryproto of a mean image (3, H, W), in the old form, as Caffe's own is."""
    shape = b"".join(integer(n, size) for n, size in enumerate((1, *mean.shape), start=1))
    return shape + piece(5, mean.astype("<f4").tobytes())
