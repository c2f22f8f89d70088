"""Nets in ONNX files, such as the model zoo's bvlcalexnet and caffenet."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from alexcli.errors import UsageError
from alexcli.schema import Activation, Kind, PoolKind, PoolSpec
from alexcli.weights.chain import Chain, Product

WITHOUT_EFFECT = frozenset({"Flatten", "Identity", "LogSoftmax", "Reshape", "Softmax", "Squeeze"})
ACTIVATIONS = {"Relu": Activation.relu, "Tanh": Activation.tanh, "Sigmoid": Activation.sigmoid}

NUMBERS = frozenset({"value_float", "value_floats", "value_int", "value_ints"})
"""Forms of constants that hold plain numbers; `value` holds a tensor."""


@dataclass
class OnnxNet:
    """A net of an ONNX file."""

    chain: Chain
    producer: str
    """The name of the program that wrote it."""


@dataclass
class _Node:
    """A node, with its attributes and the values of its constant inputs."""

    name: str
    type: str
    reads: list[str]
    """Its inputs that are computed from the images."""
    constants: list[Tensor]
    """Its other inputs, in order."""
    attributes: dict[str, Any]
    outputs: list[str]


def read_onnx(path: Path) -> OnnxNet:
    """Read a net.

    Args:
        path: FILE.onnx.

    Raises:
        UsageError: onnx is not installed, it is not such a file, it has nodes that alexcli's nets
            cannot express (names each of them), nodes that ONNX does not allow, or it is such a net
            that alexcli has exported.
    """
    try:
        import onnx
    except ImportError:
        raise UsageError(
            "ONNX files are read with the package onnx, which is not installed here",
            hint="pip install 'alexcli[export]'",
        ) from None
    try:
        model = onnx.load(str(path))
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror or error}", hint="check its permissions"
        ) from error
    except Exception as error:  # onnx raises protobuf's errors and its own
        raise UsageError(
            f"{path} is truncated or not an ONNX file", hint="download it again"
        ) from error
    if not model.graph.node:
        raise UsageError(f"{path} is not an ONNX file: it holds no graph", hint="name a .onnx")
    chain = Chain(input_size=_input_size(model.graph))
    reader = _Reader(chain, _constants(model.graph, path))
    for node in model.graph.node:
        try:
            reader.add(node)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            raise UsageError(
                f"{path}: the {node.op_type} {node.name!r} is not as ONNX defines it: "
                f"{type(error).__name__}: {error}",
                hint="onnx.checker.check_model(FILE) finds what is wrong with the file",
            ) from error
    if chain.misfits and any(entry.key == "alexcli" for entry in model.metadata_props):
        raise UsageError(
            f"{path} was exported by alexcli for other programs, and cannot be read back",
            hint="alexcli export RUN --format safetensors writes what alexcli import weights reads",
        )
    chain.check(path)
    return OnnxNet(chain, model.producer_name)


def _constants(graph: Any, path: Path) -> dict[str, Tensor]:
    """The tensors that the file holds, by name."""
    from onnx import numpy_helper

    try:
        # A copy, because torch needs memory that it may write to.
        return {
            tensor.name: torch.from_numpy(np.array(numpy_helper.to_array(tensor)))
            for tensor in graph.initializer
        }
    except (TypeError, ValueError) as error:
        raise UsageError(f"{path} is damaged: {error}", hint="download it again") from error


def _input_size(graph: Any) -> int | None:
    """Side of the images, if the file fixes it."""
    stored = {tensor.name for tensor in graph.initializer}
    images = [value for value in graph.input if value.name not in stored]
    dimensions = images[0].type.tensor_type.shape.dim if images else []
    return int(dimensions[2].dim_value) or None if len(dimensions) == 4 else None


@dataclass
class _Reader:
    """Follows the single chain of nodes from the images to the class scores."""

    chain: Chain
    constants: dict[str, Tensor]
    current: set[str] = field(default_factory=set)
    """Names of the last output; empty before the first product."""

    def add(self, proto: Any) -> None:
        """Add a node to the chain, as a misfit if it has no place in it."""
        import onnx

        attributes = {
            attribute.name: onnx.helper.get_attribute_value(attribute)
            for attribute in proto.attribute
        }
        if proto.op_type == "Constant":
            self._add_constant(proto.output[0], attributes)
            return
        node = _Node(
            name=proto.name or proto.output[0],
            type=proto.op_type,
            reads=[name for name in proto.input if name and name not in self.constants],
            constants=[self.constants[name] for name in proto.input if name in self.constants],
            attributes=attributes,
            outputs=list(proto.output),
        )
        if node.type not in WITHOUT_EFFECT and not self._is_next(node):
            self.chain.misfits.append(
                f"{node.name}: reads {', '.join(node.reads)}, not the layer before"
            )
        if node.type in WITHOUT_EFFECT:
            self.current = set(node.outputs) if self.current else set()
        else:
            self.current = set(node.outputs[:1])
            _add(self.chain, node)

    def _add_constant(self, name: str, attributes: dict[str, Any]) -> None:
        """Add a constant, as a misfit if it holds no numbers."""
        from onnx import numpy_helper

        ((form, value),) = attributes.items()
        if form == "value":
            self.constants[name] = torch.from_numpy(np.array(numpy_helper.to_array(value)))
        elif form in NUMBERS:
            self.constants[name] = torch.tensor(value)
        else:
            self.chain.misfits.append(f"{name}: a constant in the form {form}")

    def _is_next(self, node: _Node) -> bool:
        """Whether a node reads the last output and nothing else that is computed."""
        return not self.current or (len(node.reads) == 1 and node.reads[0] in self.current)


def _add(chain: Chain, node: _Node) -> None:
    attributes = node.attributes
    if node.type in ADDERS:
        ADDERS[node.type](chain, node)
    elif node.type in ACTIVATIONS:
        chain.add_activation(ACTIVATIONS[node.type], node.name)
    elif node.type == "LRN":
        if attributes["size"] % 2 == 0:
            chain.misfits.append(
                f"{node.name}: an LRN of even size, whose window starts a channel later than ours"
            )
        chain.add_norm(
            attributes["size"],
            attributes.get("alpha", 1e-4),
            attributes.get("beta", 0.75),
            attributes.get("bias", 1.0),
            node.name,
        )
    elif node.type == "Dropout":
        rate = float(node.constants[0]) if node.constants else attributes.get("ratio", 0.5)
        chain.add_dropout(rate, node.name)
    else:
        chain.misfits.append(f"{node.name}: {node.type}")


def _add_conv(chain: Chain, node: _Node) -> None:
    if not node.constants or node.constants[0].dim() != 4:
        chain.misfits.append(f"{node.name}: a convolution without 2-d weights in the file")
        return
    weight = node.constants[0].float()
    attributes = node.attributes
    if set(attributes.get("dilations", [1])) != {1}:
        chain.misfits.append(f"{node.name}: dilated by {max(attributes['dilations'])}")
    if weight.shape[2] != weight.shape[3]:
        chain.misfits.append(f"{node.name}: a kernel of {weight.shape[2]} x {weight.shape[3]}")
    chain.products.append(
        Product(
            node.name,
            Kind.conv,
            weight,
            node.constants[1].float() if len(node.constants) > 1 else None,
            stride=_same(chain, node, "strides", 1),
            pad=_same(chain, node, "pads", 0),
            groups=attributes.get("group", 1),
        )
    )


def _add_gemm(chain: Chain, node: _Node) -> None:
    attributes = node.attributes
    factors = (attributes.get("alpha", 1.0), attributes.get("beta", 1.0))
    has_weights = bool(node.constants) and node.constants[0].dim() == 2
    if not has_weights or factors != (1.0, 1.0) or attributes.get("transA", 0):
        chain.misfits.append(f"{node.name}: a Gemm with factors or without weights in the file")
        return
    weight = node.constants[0].float()
    if not attributes.get("transB", 0):
        weight = weight.T.contiguous()
    bias = node.constants[1].float().flatten() if len(node.constants) > 1 else None
    chain.products.append(Product(node.name, Kind.fc, weight, bias))


def _add_matmul(chain: Chain, node: _Node) -> None:
    if len(node.constants) != 1 or node.constants[0].dim() != 2:
        chain.misfits.append(f"{node.name}: a MatMul without weights in the file")
        return
    weight = node.constants[0].float().T.contiguous()
    chain.products.append(Product(node.name, Kind.fc, weight, None))


def _add_bias(chain: Chain, node: _Node) -> None:
    last = chain.products[-1] if chain.products else None
    fits = last is not None and last.bias is None and not last.ops and len(node.constants) == 1
    if last is None or not fits or node.constants[0].numel() != len(last.weight):
        chain.misfits.append(f"{node.name}: an Add that is not the bias of the product before")
        return
    last.bias = node.constants[0].float().flatten()


def _add_pool(chain: Chain, node: _Node) -> None:
    attributes = node.attributes
    maximum = node.type == "MaxPool"
    size = _same(chain, node, "kernel_shape", 1)
    stride = _same(chain, node, "strides", 1)
    up = bool(attributes.get("ceil_mode", 0))
    pads = list(attributes.get("pads", [0, 0, 0, 0]))
    # Exports of Caffe's nets, whose pooling rounds up, have a pad at the right and bottom.
    if maximum and pads == [0, 0, stride - 1, stride - 1] and any(pads):
        up = True
    elif any(pads):
        chain.misfits.append(f"{node.name}: pooling padded by {pads}")
    if _is_padded_by_rule(attributes) or set(attributes.get("dilations", [1])) != {1}:
        chain.misfits.append(f"{node.name}: pooling with auto_pad or dilations")
    kind = PoolKind.max if maximum else PoolKind.avg
    chain.add_pool(PoolSpec(kind, size, stride), node.name, up=up)


ADDERS = {
    "Add": _add_bias,
    "AveragePool": _add_pool,
    "Conv": _add_conv,
    "Gemm": _add_gemm,
    "MatMul": _add_matmul,
    "MaxPool": _add_pool,
}


def _is_padded_by_rule(attributes: dict[str, Any]) -> bool:
    return attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")


def _same(chain: Chain, node: _Node, attribute: str, default: int) -> int:
    """A size that is the same in both dimensions and on all sides; a misfit otherwise."""
    sizes = set(node.attributes.get(attribute, [default]))
    if len(sizes) > 1 or (attribute == "pads" and _is_padded_by_rule(node.attributes)):
        value = node.attributes.get(attribute, "by rule")
        chain.misfits.append(f"{node.name}: {attribute} {value}")
    return int(max(sizes))
