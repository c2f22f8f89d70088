"""alexcli import."""

from pathlib import Path
from typing import Annotated

import typer

from alexcli.cli.shell import emit, one_of


def import_(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="torchvision: its alexnet.")],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE.pth", help="A state dict on disk, in place of the download."),
    ] = None,
    classes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Names of the classes in the order of the outputs, one a line; none: ILSVRC-2012.",
        ),
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of all runs.")] = Path("runs"),
) -> None:
    """Make a run out of weights from elsewhere, for eval, predict and analyze.

    Examples:
        alexcli import torchvision && alexcli predict cat.jpg
        alexcli import torchvision --weights alexnet-owt-7be5be79.pth
    """
    from alexcli.render.progress import make_reporter
    from alexcli.run.exchange import SOURCES, import_torchvision

    one_of("source", source, list(SOURCES))
    reporter = make_reporter()
    run = import_torchvision(runs, reporter, weights=weights, classes=classes)
    emit(f"{run.path}\n")
    reporter.note("next: alexcli predict cat.jpg")
