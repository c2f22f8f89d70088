"""The command line."""

from typing import Annotated

import typer

from alexcli import __version__
from alexcli.cli.ablate import ablate
from alexcli.cli.analyze import analyze
from alexcli.cli.bench import bench
from alexcli.cli.config import config
from alexcli.cli.data import data
from alexcli.cli.eval import evaluate
from alexcli.cli.export import export
from alexcli.cli.import_ import import_
from alexcli.cli.predict import predict
from alexcli.cli.report import report
from alexcli.cli.shell import examples
from alexcli.cli.train import train

app = typer.Typer(
    name="alexcli",
    help="AlexNet as its paper describes it and as its authors ran it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    suggest_commands=True,
    epilog=examples("alexcli train", "alexcli eval --ten-crop"),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """AlexNet as its paper describes it and as its authors ran it."""


app.command(
    epilog=examples(
        "alexcli train",
        "alexcli train experiment=imagenette data.root=DIR",
        "alexcli train seed=0,1,2 optim.epochs=5",
        "alexcli train placement=ranks label=two_processes",
    )
)(train)
app.command(
    name="eval",
    epilog=examples(
        "alexcli eval --ten-crop",
        "alexcli eval 'runs/quickstart/s*' --protocols all --per-class --out eval",
        "alexcli eval runs/quickstart/s0-* --format json",
    ),
)(evaluate)
app.command(
    epilog=examples(
        "alexcli predict cat.jpg", "alexcli predict DIR --ten-crop --top 3 --out figure4.png"
    )
)(predict)
app.command(
    name="import",
    epilog=examples(
        "alexcli import torchvision && alexcli predict cat.jpg",
        "alexcli import torchvision --weights alexnet-owt-7be5be79.pth",
    ),
)(import_)
app.command(
    epilog=examples(
        "alexcli export runs/quickstart/s0-* --format onnx",
        "alexcli export runs/quickstart/s0-* --format safetensors --out net.safetensors",
    )
)(export)
app.command(
    epilog=examples(
        "alexcli analyze help",
        "alexcli analyze params model=merged --format md",
        "alexcli analyze filters --out figures",
        "alexcli analyze neighbors pictures=DIR nearest=6 --run runs/quickstart/s0-* --out figures",
        "alexcli analyze tables --results results",
    )
)(analyze)
app.command(
    epilog=examples(
        "alexcli ablate lrn",
        "alexcli ablate lrn pooling --seeds 5 --out results",
        "alexcli ablate towers experiment=ilsvrc2012 data.root=DIR --launch slurm",
        "alexcli ablate --list",
    )
)(ablate)
app.command(
    epilog=examples(
        "alexcli report lrn",
        "alexcli report 'runs/quickstart/s*' --out runs.html",
        "alexcli report lrn towers experiment=ilsvrc2012 data.root=DIR --out paper.html",
    )
)(report)
app.add_typer(data, name="data")
app.add_typer(bench, name="bench")
app.add_typer(config, name="config")


def main() -> None:
    """Run the command line."""
    app()
