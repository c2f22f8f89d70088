"""The sources of external weights, and the net and the pixels that they belong to.

A new source is an entry of SOURCES; readers of files are in weights/.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from torch import Tensor

from alexcli.config.compose import compose
from alexcli.config.evaluation import override_run
from alexcli.errors import UsageError
from alexcli.mistaken import mistaken_file
from alexcli.model.torchvision_weights import (
    TORCHVISION_MEAN,
    download_torchvision,
    from_torchvision,
)
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.exported_net import ExportedNet, read_exported
from alexcli.schema import ModelSpec, Norm, Op, Reads, TrainSpec
from alexcli.weights.caffe import CaffeNet, read_caffemodel
from alexcli.weights.chain import (
    PAPER_INPUT,
    Chain,
    named_weights,
    reversed_channels,
    specification,
)
from alexcli.weights.onnx_graph import read_onnx
from alexcli.weights.pixels import CAFFE_MEAN_BGR, Floats, Pixels, pixel_of, read_mean
from alexcli.weights.ports import recognize
from alexcli.weights.state_dict import weights_in

KNOWN_MODELS = ("bvlc_alexnet", "caffenet", "owt")
"""Choices of conf/model that external files may contain."""


@dataclass(frozen=True)
class ImportRequest:
    """What the user asks for."""

    file: Path | None
    """The file with the weights; None takes those that the source publishes."""
    pixels: Pixels | None = None
    mean: str | None = None
    """A file or three grey levels."""
    overrides: Sequence[str] = ()
    """KEY=VALUE as typed."""


@dataclass
class ImportedNet:
    """Weights, and the configuration that they belong to."""

    about: str
    """For people."""
    spec: TrainSpec
    weights: dict[str, Tensor]
    """By our names, for images in red, green, blue."""
    mean: Floats
    """(3,) or (S, S, 3), red, green, blue, grey levels."""
    preprocess: dict[str, Tensor] | None = None
    """The whole preprocessing, if the file holds it: mean image and colour noise."""
    classes: list[str] | None = None
    """Names in the order of the outputs, if the file holds them."""
    file_names: Mapping[str, str] = field(default_factory=dict)
    """The name of a weight in the file, by our name, if they differ."""
    notes: list[str] = field(default_factory=list)
    """Choices that were made because the file does not tell."""


SAFETENSORS = ".safetensors"
PYTORCH_SOURCES = ("weights", "torchvision")
SOURCES_BY_SUFFIX = {
    ".onnx": ("onnx",),
    ".caffemodel": ("caffe",),
    SAFETENSORS: PYTORCH_SOURCES,
    ".pth": PYTORCH_SOURCES,
    ".pt": PYTORCH_SOURCES,
}
"""The sources that may read a file, the likeliest first; a file with another suffix is tried."""
INPUT_SIZE = "model.input.size="
"""Start of the override that gives the input size if a file does not."""


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the weights of a .safetensors, or of what torch.save wrote, without executing anything.

    Raises:
        UsageError: it cannot be read, is something else, such as a checkpoint of alexcli, or holds
            no weights.
    """
    if path.suffix == SAFETENSORS:
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            weights = weights_in(load_file(path))
        except SafetensorError as error:
            raise UsageError(
                f"{path} is truncated or not a safetensors file: {error}", hint="download it again"
            ) from error
    else:
        content = checkpoint.read_plain(path, damaged_hint="download it again")
        if checkpoint.is_of_alexcli(content):
            raise UsageError(
                f"{path} is a checkpoint of alexcli, which needs no import",
                hint=f"alexcli eval {path}; the config.yaml of its run must lie beside it",
            )
        weights = weights_in(content)
    if not weights:
        raise UsageError(
            f"{path} holds no weights", hint="torch.save(net.state_dict(), FILE) writes them"
        )
    return weights


def checked_file(path: Path, source_name: str) -> Path:
    """The file of weights; UsageError if it does not exist or is evidently something else.

    Args:
        path: as typed.
        source_name: a key of SOURCES, which is to read it.
    """
    path = path.expanduser()
    if not path.is_file():
        kind = "is a folder" if path.is_dir() else "does not exist"
        raise UsageError(f"{path} {kind}", hint="name the file with the weights")
    try:
        mistaken = mistaken_file(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}", hint="check its permissions"
        ) from error
    if mistaken is not None:
        raise UsageError(f"{path} holds no weights: {mistaken.clause}", hint=mistaken.hint)
    readers = SOURCES_BY_SUFFIX.get(path.suffix, (source_name,))
    if source_name not in readers:
        raise UsageError(
            f"{path} is no file for alexcli import {source_name}",
            hint=f"alexcli import {readers[0]} {path}",
        )
    return path


