"""Weights from elsewhere as runs, and trained nets as files for other programs, each compared with
the net after it is written.
"""

import contextlib
import importlib.util
import json
import logging
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
from alexcli.config import compose, from_mapping, to_mapping
from alexcli.data.dataset import Statistics
from alexcli.data.names import ilsvrc2012
from alexcli.data.transforms import Preprocess
from alexcli.errors import RunFailedError, UsageError, written
from alexcli.model.convert import TORCHVISION_MEAN, download_torchvision, from_torchvision, portable
from alexcli.results import Analysis, Reporter, Table
from alexcli.run import checkpoint
from alexcli.run.build import build_net, build_preprocess, directory_for
from alexcli.run.rundir import RunDirectory
from alexcli.run.trained import Trained
from alexcli.schema import TrainSpec

SOURCES = ("torchvision",)
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
) -> Analysis:
    """Write a net and compare the file with it.

    Args:
        trained: the net, on the CPU.
        form: onnx, safetensors or torch (torch.export).
        path: of the new file.
        decompose_lrn: plain arithmetic in place of ONNX's LRN operator.
        preprocessing: the file takes stored uint8 pictures, (N, S, S, 3), in place of net inputs.
        opset: of ONNX; None for the exporter's own.

    Returns:
        A row, and its data: `{path, format, bytes, difference, opset, operators}`, the last two of
        ONNX alone; `difference` is the largest of the scores as a part of the largest score.

    Raises:
        UsageError: the path exists, a package is missing, an option that the form does not know.
        RunFailedError: what was written does not agree with the net; nothing is left behind.
    """
    _check(form, path, decompose_lrn=decompose_lrn, preprocessing=preprocessing, opset=opset)
    net = portable(trained.net, operator=form == "onnx" and not decompose_lrn)
    whole = (Whole(trained.preprocess, net) if preprocessing else net).eval()
    # Formats look at the ending, and keep the name: the same net makes the same file.
    temporary = path.with_name(f".{path.name}.tmp{SUFFIX[form]}")
    try:
        with written(path, hint="--out PATH"):
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch()  # not every format's own error says that it cannot write
            example = _inputs(trained, 2, preprocessing)
            told, check = _write(form, trained, whole, example, temporary, opset)
            difference = max(_difference(trained, check, n, preprocessing) for n in BATCHES)
            if not difference <= TOLERANCE:
                hint = "--decompose-lrn, or another --opset" if form == "onnx" else ""
                raise RunFailedError.of(
                    "export.differs", path=path, by=difference, most=TOLERANCE, hint=hint
                )
            temporary.rename(path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    found = {"path": str(path), "format": form, "bytes": path.stat().st_size}
    found |= {"difference": difference, "opset": None, "operators": None, **told}
    row = {"file": str(path), "bytes": found["bytes"], "opset": found["opset"]}
    row |= {"difference": f"{difference:.1e}"}
    note = "difference: from the net, as a part of the largest score, after reading the file back"
    note += f"; operators: {', '.join(told['operators'])}" if told else ""
    return Analysis("export", [Table.of("export", [row], note)], data=found)


def _write(
    form: str, trained: Trained, whole: nn.Module, x: Tensor, path: Path, opset: int | None
) -> tuple[dict[str, Any], Callable[[Tensor], Tensor]]:
    """Write the file; what is to be told of it, and how to run it."""
    # What a file tells of itself: the whole configuration as yaml, and the classes in order.
    facts = {
        "alexcli": __version__,
        "config": yaml.safe_dump(to_mapping(trained.spec), sort_keys=False),
        "classes": json.dumps(trained.classes),
        "names": json.dumps(trained.names),
    }
    # torch's exporters warn of their own internals.
    logging.getLogger("torch.onnx").setLevel(logging.CRITICAL)
    with warnings.catch_warnings(action="ignore"), torch.no_grad():
        if form == "onnx":
            return _onnx(whole, x, path, facts, opset)
        if form == "torch":
            torch.export.save(torch.export.export(whole, (x,), dynamic_shapes=BATCH), path)
            return {}, torch.export.load(path).module()
        module = nn.ModuleDict({"net": trained.net, "preprocess": trained.preprocess})
        state = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
        save_file(state, path, metadata=facts)
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
    trained: Trained, check: Callable[[Tensor], Tensor], count: int, preprocessing: bool
) -> float:
    """Largest difference from the net's scores, as a part of the largest score."""
    expected = trained.net(_inputs(trained, count, preprocessing=False))
    found = check(_inputs(trained, count, preprocessing))
    return float((found - expected).abs().max() / expected.abs().max())


