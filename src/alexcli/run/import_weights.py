"""Importing external weights as runs, for `eval`, `predict` and `analyze`.

Where weights come from and how they are read: run/weight_sources.py.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from alexcli.checksum import checksummed
from alexcli.data.names import ILSVRC2012_TRAINING_IMAGES, ilsvrc2012_wnids
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError, did_you_mean, plural
from alexcli.files import atomic_path
from alexcli.model.net import Net
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.directory import RunDirectory
from alexcli.run.start import directory_for
from alexcli.run.weight_sources import SOURCES, ImportedNet, ImportRequest, checked_file
from alexcli.schema import TrainSpec
from alexcli.weights.pixels import Floats


def import_weights(
    source_name: str,
    runs: Path,
    reporter: Reporter,
    request: ImportRequest,
    *,
    classes: Path | None = None,
) -> RunDirectory:
    """Make a run of external weights; a run that exists already is left unchanged.

    Args:
        source_name: a key of SOURCES.
        runs: directory of all runs.
        reporter: receives notes.
        request: the file, and what it does not say.
        classes: a list of class names in the order of the outputs, one a line; None for the 1,000
            WNIDs of ILSVRC-2012.

    Raises:
        UsageError: an unknown source, no network, a file without the source's weights, weights
            that do not fit (layer by layer), or a wrong number of names.
    """
    if source_name not in SOURCES:
        raise UsageError(
            f"source {source_name!r} does not exist; there are {', '.join(SOURCES)}",
            hint=did_you_mean(source_name, SOURCES) or "alexcli import --help",
        )
    if request.file is not None:
        request = replace(request, file=checked_file(request.file, source_name))
    imported = SOURCES[source_name](request, reporter)
    for note in imported.notes:
        reporter.note(note)
    spec = _completed(imported, source_name, runs)
    names = _class_names(classes, imported, count=spec.model.classes)
    net = build_net(spec)
    _check_fit(net, imported, request.file)
    digest = checkpoint.weights_digest({**imported.weights, "mean": torch.tensor(imported.mean)})
    run = directory_for(spec, "\n".join(names), digest)
    if run.result() is not None:
        reporter.note(f"{run.path} already exists")
        return run
    net.load_state_dict(imported.weights)
    preprocess = _preprocess(imported, spec)
    run.create(spec, names)
    _save(run, net, preprocess, names)
    run.finish(
        "import",
        {
            "model": spec.model.name,
            "source": str(request.file or source_name),
            "notes": imported.notes,
            "classes": len(names),
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
        },
    )
    return run


def _completed(imported: ImportedNet, source_name: str, runs: Path) -> TrainSpec:
    """The configuration with its label, directory of runs and number of classes."""
    spec = imported.spec
    spec.label = spec.label or source_name
    spec.runs = str(runs)
    if imported.classes is None:
        spec.model.classes = len(list(imported.weights.values())[-1])
    return spec


def _check_fit(net: Net, imported: ImportedNet, file: Path | None) -> None:
    """Raise UsageError that names every weight whose shape in the file differs from the net's."""
    expected = net.state_dict()
    differences = []
    for name in [*expected, *(name for name in imported.weights if name not in expected)]:
        in_file = _shape(imported.weights.get(name))
        in_net = _shape(expected.get(name))
        if in_file != in_net:
            layer = name.removeprefix("tower0.")
            called = imported.file_names.get(name)
            also = f" ({called})" if called and called != layer else ""
            differences.append(f"{layer}{also} is {in_file} in the file and {in_net} in the net")
    if differences:
        model = imported.spec.model
        raise UsageError(
            f"{file or imported.about} does not fit {model.name}, for images of "
            f"{model.input.size} pixels: {'; '.join(differences)}",
            hint="alexcli config list shows other nets (model=NAME); sizes are model.input.size "
            "and model.layers.conv1.pad",
        )


def _shape(tensor: Tensor | None) -> str:
    return "absent" if tensor is None else str(list(tensor.shape))


def _preprocess(imported: ImportedNet, spec: TrainSpec) -> nn.Module:
    """The preprocessing that the file holds, or else one with its mean."""
    if imported.preprocess is None:
        return build_preprocess(spec, _statistics(imported.mean, spec.data.size))
    preprocess = build_preprocess(spec, None)
    checkpoint.load_weights(preprocess, imported.preprocess, Path(imported.about))
    return preprocess


def _statistics(mean: Floats, size: int) -> Statistics:
    """A mean pixel or image as statistics of a training set, without colour noise.

    Args:
        mean: (3,) or (S, S, 3), grey levels.
        size: side of a stored image; an image of another size is refused.
    """
    if mean.ndim == 3 and len(mean) != size:
        raise UsageError(
            f"the mean image has a side of {len(mean)} pixels, but data.size={size}",
            hint="leave data.size out, or give three numbers: --mean B,G,R",
        )
    return Statistics(
        mean_image=np.broadcast_to(mean, (size, size, 3)).copy(),
        covariance=np.zeros((3, 3)),
        count=ILSVRC2012_TRAINING_IMAGES,
    )


def _save(run: RunDirectory, net: Net, preprocess: nn.Module, classes: list[str]) -> None:
    """Write the checkpoint `last`, as training would."""
    module = nn.ModuleDict({"net": net, "preprocess": preprocess})
    content: dict[str, Any] = {
        "state_dict": dict(module.state_dict()),
        "global_step": 0,
        "alexcli": {
            "classes": classes,
            "plateau": {},
            "finished": True,
            "seconds": 0.0,
            "train_errors": [],
        },
    }
    with atomic_path(run.last) as temporary, checksummed(temporary) as file:
        torch.save(content, file)


def _class_names(file: Path | None, imported: ImportedNet, count: int) -> list[str]:
    """Names of the classes in the order of the outputs.

    Args:
        file: one name per line, or a name and its number, from 0, as Places has them; None for
            those of the imported net, or of ILSVRC-2012 if it has none.
        imported: the net.
        count: number of outputs.

    Raises:
        UsageError: the file cannot be read, or there are more or fewer names.
    """
    if file is None:
        origin = "ILSVRC-2012" if imported.classes is None else imported.about
        names = ilsvrc2012_wnids() if imported.classes is None else imported.classes
    else:
        origin = str(file)
        try:
            lines = file.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, ValueError) as error:
            raise UsageError(
                f"the list of classes {file} cannot be read: {error}",
                hint="a text file in UTF-8 with a class on each line",
            ) from None
        names = _without_numbers([line.strip() for line in lines if line.strip()])
    if len(names) != count:
        raise UsageError(
            f"the weights are of {plural(count, 'class')}, but {origin} has {len(names):,}",
            hint="name the classes in the order of the outputs, one a line: --classes FILE",
        )
    return names


def _without_numbers(names: list[str]) -> list[str]:
    """The names without the numbers after them, if each is followed by the number of its line."""
    parts = [name.rsplit(maxsplit=1) for name in names]
    if all(part[1:] == [str(number)] for number, part in enumerate(parts)):
        return [part[0] for part in parts]
    return names