def _torchvision(request: ImportRequest, reporter: Reporter) -> ImportedNet:
    """torchvision's alexnet: a state dict, or a checkpoint that holds one."""
    if request.mean is not None or request.pixels not in (None, Pixels.torchvision):
        raise UsageError(
            "torchvision's alexnet reads torchvision's pixels: it takes no --mean or --pixels",
            hint="alexcli import weights FILE, for a net that reads others",
        )
    if request.file is None:
        reporter.note("downloading torchvision's alexnet (244 MB), unless torch has it already")
        weights = from_torchvision(download_torchvision())
    else:
        weights = from_torchvision(read_weights(request.file))
    overrides, mean = pixel_settings(Pixels.torchvision, None)
    spec = _compose(["model=owt", *overrides], request)
    return ImportedNet("torchvision's alexnet", spec, weights, mean)


def _caffe(request: ImportRequest, _reporter: Reporter) -> ImportedNet:
    """A .caffemodel, whose layers describe the net."""
    path = _required(request, "caffe FILE.caffemodel")
    net = read_caffemodel(path)
    pixels = request.pixels or Pixels.caffe
    overrides, mean = pixel_settings(pixels, request.mean)
    notes = []
    if request.mean is None and pixels is not Pixels.torchvision:
        mean, note = _mean_of(net, mean)
        notes.append(note)
    if net.pixel_scale != 1:
        overrides.append(f"augment.pixel_scale={net.pixel_scale:.6g}")
    return _from_chain(net.chain, path, request, pixels, overrides, mean, notes)


def _mean_of(net: CaffeNet, default: Floats) -> tuple[Floats, str]:
    """The mean that a Caffe net was trained with, as far as its file tells, and a note."""
    if net.mean_pixel:
        return pixel_of(net.mean_pixel), "the mean is the file's own mean_value"
    trained = "; the net was trained with a mean image" if net.mean_file else ""
    return default, (
        "the file holds no mean: taken is that of ILSVRC-2012 in each channel "
        f"({', '.join(f'{value:.3f}' for value in CAFFE_MEAN_BGR)}: B, G, R){trained}; "
        "--mean mean.binaryproto takes another"
    )


def _onnx(request: ImportRequest, _reporter: Reporter) -> ImportedNet:
    """An ONNX file, whose nodes describe the net."""
    path = _required(request, "onnx FILE.onnx")
    net = read_onnx(path)
    pixels = request.pixels or (Pixels.caffe if "caffe" in net.producer.lower() else None)
    pixels = _checked_pixels(pixels, path)
    overrides, mean = pixel_settings(pixels, request.mean)
    return _from_chain(net.chain, path, request, pixels, overrides, mean, [])


def _from_chain(
    chain: Chain,
    path: Path,
    request: ImportRequest,
    pixels: Pixels,
    overrides: list[str],
    mean: Floats,
    notes: list[str],
) -> ImportedNet:
    """A net whose file describes its layers."""
    typed = [word for word in request.overrides if word.startswith(("model=", "model."))]
    if chain.input_size is None:
        chosen = [word for word in typed if word.startswith(INPUT_SIZE)]
        typed = [word for word in typed if word not in chosen]
        size = compose(["data=folder", *chosen], TrainSpec).model.input.size
        chain = replace(chain, input_size=size if chosen else PAPER_INPUT)
        if not chosen:
            note = f"the file does not say the size of its images: taken is {PAPER_INPUT}"
            notes = [*notes, f"{note}; {INPUT_SIZE}N takes another"]
    if typed:
        raise UsageError(
            f"{typed[0]!r} would change the net, which {path.name} describes itself",
            hint="leave it out; data.*, augment.* and label may be set",
        )
    spec = _compose(overrides, request)
    spec.model = _known(specification(chain, path.suffix.removeprefix(".") or "caffemodel"))
    weights = named_weights(chain)
    if pixels is Pixels.caffe and spec.model.input.channels == 3:
        weights = reversed_channels(weights)
    return ImportedNet(path.name, spec, weights, mean, notes=notes)


def _known(model: ModelSpec) -> ModelSpec:
    """The model as conf/model defines it, if it is one of KNOWN_MODELS."""
    for name in KNOWN_MODELS:
        candidate = compose([f"model={name}"], TrainSpec).model
        candidate.classes = model.classes
        if _structure(model) == _structure(candidate):
            return candidate
    return model


def _structure(model: ModelSpec) -> ModelSpec:
    """A model without its name and what only training uses: initial weights and dropout."""
    plain = ModelSpec()
    layers = {
        name: layer
        and replace(
            layer,
            std=0.0,
            bias=0.0,
            reads=Reads.own_tower,
            ops=[op for op in layer.ops if op is not Op.dropout],
        )
        for name, layer in model.layers.items()
    }
    lrn = model.lrn if model.norm is Norm.lrn else plain.lrn
    return replace(model, name="", init=plain.init, dropout=plain.dropout, lrn=lrn, layers=layers)


