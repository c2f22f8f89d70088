"""alexcli import."""

from pathlib import Path

from alexcli.cli.output import emit
from alexcli.render.progress import make_reporter


def import_(
    source: str,
    *,
    weights: Path | None = None,
    classes: Path | None = None,
    runs: Path = Path("runs"),
) -> None:
    """Make a run of weights from elsewhere, for eval, predict and analyze.

    Args:
        source (SOURCE): Where the weights come from, such as torchvision (its alexnet).
        weights (FILE): A file with the weights; without it, they are downloaded.
        classes (FILE): Names of the classes in the order of the outputs, one a line; without it,
            those of ILSVRC-2012.
        runs: Directory of all runs.

    Examples:
        alexcli import torchvision && alexcli predict cat.jpg
        alexcli import torchvision --weights alexnet-owt-7be5be79.pth
    """
    from alexcli.run.import_weights import import_weights

    reporter = make_reporter()
    run = import_weights(source, runs, reporter, weights=weights, classes=classes)
    emit(f"{run.path}\n")
    reporter.note("next: alexcli predict cat.jpg")
