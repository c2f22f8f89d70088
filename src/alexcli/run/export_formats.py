"""File formats for other programs: how a net is written to a file, and run from it as a check.

A new format is a function here that writes it, an entry of FORMATS, and a choice of `--format` in
cli/export.py.
"""

import logging
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from alexcli.errors import UsageError
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.exported_net import export_metadata, read_exported
from alexcli.run.trained import TrainedModel

ONNX_STACK_TRACE = "pkg.torch.onnx.stack_trace"
"""An entry of nodes with the paths of the source files, which tell where alexcli is installed."""


@dataclass(frozen=True)
class ExportInput:
    """The input of a format's writer."""

    trained: TrainedModel
    module: nn.Module
    """Computes class scores from inputs such as `example`, with operators that can be exported."""
    example: Tensor
    """A batch of inputs."""
    opset: int | None
    """Version of ONNX's operators; None for the exporter's own."""

    def metadata(self) -> dict[str, str]:
        """The metadata of a file."""
        trained = self.trained
        return export_metadata(trained.spec, trained.classes, trained.names)


@dataclass(frozen=True)
class ExportedFile:
    """A file that was written."""

    run: Callable[[Tensor], Tensor]
    """Computes class scores from the file alone."""
    opset: int | None = None
    operators: list[str] | None = None
    """Names of the ONNX operators that occur in it."""


@dataclass(frozen=True)
class ExportFormat:
    """A file format."""

    suffix: str
    write: Callable[[ExportInput, Path], ExportedFile]
    options: frozenset[str] = frozenset()
    """Options of `export` that the format supports."""
    packages: tuple[str, ...] = ()
    """Packages that writing and checking need."""
    lrn_operator: bool = False
    """Whether the format has an operator for response norms."""
    retry_hint: str | None = None
    """What to type if the file does not agree with the net."""


def write_file(export_format: ExportFormat, export_input: ExportInput, path: Path) -> ExportedFile:
    """Write a file without the warnings of torch's exporters about their own internals."""
    for name in ("torch.onnx", "onnxscript"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        return export_format.write(export_input, path)


def _batches_of_any_size() -> tuple[dict[int, Any]]:
    """The dynamic dimension of the only input, its first; a function because Dim imports sympy."""
    return ({0: torch.export.Dim("batch")},)


def _write_onnx(export_input: ExportInput, path: Path) -> ExportedFile:
    """ONNX, checked by onnx and run by onnxruntime."""
    import onnx
    import onnxruntime  # type: ignore[import-untyped]

    program = torch.onnx.export(
        export_input.module,
        (export_input.example,),
        dynamo=True,
        opset_version=export_input.opset,
        input_names=["x"],
        output_names=["scores"],
        dynamic_shapes=_batches_of_any_size(),
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(export_input.metadata())
    for node in program.model.graph.all_nodes():
        node.metadata_props.pop(ONNX_STACK_TRACE, None)
    program.save(path, external_data=False)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    versions = {entry.domain: entry.version for entry in model.opset_import}
    opset = versions.get("", versions.get("ai.onnx"))
    if export_input.opset not in (None, opset):
        raise UsageError(
            f"torch's exporter made opset {opset}, not {export_input.opset}",
            hint=f"leave --opset out; the newest is {onnx.defs.onnx_opset_version()}",
        )
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return ExportedFile(
        run=lambda x: torch.from_numpy(session.run(None, {"x": x.numpy()})[0]),
        opset=opset,
        operators=sorted({node.op_type for node in model.graph.node}),
    )


def _write_torch(export_input: ExportInput, path: Path) -> ExportedFile:
    """A program of torch.export."""
    program = torch.export.export(
        export_input.module, (export_input.example,), dynamic_shapes=_batches_of_any_size()
    )
    for graph_module in program.graph_module.modules():
        if isinstance(graph_module, torch.fx.GraphModule):
            for node in graph_module.graph.nodes:
                node.meta.pop("stack_trace", None)
    torch.export.save(program, path)
    return ExportedFile(run=torch.export.load(path).module())


def _write_safetensors(export_input: ExportInput, path: Path) -> ExportedFile:
    """The weights of net and preprocessing under the checkpoint's names; our code runs them."""
    trained = export_input.trained
    module = nn.ModuleDict({"net": trained.net, "preprocess": trained.preprocess})
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_file(state, path, metadata=export_input.metadata())
    return ExportedFile(run=_read_safetensors(path))


def _read_safetensors(path: Path) -> nn.Module:
    """The net that a safetensors file describes, from the file alone."""
    exported = read_exported(path)
    assert exported is not None
    spec = exported.spec
    module = nn.ModuleDict({"net": build_net(spec), "preprocess": build_preprocess(spec, None)})
    module.load_state_dict(exported.state)
    return module.eval()["net"]


FORMATS: Mapping[str, ExportFormat] = {
    "onnx": ExportFormat(
        suffix=".onnx",
        write=_write_onnx,
        options=frozenset({"decompose_lrn", "preprocessing", "opset"}),
        packages=("onnx", "onnxscript", "onnxruntime"),
        lrn_operator=True,
        retry_hint="--decompose-lrn, or another --opset",
    ),
    "safetensors": ExportFormat(suffix=".safetensors", write=_write_safetensors),
    "torch": ExportFormat(suffix=".pt2", write=_write_torch, options=frozenset({"preprocessing"})),
}