def _weights(request: ImportRequest, _reporter: Reporter) -> ImportedNet:
    """A state dict of an AlexNet, recognized by the shapes of its weights."""
    path = _required(request, "weights FILE.pth")
    exported = read_exported(path) if path.suffix == SAFETENSORS else None
    if exported is not None:
        return _exported(exported, path, request)
    port = recognize(read_weights(path), path)
    pixels = request.pixels or (Pixels.torchvision if port.base == "owt" else None)
    pixels = _checked_pixels(pixels, path)
    overrides, mean = pixel_settings(pixels, request.mean)
    spec = _compose([f"model={port.base}", *port.overrides, *overrides], request)
    weights = reversed_channels(port.weights) if pixels is Pixels.caffe else port.weights
    typed_model = any(word.startswith("model") for word in request.overrides)
    notes = [] if typed_model else [f"assumed: {text}" for text in port.assumed]
    return ImportedNet(path.name, spec, weights, mean, file_names=port.file_names, notes=notes)


def _exported(exported: ExportedNet, path: Path, request: ImportRequest) -> ImportedNet:
    """A net that alexcli has exported, with its own configuration, preprocessing and classes."""
    if request.mean is not None or request.pixels is not None:
        raise UsageError(
            f"{path} says which pixels its net reads: it takes no --mean or --pixels",
            hint=f"alexcli import weights {path}",
        )
    labels = [word for word in request.overrides if word.startswith("label=")]
    others = [word for word in request.overrides if word not in labels]
    spec = replace(exported.spec, label=_compose(labels, ImportRequest(None)).label)
    if others:
        spec = override_run(spec, others)
    weights, preprocess = (
        {
            name.removeprefix(prefix): value
            for name, value in exported.state.items()
            if name.startswith(prefix)
        }
        for prefix in ("net.", "preprocess.")
    )
    if "mean_image" not in preprocess:
        raise UsageError(f"{path} holds no mean image", hint="export the run again")
    mean = preprocess["mean_image"].double().numpy()
    return ImportedNet(path.name, spec, weights, mean, preprocess, exported.classes)


def _required(request: ImportRequest, usage: str) -> Path:
    """The file; UsageError, with what to type, if none is named."""
    if request.file is None:
        raise UsageError("no file with weights is named", hint=f"alexcli import {usage}")
    return request.file


def _checked_pixels(pixels: Pixels | None, path: Path) -> Pixels:
    """The pixels that the user or the file names; UsageError if neither does."""
    if pixels is None:
        raise UsageError(
            f"{path} does not say which pixels its net reads; its accuracy depends on them",
            hint="--pixels caffe (BGR, 0-255, mean subtracted, squeezed to 256), --pixels rgb (the "
            "same in RGB) or --pixels torchvision (0-1, mean and deviation)",
        )
    return pixels


def pixel_settings(pixels: Pixels, mean: str | None) -> tuple[list[str], Floats]:
    """The configuration of a net's pixels, and their mean.

    Args:
        pixels: the kind of pixels.
        mean: the value of --mean; None takes ImageNet's channel means.

    Returns:
        Overrides, and (3,) or (S, S, 3) in red, green, blue, grey levels.

    Raises:
        UsageError: a mean that cannot be read, or one for torchvision's pixels.
    """
    if pixels is Pixels.torchvision:
        if mean is not None:
            raise UsageError(
                "--mean does not go with --pixels torchvision, whose mean is fixed",
                hint="--pixels rgb --mean R,G,B",
            )
        return ["augment=torchvision", "data.resize=torchvision"], 255 * np.array(TORCHVISION_MEAN)
    values = pixel_of(CAFFE_MEAN_BGR) if mean is None else read_mean(mean, pixels)
    overrides = ["data.resize=warp", "augment.pca.sigma=0"]
    if values.ndim == 1:
        return [*overrides, "augment.mean=channel"], values
    return [*overrides, "augment.mean=image", f"data.size={len(values)}"], values


def _compose(overrides: Sequence[str], request: ImportRequest) -> TrainSpec:
    """The configuration of an imported run, as if the net had been trained here."""
    return compose(["data=folder", *overrides, *request.overrides], TrainSpec)


SOURCES: Mapping[str, Callable[[ImportRequest, Reporter], ImportedNet]] = {
    "torchvision": _torchvision,
    "caffe": _caffe,
    "onnx": _onnx,
    "weights": _weights,
}
"""The functions that read weights, by the name of the source."""
