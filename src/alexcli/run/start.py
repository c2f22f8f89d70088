"""Where a run starts: its directory, and the weights that `init_from` names."""

from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from alexcli import run_files
from alexcli.errors import UsageError
from alexcli.model.net import Net
from alexcli.reporter import Reporter
from alexcli.run import checkpoint
from alexcli.run.directory import RunDirectory, run_label
from alexcli.run.find import find_checkpoint
from alexcli.run.fingerprint import settings_digest
from alexcli.run.resolve import resolve_precision
from alexcli.run.transfer import transfer
from alexcli.schema import TrainSpec


@dataclass
class RunStart:
    """The directory of a run, and what it starts from."""

    run: RunDirectory
    source: Path | None = None
    """The checkpoint that `init_from` names."""
    weights: dict[str, Tensor] = field(default_factory=dict)
    """Its weights, named as the net's."""
    weights_digest: str | None = None
    """Digest of these weights."""


def directory_for(spec: TrainSpec, images: str, init: str | None) -> RunDirectory:
    """The directory of a run: runs/<label>/s<seed>-<fingerprint>.

    Args:
        spec: the configuration.
        images: the data's own fingerprint (classes, counts, sizes).
        init: digest of the weights to start from, if any.

    Raises:
        UsageError: a label that is not a folder's name, or a path that is too long.
    """
    precision = resolve_precision(spec).name
    digest = settings_digest(spec, images=images, precision=precision, init=init)
    path = Path(spec.runs).expanduser() / run_label(spec) / f"s{spec.seed}-{digest}"
    _check_path(path)
    return RunDirectory(path)


def _check_path(path: Path) -> None:
    """Raise UsageError for a path that no file can have here, such as one that is too long."""
    try:
        (path / run_files.ENVIRONMENT).exists()
    except (OSError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"the run directory {str(path)[:200]} cannot be used: {reason}",
            hint="choose another place: runs=DIR",
        ) from error


def start_of(spec: TrainSpec, data_fingerprint: str) -> RunStart:
    """The run directory, and the weights to start from.

    Args:
        spec: the configuration.
        data_fingerprint: of the opened data set.

    Raises:
        UsageError: no such checkpoint, or `init.layers` without a source.
    """
    _check_source(spec)
    if spec.init_from is None:
        return RunStart(directory_for(spec, data_fingerprint, init=None))
    source, weights = _weights_of(spec.init_from, spec.runs)
    digest = checkpoint.weights_digest(weights)
    return RunStart(directory_for(spec, data_fingerprint, digest), source, weights, digest)


def copy_initial_weights(net: nn.Module, spec: TrainSpec, reporter: Reporter) -> None:
    """Copy the layers that `init_from` and `init.layers` choose, if any, and report which.

    Args:
        net: with all towers.
        spec: the configuration.
        reporter: receives a note of what is copied.

    Raises:
        UsageError: as `start_of` and `transfer`.
    """
    _check_source(spec)
    if spec.init_from is not None:
        source, weights = _weights_of(spec.init_from, spec.runs)
        _copy_weights(net, weights, spec, source, reporter)


def copy_start(net: Net, start: RunStart, spec: TrainSpec, reporter: Reporter) -> None:
    """Copy the weights that a run starts from, unless these are random, and report which.

    Args:
        net: with the towers of this process.
        start: its source and weights, of all towers.
        spec: the configuration.
        reporter: receives a note of what is copied.

    Raises:
        UsageError: as `transfer`.
    """
    if start.source is not None:
        weights = net.drop_other_towers(start.weights)
        _copy_weights(net, weights, spec, start.source, reporter)


def _copy_weights(
    net: nn.Module, weights: dict[str, Tensor], spec: TrainSpec, source: Path, reporter: Reporter
) -> None:
    summary = transfer(net, weights, spec.init.layers, source)
    reporter.note(f"weights from {source}: {summary}")


def _check_source(spec: TrainSpec) -> None:
    """Raise UsageError for layers to copy without a run to copy them from."""
    if spec.init_from is None and spec.init.layers is not None:
        layers = ", ".join(spec.init.layers)
        raise UsageError(
            f"init.layers=[{layers}] needs a run to copy from",
            hint="init_from=RUN, or init.layers=null to start from random weights",
        )


def _weights_of(init_from: str, runs: str) -> tuple[Path, dict[str, Tensor]]:
    """The checkpoint that `init_from` names, and its net's weights, named as a net's.

    Args:
        init_from: a path, or its part after the directory of all runs.
        runs: that directory.
    """
    source = find_checkpoint(init_from, Path(runs).expanduser()).path
    state = checkpoint.read(source)["state_dict"]
    weights = {
        name.removeprefix("net."): tensor
        for name, tensor in state.items()
        if name.startswith("net.")
    }
    return source, weights
