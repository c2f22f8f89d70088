"""alexcli data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexcli.cli.shell import FormatOption, Overrides, command, emit, group, keep, split_words
from alexcli.errors import UsageError, plural
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.results import Silent, Table

if TYPE_CHECKING:
    from alexcli.schema import TrainSpec

data = group("Prepare pictures once, and look at them.", "alexcli data list", "alexcli data stats")

PLACE = "A store or a folder of class folders, and data.* keys; none: the embedded pictures."
Where = Annotated[list[str] | None, typer.Argument(metavar="[PLACE] [KEY=VALUE]...", help=PLACE)]


@command(data)
def prepare(
    source: str, dest: str, overrides: Overrides = None, *, format: FormatOption = Format.table
) -> None:
    """Decode and resize every picture once. Interrupted, the same command goes on.

    Keys: size=256, resize=shorter|warp, kernel=bilinear|bicubic|lanczos|box, encoding=raw|jpeg,
    quality=95, on_error=fail|skip, val_labels=FILE, download=true, root=DIR, processes=N.

    Args:
        source: A folder of photographs, or cifar10, or imagenette.
        dest: A new folder, or one to go on with.

    Examples:
        alexcli data prepare imagenet/ store/ encoding=jpeg
        alexcli data prepare cifar10 cifar10-store/ download=true
    """
    from alexcli.config import compose
    from alexcli.data.prepare import prepare as run_prepare
    from alexcli.render.figures import as_text
    from alexcli.schema import PrepareSpec

    reporter = make_reporter()
    found = run_prepare(source, dest, compose(overrides or [], PrepareSpec), reporter)
    made = found.data
    if not made["worked"]:
        reporter.note(f"{dest} was finished before; nothing was done")
    if made["skipped"]:
        report = Path(dest) / "undecodable.csv"
        reporter.warn(f"left out: {plural(made['skipped'], 'picture')}, see {report}")
    emit(as_text(found, format))
    lacking = "" if "val" in made["counts"] else " data.val=0.1"
    reporter.note(f"next: alexcli train data=store data.root={dest}{lacking}")


@command(data)
def verify(store: str) -> None:
    """Read a whole store again and compare it with its manifest.

    Args:
        store: A folder or an s3:// or gs:// URL.

    Examples:
        alexcli data verify store/
        alexcli data verify s3://bucket/store
    """
    from contextlib import closing
    from functools import partial

    from alexcli.data.store import verify as run_verify

    with closing(make_reporter()) as reporter:
        problems = run_verify(store, partial(reporter.counted, "verifying"))
    if problems:
        emit("".join(f"{problem}\n" for problem in problems))
        raise UsageError.of("store.damaged", store=store, problems=problems)
    reporter.note(f"{store} is as it was written")


@command(data)
def stats(
    what: Where = None, *, out: Path | None = None, format: FormatOption = Format.table
) -> None:
    """Mean image, channel means, RGB covariance and the strength of the colour noise.

    Args:
        out: For mean.png and statistics.json.

    Examples:
        alexcli data stats
        alexcli data stats store/ --out figures/
    """
    from alexcli.render.figures import as_text
    from alexcli.render.pictures import thumbnail
    from alexcli.run.describe import statistics_of

    reporter = make_reporter()
    found = statistics_of(_spec(what), reporter)
    if out is not None:
        paths = [out / "mean.png", out / "statistics.json"]
        keep(found, paths, reporter, f"--out {out}", "--out figures")
    emit(as_text(found, format))
    if format is Format.table and out is None:
        emit(thumbnail(found.panels[0].data[0, 0]))


@command(data)
def preview(what: Where = None, *, index: int = 0, out: Path = Path("preview.png")) -> None:
    """Draw what the net sees of a picture: ten augmented views, mean image, colour components.

    Args:
        index: Which training picture.
        out: Where the sheet goes.

    Examples:
        alexcli data preview
        alexcli data preview store/ --index 7
    """
    from alexcli.run.describe import preview_of

    found = preview_of(_spec(what), index, make_reporter())
    keep(found, [out], Silent(), f"--out {out}", "--out figures/name.png")
    emit(f"{out}\n")


@command(data)
def list_(*, format: FormatOption = Format.table) -> None:
    """Known sources: size, licence, how to get them.

    Examples:
        alexcli data list
        alexcli data list --format md
    """
    import csv
    from importlib.resources import files

    text = (files("alexcli.data") / "known.csv").read_text(encoding="utf-8")
    emit(render(Table.of("sources", list(csv.DictReader(text.splitlines()))), format))


def _spec(words: list[str] | None) -> "TrainSpec":
    """The configuration for a place, or for the keys alone."""
    from dataclasses import replace

    from alexcli.config import compose
    from alexcli.schema import TrainSpec

    places, keys = split_words(words or [])
    if len(places) > 1:
        raise UsageError.of("data.one_place", places=places)
    if places and not any(key.startswith(("data=", "experiment=")) for key in keys):
        keys = ["data=folder", *keys]
    spec = compose(keys, TrainSpec)
    return replace(spec, data=replace(spec.data, root=places[0])) if places else spec
