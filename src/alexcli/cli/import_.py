"""alexcli import."""

from pathlib import Path

from alexcli.cli.shell import emit, one_of
from alexcli.render.progress import make_reporter


def import_(
    source: str,
    *,
    weights: Path | None = None,
    classes: Path | None = None,
    runs: Path = Path("runs"),
) -> None:
    """Make a run out of weights from elsewhere, for eval, predict and analyze.

    Args:
        source (SOURCE): torchvision: its alexnet.
        weights (FILE.pth): A state dict on disk, in place of the download.
        classes (FILE): Names of the classes in the order of the outputs, one a line; none:
            ILSVRC-2012.
        runs: Folder of all runs.

    Examples:
        alexcli import torchvision && alexcli predict cat.jpg
        alexcli import torchvision --weights alexnet-owt-7be5be79.pth
    """
    from alexcli.run.exchange import SOURCES, import_torchvision

    one_of("source", source, list(SOURCES))
    reporter = make_reporter()
    run = import_torchvision(runs, reporter, weights=weights, classes=classes)
    emit(f"{run.path}\n")
    reporter.note("next: alexcli predict cat.jpg")
