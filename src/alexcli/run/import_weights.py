"""Importing weights from elsewhere as runs, for `eval`, `predict` and `analyze`.

A new source is an entry of SOURCES with a function that reads its weights; their names are
translated in model/torchvision_weights.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from alexcli.checksum import checksummed
from alexcli.config.compose import compose
from alexcli.data.names import ilsvrc2012_wnids
from alexcli.data.statistics import Statistics
from alexcli.errors import UsageError, did_you_mean, plural
from alexcli.files import atomic_path
from alexcli.model.net import Net
from alexcli.model.torchvision_weights import (
    TORCHVISION_MEAN,
    download_torchvision,
    from_torchvision,
)
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.build import build_net, build_preprocess
from alexcli.run.directory import RunDirectory
from alexcli.run.start import directory_for
from alexcli.schema import TrainSpec

ILSVRC2012_TRAINING_IMAGES = 1_281_167


@dataclass(frozen=True)
class WeightSource:
    """Where weights come from, and the net that they belong to."""

    about: str
    """For people."""
    load: Callable[[Path | None, Reporter], dict[str, Tensor]]
    """Reads the weights from a file, or from the source itself without one, under our names."""
    output: str
    """A weight whose first dimension counts the classes."""
    overrides: tuple[str, ...]
    """Configuration of the net and of the preprocessing that it was trained with."""
    mean: tuple[float, float, float]
    """Mean RGB pixel that was subtracted, in [0, 1]."""
    training_images: int = ILSVRC2012_TRAINING_IMAGES


def _load_torchvision(file: Path | None, reporter: Reporter) -> dict[str, Tensor]:
    """The weights of torchvision's alexnet: a state dict, or a checkpoint that holds one."""
    if file is None:
        reporter.note("downloading torchvision's alexnet (244 MB), unless torch has it already")
        return from_torchvision(download_torchvision())
    content = checkpoint.read_plain(file)
    for key in ("state_dict", "model"):
        if key in content:
            return from_torchvision(content[key])
    return from_torchvision(content)


SOURCES: Mapping[str, WeightSource] = {
    "torchvision": WeightSource(
        about="torchvision's alexnet",
        load=_load_torchvision,
        output="tower0.fc8.bias",
        overrides=("model=owt", "augment=torchvision", "data.resize=torchvision"),
        mean=TORCHVISION_MEAN,
    )
}


def import_weights(
    source_name: str,
    runs: Path,
    reporter: Reporter,
    *,
    weights: Path | None = None,
    classes: Path | None = None,
) -> RunDirectory:
    """Make a run of weights from elsewhere; a run that exists already is left as it is.

    Args:
        source_name: a key of SOURCES.
        runs: directory of all runs.
        reporter: receives notes.
        weights: a file with the weights; None takes those that the source publishes.
        classes: a list of class names in the order of the outputs, one a line; None for the 1,000
            WNIDs of ILSVRC-2012.

    Raises:
        UsageError: an unknown source, no network, a file without the source's weights, or a wrong
            number of names.
    """
    source = _source(source_name)
    state = source.load(weights, reporter)
    names = _class_names(classes, count=len(state[source.output]))
    spec = _config(source_name, len(names), runs)
    run = directory_for(spec, "\n".join(names), checkpoint.weights_digest(state))
    if run.result() is not None:
        reporter.note(f"{run.path} is there already")
        return run
    net = build_net(spec)
    checkpoint.load_weights(net, state, weights or Path(source.about))
    run.create(spec, names)
    _save(run, spec, net, _statistics(source, size=spec.data.size), names)
    run.finish(
        "import",
        {
            "model": spec.model.name,
            "source": str(weights or source_name),
            "classes": len(names),
            "parameters": sum(parameter.numel() for parameter in net.parameters()),
        },
    )
    return run


def _source(name: str) -> WeightSource:
    if name not in SOURCES:
        raise UsageError(
            f"source {name!r} does not exist; there are {', '.join(SOURCES)}",
            hint=did_you_mean(name, SOURCES) or "alexcli import --help",
        )
    return SOURCES[name]


def _config(source_name: str, classes: int, runs: Path) -> TrainSpec:
    """The configuration of an imported run, as if the net had been trained here."""
    overrides = [
        "data=folder",
        *SOURCES[source_name].overrides,
        f"model.classes={classes}",
        f"label={source_name}",
    ]
    spec = compose(overrides, TrainSpec)
    spec.runs = str(runs)
    return spec


def _statistics(source: WeightSource, size: int) -> Statistics:
    """The mean pixel as a mean image, and no colour noise."""
    pixel = 255 * torch.tensor(source.mean, dtype=torch.float64)
    return Statistics(
        mean_image=pixel.expand(size, size, 3).numpy(),
        covariance=torch.zeros(3, 3).numpy(),
        count=source.training_images,
    )


def _save(
    run: RunDirectory, spec: TrainSpec, net: Net, statistics: Statistics, classes: list[str]
) -> None:
    """Write the checkpoint `last`, as training would."""
    module = nn.ModuleDict({"net": net, "preprocess": build_preprocess(spec, statistics)})
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


def _class_names(file: Path | None, count: int) -> list[str]:
    """Names of the classes in the order of the outputs.

    Args:
        file: a name a line; None for ILSVRC-2012.
        count: number of outputs.

    Raises:
        UsageError: the file cannot be read, or there are more or fewer names.
    """
    if file is None:
        origin = "ILSVRC-2012"
        names = ilsvrc2012_wnids()
    else:
        origin = str(file)
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise UsageError(f"the list of classes {file} cannot be read: {error}") from None
        names = [line.strip() for line in lines if line.strip()]
    if len(names) != count:
        raise UsageError(
            f"the weights are of {plural(count, 'class')}, and {origin} has {len(names):,}",
            hint="name the classes in the order of the outputs, one a line: --classes FILE",
        )
    return names
