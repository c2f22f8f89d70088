"""alexcli predict."""

from pathlib import Path
from typing import Annotated

import typer

from alexcli.cli.shell import FormatOption, Runs, TenCrop, emit, keep
from alexcli.errors import UsageError
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format

Top = Annotated[int | None, typer.Option(min=1, show_default="5")]
FIGURES = (".png", ".svg", ".pdf")


def predict(
    images: list[Path],
    *,
    run: str | None = None,
    top: Top = None,
    ten_crop: TenCrop = False,
    labels: Path | None = None,
    out: Path | None = None,
    runs: Runs = Path("runs"),
    format: FormatOption = Format.table,
) -> None:
    """What a trained net sees in pictures of yours.

    Args:
        images (IMAGE...): Pictures, or folders of them.
        run (RUN_OR_CKPT): Which net; none: the newest finished run.
        top: How many labels.
        labels (FILE): True labels, a line each: LABEL or FILE LABEL; names of classes, or numbers
            from 0 or from 1. Without it, a folder called as a class gives the label.
        out (FIGURE.png): Draw Figure 4 (left) of the paper.

    Examples:
        alexcli predict cat.jpg
        alexcli predict DIR --ten-crop --top 3 --out figure4.png
    """
    if out is not None and out.suffix.lower() not in FIGURES:
        raise UsageError.of("predict.figure", out=out, figures=FIGURES)
    from alexcli.render.evaluations import guesses
    from alexcli.render.figures import as_text
    from alexcli.run.evaluate import find_pictures
    from alexcli.run.evaluate import predict as run_predict
    from alexcli.run.trained import choose, load

    files = find_pictures(images)
    reporter = make_reporter()
    chosen = choose([run] if run else [], runs, ("train", "import"))
    if len(chosen) > 1:
        raise UsageError.of("predict.many_runs", run=run, chosen=chosen, first=chosen[0][1])
    trained = load(*chosen[0])
    found = run_predict(trained, files, reporter, top=top, ten_crop=ten_crop, labels=labels)
    shown = guesses(found, f"{trained.name}, {'ten crops' if ten_crop else 'centre crop'}")
    emit(as_text(shown, format))
    if out is not None:
        keep(shown, [out], reporter, f"--out {out}", "choose another place")
