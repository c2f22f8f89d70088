"""alexcli predict."""

from pathlib import Path
from typing import Annotated, Any

import typer

from alexcli.cli.shell import FormatOption, TenCrop, emit
from alexcli.errors import UsageError
from alexcli.render.tables import Format, render
from alexcli.results import Prediction, Table

FIGURES = (".png", ".svg", ".pdf")


def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="Pictures, or folders of them.")
    ],
    run: Annotated[
        str | None,
        typer.Option(metavar="RUN_OR_CKPT", help="Which net; none: the newest finished run."),
    ] = None,
    top: Annotated[
        int | None, typer.Option(min=1, help="How many labels.", show_default="5")
    ] = None,
    ten_crop: TenCrop = False,
    labels: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="True labels, a line each: LABEL or FILE LABEL; names of classes, or numbers from "
            "0 or from 1. Without it, a folder called as a class gives the label.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FIGURE.png", help="Draw Figure 4 (left) of the paper.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Where the newest run is looked for.")] = Path("runs"),
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """What a trained net sees in pictures of yours.

    Examples:
        alexcli predict cat.jpg
        alexcli predict DIR --ten-crop --top 3 --out figure4.png
    """
    if out is not None and out.suffix.lower() not in FIGURES:
        raise UsageError(f"--out {out} is none of {', '.join(FIGURES)}", hint=f"--out {out}.png")
    from alexcli.render.predictions import bars, draw
    from alexcli.render.progress import make_reporter
    from alexcli.run.evaluate import find_pictures
    from alexcli.run.evaluate import predict as run_predict
    from alexcli.run.trained import choose, load

    files = find_pictures(images)
    reporter = make_reporter()
    chosen = choose([run] if run else [], runs, ("train", "import"))
    if len(chosen) > 1:
        raise UsageError(f"--run {run} means {len(chosen)} runs", hint=f"--run {chosen[0][1]}")
    trained = load(*chosen[0])
    found = run_predict(trained, files, reporter, top=top, ten_crop=ten_crop, labels=labels)
    data = [_record(one) for one in found]
    rows = [_row(one, rank + 1) for one in data for rank in range(len(one["top"]))]
    table = Table.of("predictions", rows)
    emit(bars(found) if format is Format.table else render(table, format, data))
    if out is not None:
        draw(found, f"{trained.name}, {'ten crops' if ten_crop else 'centre crop'}", out)
        reporter.note(f"wrote {out}")


def _record(one: Prediction) -> dict[str, Any]:
    top = [{"class": guess.class_, "name": guess.name, "p": guess.p} for guess in one.guesses]
    return {"file": one.file, "label": one.label, "top": top}


def _row(one: dict[str, Any], rank: int) -> dict[str, Any]:
    return {"file": one["file"], "label": one["label"], "rank": rank, **one["top"][rank - 1]}
