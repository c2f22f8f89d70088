"""The command line: all commands under one name."""

import gc
import os
from typing import Annotated

import typer

from alexcli import __version__
from alexcli.cli.ablate import ablate
from alexcli.cli.analyze import analyze
from alexcli.cli.arguments import RecordingGroup
from alexcli.cli.bench import bench
from alexcli.cli.command import command, examples
from alexcli.cli.config import config
from alexcli.cli.data import data
from alexcli.cli.eval import eval_
from alexcli.cli.export import export
from alexcli.cli.import_ import import_
from alexcli.cli.predict import predict
from alexcli.cli.report import report
from alexcli.cli.train import train

app = typer.Typer(
    name="alexcli",
    cls=RecordingGroup,
    help="AlexNet as its paper describes it and as its authors ran it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    suggest_commands=True,
    epilog=examples("alexcli train", "alexcli eval --ten-crop"),
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(__version__)
        raise typer.Exit()


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    """AlexNet as its paper describes it and as its authors ran it."""


for function in (train, eval_, predict, import_, export, analyze, ablate, report):
    command(app)(function)
app.add_typer(data, name="data")
app.add_typer(bench, name="bench")
app.add_typer(config, name="config")


NEW_OBJECTS_PER_COLLECTION = 100_000
"""Python's own threshold is 700, at which the collector takes a fifth of the time of the imports:
they create a million objects that live as long as the process."""


def main() -> None:
    """Run the command line."""
    # OpenMP's threads wait for their next loop in sleep. By default they turn round and round, and
    # keep the cores from our own threads and from other programs; read when torch is loaded.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION)
    try:
        app()
    finally:
        gc.freeze()  # or the interpreter looks through all of torch's objects while it ends
