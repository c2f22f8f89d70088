"""alexcli data."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, Overrides, command, emit, examples, split_words
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.results import DataStatistics, Table

if TYPE_CHECKING:
    from alexcli.schema import TrainSpec

data = typer.Typer(
    help="Prepare pictures once, and look at them.",
    no_args_is_help=True,
    epilog=examples("alexcli data list", "alexcli data stats"),
)

Where = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PLACE] [KEY=VALUE]...",
        help="A store or a folder of class folders, and data.* keys; none: the embedded pictures.",
        show_default=False,
    ),
]


@command(data)
def prepare(
    source: Annotated[
        str, typer.Argument(help="A folder of photographs, or cifar10, or imagenette.")
    ],
    dest: Annotated[str, typer.Argument(help="A new folder, or one to go on with.")],
    overrides: Overrides = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Decode and resize every picture once. Interrupted, the same command goes on.

    Keys: size=256, resize=shorter|warp, kernel=bilinear|bicubic|lanczos|box, encoding=raw|jpeg,
    quality=95, on_error=fail|skip, val_labels=FILE, download=true, root=DIR, processes=N.

    Examples:
        alexcli data prepare imagenet/ store/ encoding=jpeg
        alexcli data prepare cifar10 cifar10-store/ download=true
    """
    from alexcli.config import compose
    from alexcli.data.prepare import prepare as run_prepare
    from alexcli.render.progress import make_reporter
    from alexcli.schema import PrepareSpec

    reporter = make_reporter()
    made = run_prepare(source, dest, compose(overrides or [], PrepareSpec), reporter)
    if not made.worked:
        reporter.note(f"{dest} was finished before; nothing was done")
    if made.skipped:
        reporter.warn(f"{made.skipped} pictures were left out: {Path(dest) / 'undecodable.csv'}")
    rows: list[list[Any]] = [[split, count] for split, count in made.counts.items()]
    note = f"{dest}: {made.encoding}, {made.bytes / 1e6:,.0f} MB, {made.classes} classes, "
    note += made.resize
    if made.worked:
        note += f"; {sum(made.counts.values()) / made.seconds:,.0f} pictures/s"
    emit(render(Table("store", ["split", "pictures"], rows, note=note), format, asdict(made)))
    lacking = "" if "val" in made.counts else " data.val=0.1"
    reporter.note(f"next: alexcli train data=store data.root={dest}{lacking}")


@command(data)
def verify(
    store: Annotated[str, typer.Argument(help="A folder or an s3:// or gs:// URL.")],
) -> None:
    """Read a whole store again and compare it with its manifest.

    Examples:
        alexcli data verify store/
        alexcli data verify s3://bucket/store
    """
    from functools import partial

    from alexcli.data.store import verify as run_verify
    from alexcli.render.progress import make_reporter

    reporter = make_reporter()
    try:
        problems = run_verify(store, partial(reporter.counted, "verifying"))
    finally:
        reporter.close()
    if problems:
        emit("".join(f"{problem}\n" for problem in problems))
        raise UsageError(
            f"{store} is damaged in {len(problems)} files",
            hint="prepare it again into another folder, or fetch these files again",
        )
    reporter.note(f"{store} is as it was written")


@command(data)
def stats(
    what: Where = None,
    out: Annotated[Path | None, typer.Option(help="For mean.png and statistics.json.")] = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Mean image, channel means, RGB covariance and the strength of the colour noise.

    Examples:
        alexcli data stats
        alexcli data stats store/ --out figures/
    """
    from alexcli.render.pictures import draw_mean, thumbnail
    from alexcli.render.progress import make_reporter
    from alexcli.run.describe import statistics_of

    found = statistics_of(_spec(what), make_reporter())
    numbers = {name: value for name, value in asdict(found).items() if name != "mean_image"}
    if out is not None:
        draw_mean(found, numbers, out)
    emit(render(_statistics(found), format, numbers))
    if format is Format.table and out is None:
        emit(thumbnail(found.mean_image))


@command(data)
def preview(
    what: Where = None,
    index: Annotated[int, typer.Option(help="Which training picture.")] = 0,
    out: Annotated[Path, typer.Option(help="Where the sheet goes.")] = Path("preview.png"),
) -> None:
    """Draw what the net sees of a picture: ten augmented views, mean image, colour components.

    Examples:
        alexcli data preview
        alexcli data preview store/ --index 7
    """
    from alexcli.render.pictures import draw_preview
    from alexcli.render.progress import make_reporter
    from alexcli.run.describe import preview_of

    draw_preview(preview_of(_spec(what), index, make_reporter()), out)
    emit(f"{out}\n")


@command(data)
def list_(format: FormatOption = Format.table) -> None:  # noqa: A002
    """Known sources: size, licence, how to get them.

    Examples:
        alexcli data list
        alexcli data list --format md
    """
    import csv
    from importlib.resources import files

    lines = (files("alexcli.data") / "known.csv").read_text(encoding="utf-8").splitlines()
    found = list(csv.DictReader(lines))
    rows = [list(source.values()) for source in found]
    emit(render(Table("sources", list(found[0]), rows), format, found))


def _spec(words: list[str] | None) -> "TrainSpec":
    """The configuration for a place, or for the keys alone."""
    from dataclasses import replace

    from alexcli.config import compose
    from alexcli.schema import TrainSpec

    places, keys = split_words(words or [])
    if len(places) > 1:
        raise UsageError(
            f"one place at a time, not {', '.join(places)}", hint="KEY=VALUE sets anything else"
        )
    if places and not any(key.startswith(("data=", "experiment=")) for key in keys):
        keys = ["data=folder", *keys]
    spec = compose(keys, TrainSpec)
    return replace(spec, data=replace(spec.data, root=places[0])) if places else spec


def _statistics(found: DataStatistics) -> Table:
    named = {"channel mean": found.channel_means, "channel standard deviation": found.channel_stds}
    named |= {f"covariance, {c}": row for c, row in zip("RGB", found.covariance, strict=True)}
    rows: list[list[Any]] = [[name, *(round(x, 3) for x in row)] for name, row in named.items()]
    for i, (value, vector) in enumerate(zip(found.eigenvalues, found.components, strict=True), 1):
        rows.append([f"component {i}, eigenvalue {value:,.1f}", *(round(x, 4) for x in vector)])
    stdev = ", ".join(f"{x:.2f}" for x in found.noise["stdev"])
    eigenvalue = ", ".join(f"{x:.1f}" for x in found.noise["eigenvalue"])
    note = (
        f"{found.pictures:,} pictures of {found.size} px ({found.resize}); grey levels, 0 to 255. "
        f"Colour noise of sigma 0.1 along components 1, 2, 3: {stdev} grey levels as the 2012 code "
        f"has it (pca.scale=stdev), {eigenvalue} by the letter of section 4.1 "
        "(pca.scale=eigenvalue)"
    )
    return Table("statistics of the training set", ["quantity", "R", "G", "B"], rows, note=note)