def _onnx(
    net: nn.Module, x: Tensor, path: Path, facts: dict[str, str], opset: int | None
) -> tuple[dict[str, Any], Callable[[Tensor], Tensor]]:
    import onnx
    import onnxruntime  # type: ignore[import-untyped]

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
    program.model.metadata_props.update(facts)
    program.save(path, external_data=False)
    model = onnx.load(path)
    onnx.checker.check_model(model)
    operators = sorted({node.op_type for node in model.graph.node})
    versions = {entry.domain: entry.version for entry in model.opset_import}
    found = versions.get("", versions.get("ai.onnx"))
    if opset not in (None, found):
        raise UsageError.of("export.opset", found=found, opset=opset)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    told = {"opset": found, "operators": operators}
    return told, lambda x: torch.from_numpy(session.run(None, {"x": x.numpy()})[0])


def _restored(path: Path) -> Callable[[Tensor], Tensor]:
    """The net that a safetensors file describes, from nothing but the file."""
    with safe_open(path, "pt") as file:
        config = yaml.safe_load(file.metadata()["config"])
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    spec = from_mapping(config, TrainSpec, source=path)
    made = nn.ModuleDict({"net": build_net(spec), "preprocess": build_preprocess(spec, None)})
    made.load_state_dict(state)
    return made.eval()["net"]


def import_torchvision(
    runs: Path, reporter: Reporter, *, weights: Path | None = None, classes: Path | None = None
) -> RunDirectory:
    """torchvision's alexnet as a run; one that is there already is left alone.

    Args:
        runs: folder of all runs.
        reporter: told how it goes.
        weights: a state dict on disk; None downloads the published one.
        classes: a list of class names in the order of the outputs, one a line; None for the 1,000
            WNIDs of ILSVRC-2012.

    Raises:
        UsageError: no network, a file that is not torchvision's alexnet, a wrong number of names.
    """
    if weights is None:
        reporter.note("downloading torchvision's alexnet (244 MB), unless torch has it already")
        state = from_torchvision(download_torchvision())
    else:
        found = checkpoint.read_plain(weights)
        inner = next((found[k] for k in ("state_dict", "model") if k in found), found)
        state = from_torchvision(inner)
    names = _classes(classes, len(state["tower0.fc8.bias"]))
    words = ["model=owt", f"model.classes={len(names)}", "data=folder", "augment=torchvision"]
    spec = compose([*words, "label=torchvision"], TrainSpec)
    spec.runs = str(runs)
    run = directory_for(spec, "\n".join(names), checkpoint.weights_digest(state))
    if run.result() is not None:
        reporter.note(f"{run.path} is there already")
        return run
    net = build_net(spec)
    checkpoint.load_weights(net, state, weights or Path("torchvision's alexnet"))
    mean = 255 * torch.tensor(TORCHVISION_MEAN, dtype=torch.float64)
    mean = mean.expand(spec.data.size, spec.data.size, 3)
    statistics = Statistics(mean.numpy(), torch.zeros(3, 3).numpy(), 1281167)
    module = nn.ModuleDict({"net": net, "preprocess": build_preprocess(spec, statistics)})
    run.create(spec, names)
    ours = {"classes": names, "plateau": {}, "finished": True, "seconds": 0.0, "train_errors": []}
    whole = {"state_dict": dict(module.state_dict()), "global_step": 0, "alexcli": ours}
    temporary = run.last.with_suffix(".tmp")
    torch.save(whole, temporary)
    temporary.replace(run.last)
    source, parameters = str(weights or "torchvision"), sum(p.numel() for p in net.parameters())
    facts = {"model": spec.model.name, "source": source, "classes": len(names)}
    run.finish("import", facts | {"parameters": parameters})
    return run


def _classes(listed: Path | None, count: int) -> list[str]:
    names, where = ilsvrc2012(), "ILSVRC-2012"
    if listed is not None:
        try:
            lines = listed.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UsageError.of("labels.classes_unreadable", listed=listed, error=error) from None
        names, where = [line.strip() for line in lines if line.strip()], str(listed)
    if len(names) != count:
        raise UsageError.of("weights.class_count", count=count, where=where, names=names)
    return names
