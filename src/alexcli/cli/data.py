"""alexcli data."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexcli.cli.arguments import split_arguments
from alexcli.cli.command import command, group
from alexcli.cli.options import FormatOption, Overrides
from alexcli.cli.output import check_not_input, emit, save_outputs, suggest
from alexcli.errors import UsageError, plural
from alexcli.records.analysis import TilesPanel
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format, render
from alexcli.reporter import NullReporter
from alexcli.tables import Table

if TYPE_CHECKING:
    from alexcli.schema import TrainSpec

STATS_SECTIONS = ("data", "experiment")
PREVIEW_SECTIONS = (*STATS_SECTIONS, "augment", "model", "seed")
"""First names of the keys, and groups, that `stats` and `preview` read."""

data = group("Prepare images once, and look at them.", "alexcli data list", "alexcli data stats")

PlaceAndOverrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[PLACE] [KEY=VALUE]...",
        help="A store or a folder of class folders, and data.* keys; "
        "without them, the embedded images.",
    ),
]


@command(data)
def prepare(
    source: str, dest: str, overrides: Overrides = None, *, format: FormatOption = Format.table
) -> None:
    """Decode and resize every image once. Repeat the same command to resume an interrupted one.

    Keys: size=256, resize=shorter|warp, kernel=bilinear|bicubic|lanczos|box, encoding=raw|jpeg,
    quality=95, on_error=fail|skip, max_pixels=N, depth=BITS, val_labels=FILE, download=true,
    root=DIR, processes=N.

    Args:
        source (SOURCE): A folder of photographs, or cifar10, cifar100 or imagenette by name.
        dest (DEST): A new folder, or one to resume.

    Examples:
        alexcli data prepare imagenet/ store/ encoding=jpeg
        alexcli data prepare cifar10 cifar10-store/ download=true
    """
    from alexcli.config.compose import compose
    from alexcli.data.prepare import prepare as prepare_store
    from alexcli.data.store_writer import REPORT
    from alexcli.render.output import as_text
    from alexcli.run.fitting_net import fitting_net
    from alexcli.schema import PrepareSpec

    reporter = make_reporter()
    analysis = prepare_store(source, dest, compose(overrides or [], PrepareSpec), reporter)
    if not analysis.data["worked"]:
        reporter.note(f"{dest} was finished before; nothing was done")
    skipped = analysis.data["skipped"]
    if skipped:
        reporter.warn(f"left out: {plural(skipped, 'image')}, see {Path(dest) / REPORT}")
    emit(as_text(analysis, format))
    net = fitting_net(analysis.data["size"])
    if net is None:
        reporter.note(f"images of {analysis.data['size']} pixels are too small for the nets here")
        return
    split_off = [] if "val" in analysis.data["counts"] else ["data.val=0.1"]
    suggest(reporter, ["train", "data=store", f"data.root={dest}", *split_off, *net])


@command(data)
def verify(store: str) -> None:
    """Read a whole store again and compare it with its manifest.

    Args:
        store (STORE): A folder, or an s3://, gs:// or https:// URL.

    Examples:
        alexcli data verify store/
        alexcli data verify s3://bucket/store
    """
    from contextlib import closing
    from functools import partial

    from alexcli.data.store_verify import verify as verify_store

    with closing(make_reporter()) as reporter:
        problems = verify_store(store, partial(reporter.progress, "verifying"))
    if problems:
        emit("".join(f"{problem}\n" for problem in problems))
        raise UsageError(
            f"{store} is damaged in {plural(len(problems), 'file')}",
            hint="prepare it again into another folder, or fetch these files again",
        )
    reporter.note(f"{store} is intact")


@command(data)
def stats(
    arguments: PlaceAndOverrides = None,
    *,
    out: Path | None = None,
    format: FormatOption = Format.table,
) -> None:
    """Show the mean image, channel means, RGB covariance and the strength of the colour noise.

    Args:
        out: Directory for mean.png and statistics.json.

    Examples:
        alexcli data stats
        alexcli data stats store/ --out figures/
    """
    from alexcli.render.output import as_text
    from alexcli.render.thumbnail import thumbnail
    from alexcli.run.data_report import statistics_of

    reporter = make_reporter()
    analysis = statistics_of(_spec("stats", arguments, STATS_SECTIONS), reporter)
    if out is not None:
        paths = [out / "mean.png", out / "statistics.json"]
        save_outputs(analysis, paths, reporter, f"--out {out}", "--out figures")
    emit(as_text(analysis, format))
    if format is Format.table and out is None:
        mean_image = analysis.panels[0]
        assert isinstance(mean_image, TilesPanel)
        emit(thumbnail(mean_image.tiles[0, 0]))


@command(data)
def preview(
    arguments: PlaceAndOverrides = None, *, index: int = 0, out: Path = Path("preview.png")
) -> None:
    """Draw what the net sees of an image: ten augmented views, mean image, colour components.

    Args:
        index: Number of the training image, from 0.
        out: Image file to write.

    Examples:
        alexcli data preview
        alexcli data preview store/ --index 7
    """
    from alexcli.run.data_report import preview_of

    spec = _spec("preview", arguments, PREVIEW_SECTIONS)
    check_not_input(out, [Path(spec.data.root)] if spec.data.root else [])
    analysis = preview_of(spec, index, make_reporter())
    save_outputs(analysis, [out], NullReporter(), f"--out {out}", "--out figures/name.png")
    emit(f"{out}\n")


@command(data)
def list_(*, format: FormatOption = Format.table) -> None:
    """List known sources: size, licence, how to get them.

    Examples:
        alexcli data list
        alexcli data list --format md
    """
    import csv
    from importlib.resources import files

    text = (files("alexcli.data") / "known.csv").read_text(encoding="utf-8")
    sources = list(csv.DictReader(text.splitlines()))
    emit(render(Table.from_records("sources", sources), format))


def _spec(command_name: str, arguments: list[str] | None, sections: Sequence[str]) -> "TrainSpec":
    """The configuration of `stats` and `preview`.

    Args:
        command_name: of the two.
        arguments: a store or a folder of class folders, and overrides; both may be missing.
        sections: what the command reads; a key of another is refused.
    """
    from dataclasses import replace

    from alexcli.config.compose import compose
    from alexcli.schema import Source, TrainSpec

    places, overrides = split_arguments(arguments or [])
    if len(places) > 1:
        raise UsageError(
            f"this command reads one store or folder at a time, not {', '.join(places)}",
            hint="anything else is set by KEY=VALUE",
        )
    if not places:
        spec = compose(overrides, TrainSpec)
        _check_effect(command_name, overrides, sections)
        return spec
    roots = [override for override in overrides if override.startswith("data.root=")]
    if roots:
        raise UsageError(f"{places[0]} and {roots[0]} name two places", hint="name one of them")
    if not any(override.startswith(("data=", "experiment=")) for override in overrides):
        overrides = ["data=folder", *overrides]
    spec = compose(overrides, TrainSpec)
    _check_effect(command_name, overrides, sections)
    if spec.data.source is Source.synthetic:
        raise UsageError(
            f"the embedded images are not in a folder, but {places[0]} is named",
            hint=f"leave {places[0]} out, or the overrides that choose the embedded images",
        )
    return replace(spec, data=replace(spec.data, root=places[0]))


def _check_effect(command_name: str, overrides: Sequence[str], sections: Sequence[str]) -> None:
    """Raise UsageError for a key that exists, and that the command does not read.

    Args:
        command_name: for the message.
        overrides: which compose.
        sections: what the command reads.
    """
    for override in overrides:
        section = override.lstrip("~").partition("=")[0].partition(".")[0]
        if section not in sections:
            read = ", ".join(sections)
            raise UsageError(
                f"{override} has no effect on `data {command_name}`, which reads {read}",
                hint=f"leave {override} out",
            )
