"""alexcli predict."""

import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alexcli.cli.arguments import split_arguments
from alexcli.cli.options import Runs, TenCrop
from alexcli.cli.output import check_not_input, check_writable, emit, save_outputs
from alexcli.errors import AlexcliError, UsageError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format
from alexcli.reporter import Reporter
from alexcli.run_files import DEFAULT_RUNS

if TYPE_CHECKING:  # torch would slow down every --help
    from alexcli.records.prediction import ImagePrediction
    from alexcli.run.trained import TrainedModel

Megapixels = Annotated[int | None, typer.Option(min=1, max=100_000, show_default="89")]
Top = Annotated[int | None, typer.Option(min=1, max=1_000_000, show_default="5")]
Formats = Annotated[
    Literal["table", "md", "csv", "json", "latex", "jsonl"],
    typer.Option(help="Output format; jsonl: a line for each image, as soon as it is predicted."),
]
STANDARD_INPUT = "-"
FIGURE_SUFFIXES = (".png", ".svg", ".pdf")


def predict(
    images: list[str],
    *,
    run: str | None = None,
    top: Top = None,
    ten_crop: TenCrop = False,
    labels: Path | None = None,
    largest: Megapixels = None,
    out: Path | None = None,
    runs: Runs = DEFAULT_RUNS,
    format: Formats = "table",
) -> None:
    """Predict the classes of your own images with a trained net.

    Files that are not images are named at the end, after the predictions.

    Args:
        images (IMAGE|FOLDER|KEY=VALUE): Images, or folders of them; - reads one image from standard
            input. Also overrides of data.*, eval.* and trainer.*, such as data.depth=12.
        run (RUN_OR_CKPT): Net to use; default: the newest finished run.
        top: Number of classes to show.
        labels (FILE): True labels, one per line: LABEL or FILE LABEL, where a label is the name of
            a class, or a number counted from 0 or from 1. Without it, an image in a folder named
            after a class has that label.
        largest (MEGAPIXELS): Largest image to read; a small file can decode to gigabytes.
        out (FIGURE.png): Draw the predictions as in Figure 4 (left) of the paper.

    Examples:
        alexcli predict cat.jpg
        alexcli predict DIR --ten-crop --top 3 --out figure4.png
        alexcli predict DIR --format jsonl
    """
    paths, overrides = _parse_arguments(images, labels, run, runs, out)
    from alexcli.render.predictions import json_line
    from alexcli.run.predict import check_all_read, find_images
    from alexcli.run.predict import predict as run_predict

    with tempfile.TemporaryDirectory() as folder, _temporary_folder_hidden(folder):
        files = find_images([_saved(path, Path(folder)) for path in paths])
        reporter = make_reporter()
        trained = _load(run, runs, largest, overrides, reporter)
        unreadable: list[str] = []
        by_line = format == "jsonl"
        predictions = run_predict(
            trained,
            files,
            reporter,
            top=top,
            ten_crop=ten_crop,
            labels=labels,
            unreadable=unreadable,
            receive=(lambda result: emit(json_line(_named(result, folder)))) if by_line else None,
        )
        title = f"{trained.name}, {'ten crops' if ten_crop else 'centre crop'}"
        if not by_line:
            named = [_named(prediction, folder) for prediction in predictions]
            _emit_table(named, title, Format(format))
        if out is not None:
            _save_figure(trained, predictions, title, out, reporter)
        check_all_read(unreadable, len(files))


def _saved(path: Path, folder: Path) -> Path:
    """A path of the command line; what comes from standard input becomes a file in a folder."""
    if str(path) != STANDARD_INPUT:
        return path
    file = folder / "standard input"
    if not file.exists():
        file.write_bytes(sys.stdin.buffer.read())
    return file


def _emit_table(predictions: "Sequence[ImagePrediction]", title: str, format: Format) -> None:
    from alexcli.render.output import as_text
    from alexcli.render.predictions import prediction_analysis

    emit(as_text(prediction_analysis(predictions, title), format))


def _save_figure(
    trained: "TrainedModel",
    predictions: "Sequence[ImagePrediction]",
    title: str,
    out: Path,
    reporter: Reporter,
) -> None:
    from alexcli.render.predictions import MOST_DRAWN, prediction_analysis
    from alexcli.run.predict import with_pixels

    drawn = with_pixels(trained, predictions[:MOST_DRAWN])
    figure = prediction_analysis([*drawn, *predictions[MOST_DRAWN:]], title)
    save_outputs(figure, [out], reporter, f"--out {out}", "choose another place")


def _named(prediction: "ImagePrediction", folder: str) -> "ImagePrediction":
    """A prediction whose file has no name of a folder that the user has not typed."""
    return replace(prediction, file=prediction.file.removeprefix(f"{folder}{os.sep}"))


@contextmanager
def _temporary_folder_hidden(folder: str) -> Iterator[None]:
    """Take a folder that the user has not typed out of the messages of errors."""
    try:
        yield
    except AlexcliError as error:
        error.message = error.message.replace(f"{folder}{os.sep}", "")
        raise


def _parse_arguments(
    arguments: Sequence[str], labels: Path | None, run: str | None, runs: Path, out: Path | None
) -> tuple[list[Path], list[str]]:
    """Tell images from overrides, and check both and the figure before torch is imported.

    Raises:
        UsageError: no images are named, a file, a run or a key does not exist, or the figure cannot
            be drawn there.
    """
    if out is not None:
        _check_suffix(out)
    from alexcli.run.early import check_evaluation, check_images
    from alexcli.run.find import single_checkpoint

    names, overrides = split_arguments(arguments)
    if not names:
        raise UsageError("no images are named", hint="alexcli predict IMAGE_OR_FOLDER")
    paths = [Path(name) for name in names]
    files = [path for path in paths if str(path) != STANDARD_INPUT]
    check_images([*files, labels] if labels else files)
    if out is not None:
        check_writable(out.absolute().parent)
        check_not_input(out, paths)
    check_evaluation([single_checkpoint([] if run is None else [run], runs)], overrides)
    return paths, overrides


def _check_suffix(out: Path) -> None:
    """UsageError for a figure of a format that is not drawn."""
    if out.suffix.lower() not in FIGURE_SUFFIXES:
        raise UsageError(
            f"the suffix of --out {out} is not one of {', '.join(FIGURE_SUFFIXES)}",
            hint=f"--out {out.parent / (out.stem or 'figure')}.png",
        )


def _load(
    run: str | None, runs: Path, largest: int | None, overrides: Sequence[str], reporter: Reporter
) -> "TrainedModel":
    """The net that is asked for, which reads images of up to so many megapixels."""
    from alexcli.run.find import single_checkpoint
    from alexcli.run.trained import load

    checkpoint = single_checkpoint([] if run is None else [run], runs, reporter=reporter)
    trained = load(checkpoint.run, checkpoint.path, overrides)
    return trained if largest is None else trained.reading_up_to(largest * 1_000_000)
