"""Nets to be trained: built, trained, and counted."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.api.arguments import check_one_net, check_overrides, reporter_of
from alexcli.errors import UsageError

if TYPE_CHECKING:  # torch and others are imported by the first function that needs them
    from alexcli.model.net import Net
    from alexcli.records.training import TrainResult


def build(model: str, *overrides: str, seed: int = 0) -> "Net":
    """A net with its initial weights, in evaluation mode.

    Args:
        model: a choice of `alexcli config list model`, such as alexnet, alexnet_145 or resnet18.
        overrides: of model.*, such as "model.classes=10".
        seed: of the initial weights.

    Returns:
        A torch.nn.Module: (N, C, H, W) float32 to (N, K) class scores. Its input is on the 0-255
        scale of the paper, with the mean subtracted (section 2). In training mode, dropout needs
        the position in training: `net(x, alexcli.rng.DropoutContext(seed=0, step=step, row=0))`.

    Raises:
        UsageError: no such model, or its layers do not fit together.
    """
    from alexcli.config.compose import compose
    from alexcli.run.build import build_net
    from alexcli.schema import TrainSpec

    check_overrides('build("tiny", "model.classes=3")', overrides)
    check_one_net("build", overrides)
    all_overrides = ["experiment=null", f"model={model}", *overrides, f"seed={seed}"]
    return build_net(compose(all_overrides, TrainSpec)).eval()


def train(*overrides: str, resume: str | Path = "auto", progress: bool = True) -> "TrainResult":
    """Train a net in this process, or resume it, or skip what is finished.

    Args:
        overrides: as `alexcli train` takes them; without any, the quick start.
        resume: auto, never, or the path of a checkpoint of this run; the old run is kept under
            another name unless auto or its last checkpoint resumes it.
        progress: whether to show progress on stderr.

    Returns:
        Its `directory`, which `load` takes, and its `result`: errors, seconds, parameters.

    Raises:
        UsageError: wrong configuration or data, or a placement that takes several processes.
        RunFailedError: full disk, non-finite loss.
    """
    from alexcli.config.compose import compose
    from alexcli.run.processes import needs_workers
    from alexcli.run.train import train as run_train
    from alexcli.schema import TrainSpec

    check_overrides('train("seed=1")', overrides)
    check_one_net("train", overrides)
    spec = compose(overrides, TrainSpec)
    if needs_workers(spec):
        raise UsageError(
            f"placement={spec.placement.kind.name} needs several processes here",
            hint=f"alexcli train {' '.join(overrides)}",
        )
    reporter = reporter_of(progress=progress)
    try:
        return run_train(spec, reporter, resume=str(resume), overrides=overrides)
    finally:
        reporter.close()


def params(model: str, *overrides: str) -> dict[str, Any]:
    """Shapes, neurons, parameters, operations and memory of a net, without torch.

    Args:
        model: a choice of `alexcli config list model`.
        overrides: of model.*, and batch=N for the memory.

    Returns:
        What `alexcli analyze params --format json` prints: `layers`, `totals` and more.

    Raises:
        UsageError: no such model, or its layers do not fit together.
    """
    from alexcli.analysis.params import run
    from alexcli.config.compose import compose
    from alexcli.schema import AnalyzeSpec

    check_overrides('params("alexnet", "batch=1")', overrides)
    check_one_net("params", overrides)
    counts: dict[str, Any] = run(compose([f"model={model}", *overrides], AnalyzeSpec)).data
    return counts
