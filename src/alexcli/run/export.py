"""Trained nets as files for other programs, each compared with the net after it is written."""

import importlib.util
import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from alexcli import __version__
from alexcli.config import from_mapping, to_mapping
from alexcli.data.transforms import Preprocess
from alexcli.errors import RunFailedError, UsageError, written
from alexcli.model.convert import portable
from alexcli.results import Exported
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.trained import Trained
from alexcli.schema import TrainSpec

SUFFIX = {"onnx": ".onnx", "safetensors": ".safetensors", "torch": ".pt2"}
NEEDED = {"onnx": ("onnx", "onnxscript", "onnxruntime")}
TOLERANCE = 1e-4  # of the largest score; other programs sum in another order
BATCH = ({0: torch.export.Dim("batch")},)
BATCHES = (1, 3)  # sizes of the batches that are compared, to try the dynamic dimension


class Whole(nn.Module):
    """Preprocessing and net in one."""

    def __init__(self, preprocess: Preprocess, net: nn.Module) -> None:
        super().__init__()
        self.preprocess, self.net = preprocess, net

    def forward(self, x: Tensor) -> Tensor:
        """(N, S, S, 3) uint8, pictures as they are stored -> (N, K) class scores."""
        return self.net(self.preprocess.plain_center(x))  # type: ignore[no-any-return]


def export(
    trained: Trained,
    form: str,
    path: Path,
    *,
    decompose_lrn: bool = False,
    preprocessing: bool = False,
    opset: int | None = None,
) -> Exported:
    """Write a net and compare the file with it.

    Args:
        trained: the net, on the CPU.
        form: onnx, safetensors or torch (torch.export).
        path: of the new file.
        decompose_lrn: plain arithmetic in place of ONNX's LRN operator.
        preprocessing: the file takes stored uint8 pictures, (N, S, S, 3), in place of net inputs.
        opset: of ONNX; None for the exporter's own.

    Raises:
        UsageError: the path exists, a package is missing, an option that the form does not know.
        RunFailedError: what was written does not agree with the net; nothing is left behind.
    """
    _check(form, path, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset)
    temporary = path.with_name(f".{path.name}.tmp{SUFFIX[form]}")
    net = portable(trained.net, operator=form == "onnx" and not decompose_lrn)
    whole = (Whole(trained.preprocess, net) if preprocessing else net).eval()
    try:
        with written(path, hint="--out PATH"):
            path.parent.mkdir(parents=True, exist_ok=True)
            example = _inputs(trained, 2, preprocessing)
            facts, check = _write(form, trained, whole, example, temporary, opset)
            difference = max(
                _difference(trained, check, _inputs(trained, n, preprocessing), preprocessing)
                for n in BATCHES
            )
            if not difference <= TOLERANCE:
                hint = "--decompose-lrn, or another --opset" if form == "onnx" else ""
                raise RunFailedError.of(
                    "export.differs", path=path, by=difference, most=TOLERANCE, hint=hint
                )
            temporary.rename(path)
    finally:
        temporary.unlink(missing_ok=True)
    return Exported(str(path), form, path.stat().st_size, difference=difference, **facts)


def _write(
    form: str, trained: Trained, whole: nn.Module, x: Tensor, path: Path, opset: int | None
) -> tuple[dict[str, Any], Callable[[Tensor], Tensor]]:
    """Write the file; what is to be told of it, and how to run it."""
    # torch's exporters warn of their own internals.
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        match form:
            case "onnx":
                return _onnx(whole, x, path, trained, opset), _onnx_runner(path)
            case "torch":
                torch.export.save(torch.export.export(whole, (x,), dynamic_shapes=BATCH), path)
                return {}, torch.export.load(path).module()
        _safetensors(trained, path)
        return {}, _restored(path)


def _check(form: str, path: Path, **options: object) -> None:
    if path.exists():
        raise UsageError.of("export.exists", path=path)
    absent = [name for name in NEEDED.get(form, ()) if importlib.util.find_spec(name) is None]
    if absent:
        raise UsageError.of("export.package", form=form, absent=absent)
    known = {"onnx": set(options), "torch": {"preprocessing"}, "safetensors": set()}[form]
    strange = [name for name, given in options.items() if given and name not in known]
    if strange:
        raise UsageError.of("export.option", form=form, strange=strange[0].replace("_", "-"))


def _inputs(trained: Trained, count: int, preprocessing: bool) -> Tensor:
    """Random pictures, or what the net sees of them."""
    size, generator = trained.spec.data.size, torch.Generator().manual_seed(count)
    images = torch.randint(0, 256, (count, size, size, 3), dtype=torch.uint8, generator=generator)
    return images if preprocessing else trained.preprocess.view(images).contiguous()


@torch.inference_mode()
def _difference(
    trained: Trained, check: Callable[[Tensor], Tensor], x: Tensor, preprocessing: bool
) -> float:
    """Largest difference from the net's scores, as a part of the largest score."""
    expected = trained.net(trained.preprocess.view(x) if preprocessing else x)
    return float((check(x) - expected).abs().max() / expected.abs().max())


def _facts(trained: Trained) -> dict[str, str]:
    """What a file tells of itself: the whole configuration as yaml, and the classes in order."""
    return {
        "alexcli": __version__,
        "config": yaml.safe_dump(to_mapping(trained.spec), sort_keys=False),
        "classes": json.dumps(trained.classes),
        "names": json.dumps(trained.names),
    }


def _onnx(
    net: nn.Module, x: Tensor, path: Path, trained: Trained, opset: int | None
) -> dict[str, Any]:
    import onnx

    program = torch.onnx.export(
        net,
        (x,),
        dynamo=True,
        opset_version=opset,
        input_names=["x"],
        output_names=["scores"],
        dynamic_shapes=BATCH,
        verbose=False,
    )
    assert program is not None
    program.model.metadata_props.update(_facts(trained))
    program.save(path, external_data=False)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    operators = sorted({node.op_type for node in model.graph.node})
    versions = {entry.domain: entry.version for entry in model.opset_import}
    return {"opset": versions.get("", versions.get("ai.onnx")), "operators": operators}


def _onnx_runner(path: Path) -> Callable[[Tensor], Tensor]:
    import onnxruntime  # type: ignore[import-untyped]

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda x: torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


def _safetensors(trained: Trained, path: Path) -> None:
    module = nn.ModuleDict({"net": trained.net, "preprocess": trained.preprocess})
    state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save_file(state, path, metadata=_facts(trained))


def _restored(path: Path) -> Callable[[Tensor], Tensor]:
    """The net that a safetensors file describes, from nothing but the file."""
    with safe_open(path, "pt") as file:
        config = yaml.safe_load(file.metadata()["config"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    spec = from_mapping(config, TrainSpec, source=path)
    made = nn.ModuleDict({"net": build_net(spec), "preprocess": build_preprocess(spec, None)})
    made.load_state_dict(state)
    return made.eval()["net"]
