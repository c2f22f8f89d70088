"""Writing ONNX files of a reduced AlexNet as the model zoo's are written."""

from collections.abc import Mapping
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from tests.weights.grouped_net import GROUPS, PADS, SHAPES, STRIDES


class OnnxRow:
    """Nodes in a row."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.tensors: list[onnx.TensorProto] = []
        self.top = "data_0"

    def add(self, kind: str, name: str, *values: Tensor, **attributes: object) -> None:
        """Add a node that reads the one before, and constants."""
        names = [f"{name}_{number}" for number in range(len(values))]
        self.tensors += [
            numpy_helper.from_array(value.numpy(), n)
            for value, n in zip(values, names, strict=True)
        ]
        node = helper.make_node(kind, [self.top, *names], [name], name=name, **attributes)
        self.nodes.append(node)
        self.top = name

    def save(
        self, path: Path, size: int | str, producer: str = "onnx-caffe2", *, is_valid: bool = True
    ) -> None:
        """Write the file, for images of a fixed or a named size."""
        x = helper.make_tensor_value_info("data_0", TensorProto.FLOAT, ["n", 3, size, size])
        y = helper.make_tensor_value_info(self.top, TensorProto.FLOAT, ["n", "k"])
        graph = helper.make_graph(self.nodes, "graph", [x], [y], self.tensors)
        opsets = [helper.make_opsetid("", 12)]
        model = helper.make_model(graph, producer_name=producer, opset_imports=opsets)
        model.ir_version = 7
        if is_valid:
            onnx.checker.check_model(model)
        onnx.save(model, str(path))


def write_zoo_net(
    path: Path,
    weights: Mapping[str, tuple[Tensor, Tensor]],
    size: int | str,
    *,
    pool_first: bool = False,
    producer: str = "onnx-caffe2",
    matmul: bool = False,
) -> None:
    """The file of a net as grouped_net.scores computes it.

    Args:
        path: the file.
        weights: of grouped_net.random_weights.
        size: of the images.
        pool_first: whether pooling comes before the response norm.
        producer: the program that is said to have written it.
        matmul: whether fully connected layers are written as MatMul and Add.
    """
    row = OnnxRow()
    pool = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [0, 0, 1, 1]}
    lrn = {"size": 5, "alpha": 0.01, "beta": 0.75, "bias": 1.0}
    for index, name in enumerate(SHAPES, start=1):
        weight, bias = weights[name]
        if name.startswith("conv"):
            stride, pad = STRIDES.get(name, 1), PADS.get(name, 0)
            spec = {"strides": [stride] * 2, "pads": [pad] * 4, "group": GROUPS.get(name, 1)}
            row.add("Conv", name, weight, bias, **spec)
        elif matmul:
            row.add("MatMul", name, weight.T.contiguous())
            row.add("Add", f"{name}_sum", bias)
        else:
            row.add("Gemm", name, weight, bias, transB=1)
        if name == "fc8":
            continue
        row.add("Relu", f"relu{index}")
        if name in ("conv1", "conv2"):
            both = [("MaxPool", f"pool{index}", pool), ("LRN", f"norm{index}", lrn)]
            for kind, op_name, attributes in both if pool_first else reversed(both):
                row.add(kind, op_name, **attributes)
        elif name == "conv5":
            row.add("MaxPool", "pool5", **pool)
            row.add("Flatten", "flat")
        elif name.startswith("fc"):
            row.add("Dropout", f"drop{index}")
    row.save(path, size, producer)
