"""The command line: all commands under one name."""

import contextlib
import errno
import gc
import io
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from alexcli import __version__
from alexcli.cli.ablate import ablate
from alexcli.cli.analyze import analyze
from alexcli.cli.arguments import RecordingGroup
from alexcli.cli.bench import bench
from alexcli.cli.checks import checks
from alexcli.cli.claims import claims
from alexcli.cli.command import command, examples
from alexcli.cli.config import config
from alexcli.cli.data import data
from alexcli.cli.eval import eval_
from alexcli.cli.export import export
from alexcli.cli.features import features
from alexcli.cli.guard import print_error
from alexcli.cli.import_ import import_
from alexcli.cli.output import output_error
from alexcli.cli.predict import predict
from alexcli.cli.report import report
from alexcli.cli.runs import runs
from alexcli.cli.shells import use_scripts
from alexcli.cli.start import ABOUT, show_the_way
from alexcli.cli.train import train
from alexcli.errors import RunFailedError
from alexcli.parent_watch import stop_with_named_parent

app = typer.Typer(
    name="alexcli",
    cls=RecordingGroup,
    help=ABOUT,
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    suggest_commands=True,
    epilog=examples("alexcli train", "alexcli eval --ten-crop", "alexcli ablate lrn"),
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """AlexNet as its paper describes it and as its authors ran it."""
    if version:
        typer.echo(__version__)
        raise typer.Exit()
    if context.invoked_subcommand is None:
        show_the_way()


PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Train and evaluate": (train, eval_, predict, features),
    "Look inside": (analyze, report),
    "Test the paper": (ablate, claims),
    "Data and weights": (import_, export),
    "Runs, configuration, this machine": (checks,),
}
"""The commands of each part of the help; the groups of commands follow."""

for panel, functions in PANELS.items():
    for function in functions:
        command(app, panel)(function)
app.add_typer(data, name="data", rich_help_panel="Data and weights")
for name, commands in {"runs": runs, "config": config, "bench": bench}.items():
    app.add_typer(commands, name=name, rich_help_panel="Runs, configuration, this machine")


NEW_OBJECTS_PER_COLLECTION = 100_000
"""Python's own threshold is 700, at which the collector takes a fifth of the time of the imports:
they create a million objects that live as long as the process."""


SPINS_BEFORE_SLEEP = 3_000
"""How often a thread of GNU's OpenMP looks for its next loop before it sleeps, some microseconds.

On two cores the quick start trains 1.1 times as fast as with none, and beside another program 1.3
times as fast as with the 300,000 that are the default of OpenMP."""


def _limit_spinning() -> None:
    """Let OpenMP's threads sleep soon after a loop; read when torch is loaded.

    By default they go on looking for work, and keep the cores from our own threads and from other
    programs.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS_BEFORE_SLEEP))


def _write_every_name() -> None:
    """Let names be written in an encoding that lacks some of their characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A process that was forked may have a stream that believes it can be wound back.
            with contextlib.suppress(OSError):
                stream.reconfigure(errors="backslashreplace")


USERS_TO_ACT_ON = ".*(CUDA initialization|NVIDIA driver|not compatible with the current PyTorch)"
"""Warnings of libraries about what only a user can mend: drivers and devices."""


def _quiet_libraries() -> None:
    """Keep warnings of libraries to their developers, unless -W or PYTHONWARNINGS ask for them.

    Our own messages do not go through `warnings`.
    """
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        warnings.filterwarnings("default", message=USERS_TO_ACT_ON)


def _open_closed_streams() -> None:
    """Give a process whose output was closed one that goes nowhere.

    Otherwise the next file that it opens, such as a checkpoint, would be its output.
    """
    # Open as long as the process: a descriptor that is closed again could be anyone's.
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115


UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EBADF)
"""Errors of an output that takes no more, such as a file on a full disk."""


def _drop_unwritten() -> None:
    """Drop what standard output has not taken, or Python would try again when it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


REPORTS_LEAKS = "triton._C.libtriton"
"""A library of torch for CUDA that lists, when the interpreter ends, what was not collected."""


def _end_without_collecting() -> None:
    """Spare the interpreter to look through all of torch's objects while it ends."""
    if REPORTS_LEAKS not in sys.modules:
        gc.freeze()


def main() -> None:
    """Run the command line."""
    _open_closed_streams()
    stop_with_named_parent()
    _quiet_libraries()
    _limit_spinning()
    _write_every_name()
    use_scripts()
    gc.set_threshold(NEW_OBJECTS_PER_COLLECTION)
    try:
        app(prog_name="alexcli")
    except OSError as error:
        # Of the version and of helps, which no command writes by `emit`.
        if error.filename is not None or error.errno not in UNWRITABLE:
            raise
        print_error(output_error(error))
        raise SystemExit(RunFailedError.exit_code) from error
    finally:
        _drop_unwritten()
        _end_without_collecting()
