"""alexcli eval."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from alexcli.cli.shell import FormatOption, TenCrop, emit, split_words
from alexcli.errors import UsageError
from alexcli.render.tables import Format, percent, render
from alexcli.results import EvalResult, Evaluation, Table

What = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="RUN_OR_CKPT|KEY=VALUE",
        help="Runs or checkpoints, wildcards too (none: the newest finished run; several: also "
        "their averaged ensemble), and data.*, eval.*, placement.* or trainer.* keys.",
        show_default=False,
    ),
]
Which = Annotated[
    Literal["center", "ten", "all"] | None,
    typer.Option(
        help="center, ten (as --ten-crop), or all: both, side by side from one pass.",
        show_default="center",
    ),
]
PerClass = Annotated[
    bool, typer.Option("--per-class", help="Also each class's error and what it is taken for.")
]
Out = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Write results.json, results.csv, predictions.npz and, with --per-class, "
        "per_class.csv and confusion.png.",
    ),
]
Probabilities = Annotated[
    bool, typer.Option("--probabilities", help="predictions.npz holds all softmax outputs.")
]


def evaluate(
    what: What = None,
    ten_crop: TenCrop = False,
    protocols: Which = None,
    split: Annotated[Literal["val", "test"], typer.Option(help="Which held-out pictures.")] = "val",
    per_class: PerClass = False,
    out: Out = None,
    probabilities: Probabilities = False,
    runs: Annotated[Path, typer.Option(help="Where the newest run is looked for.")] = Path("runs"),
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Top-1 and top-5 error of trained nets, with the protocol beside the numbers.

    Examples:
        alexcli eval --ten-crop
        alexcli eval 'runs/quickstart/s*' --protocols all --per-class --out eval
        alexcli eval runs/quickstart/s0-* --format json
    """
    wanted = _protocols(ten_crop, protocols)
    _check_out(out, probabilities)
    names, overrides = split_words(what or [])
    from alexcli.render.progress import make_reporter
    from alexcli.run.evaluate import evaluate as run_evaluate
    from alexcli.run.processes import launched, speaks
    from alexcli.run.trained import choose, placed_spec

    reporter = make_reporter()
    chosen = choose(names, runs)
    # What the processes of a placement are started with.
    words = [*map(str, (path for _, path in chosen)), *overrides, "--split", split]
    words += ["--protocols", "all" if len(wanted) > 1 else wanted[0], "--format", format.value]
    words += ["--out", str(out)] if out else []
    words += ["--per-class"] * per_class + ["--probabilities"] * probabilities
    if launched(placed_spec(chosen[0][0], overrides), ["eval", *words]):
        return
    found = run_evaluate(
        chosen,
        reporter,
        split=split,
        protocols=wanted,
        overrides=overrides,
        classes=per_class,
        probabilities=probabilities,
    )
    if not speaks():
        return
    _show(found, format, per_class=per_class)
    if out is not None:
        for path in _write(found, out, per_class=per_class):
            reporter.note(f"wrote {path}")


def _show(found: Evaluation, format: Format, *, per_class: bool) -> None:  # noqa: A002
    numbers = format is Format.csv
    table = _numbers(found.results) if numbers else _table(found.results)
    emit(render(table, format, [asdict(one) for one in found.results]))
    if per_class and format is not Format.json:
        emit("\n" + render(_classes(found.results[-1], numbers=numbers), format, None))


def _write(found: Evaluation, out: Path, *, per_class: bool) -> list[Path]:
    """All files of --out; the classes are those of the last row."""
    from alexcli.render.confusion import MOST, draw_confusion
    from alexcli.run.predictions import confusion, save

    paths = save(out, found, _numbers(found.results))
    if per_class:
        last = found.results[-1]
        rows = render(_classes(last, numbers=True), Format.csv, None)
        paths.append(out / "per_class.csv")
        paths[-1].write_text(rows, encoding="utf-8")
        if len(found.classes) <= MOST:
            counts = confusion(found.predictions[-1], len(found.classes))
            title = f"{last.name}, {last.split}, {last.protocol['views']} views"
            paths.append(out / "confusion.png")
            draw_confusion(counts, found.names, title, paths[-1])
    return paths


def _protocols(ten_crop: bool, protocols: str | None) -> list[str]:
    if ten_crop and protocols == "center":
        raise UsageError(
            "--ten-crop and --protocols center contradict each other", hint="--protocols all"
        )
    if protocols == "all":
        return ["center", "ten"]
    return ["ten" if ten_crop else protocols or "center"]


def _check_out(out: Path | None, probabilities: bool) -> None:
    if probabilities and out is None:
        raise UsageError("--probabilities needs a place to write them", hint="--out DIR")
    if out is not None and (out.is_file() or out.suffix in (".csv", ".json", ".npz")):
        raise UsageError(
            f"--out {out} names a file; it takes a folder",
            hint=f"--out {out.with_suffix('')} writes results.csv, results.json, predictions.npz",
        )


def _numbers(found: list[EvalResult]) -> Table:
    """For machines: errors as fractions."""
    columns = ["name", "split", "top1_err", "top1_low", "top1_high", "top5_err", "loss", "n"]
    columns += ["calibration_error", "resize", "crop", "views", "checkpoint", "data"]
    rows = []
    for one in found:
        bounds = one.interval["top1_err"]
        assert bounds is not None
        known = vars(one) | one.protocol | {"top1_low": bounds.low, "top1_high": bounds.high}
        rows.append([known[name] for name in columns])
    return Table("evaluation", columns, rows)


def _table(found: list[EvalResult]) -> Table:
    """For people: what all rows share stands below."""
    rows = []
    for one in found:
        bounds = one.interval["top1_err"]
        assert bounds is not None
        rows.append(
            {
                "run": one.name,
                "top-1 error": percent(one.top1_err),
                "95% interval": f"{percent(bounds.low)} to {percent(bounds.high)}",
                "top-5 error": percent(one.top5_err),
                "loss": round(one.loss, 4),
                "ECE": percent(one.calibration_error),
                "n": one.n,
                "views": f"{one.protocol['views']} x {one.protocol['crop']} px",
            }
        )
    notes = [
        *(f"resize: {rule}" for rule in dict.fromkeys(one.protocol["resize"] for one in found)),
        f"data: {', '.join(dict.fromkeys(one.data for one in found))}",
        "interval: Wilson, of top-1; ECE: expected calibration error, 15 bins",
        *dict.fromkeys(one.note for one in found if one.note),
    ]
    return Table.of(f"evaluation on {found[0].split}", rows, "; ".join(notes))


def _classes(one: EvalResult, *, numbers: bool) -> Table:
    """Each class of one result; the worst first for people, in order for machines."""
    classes = one.per_class or []
    named = numbers or any(entry["class"] != entry["name"] for entry in classes)
    rows: list[dict[str, Any]] = []
    for entry in classes if numbers else sorted(classes, key=lambda e: -(e["top1_err"] or 0)):
        error = entry["top1_err"]
        rows.append(
            {
                "class": entry["class"],
                **({"name": entry["name"]} if named else {}),
                "n": entry["n"],
                **({"top1_err": error} if numbers else {"top-1 error": percent(error)}),
                "taken for": "; ".join(f"{c['with']} ({c['n']})" for c in entry["confused"]),
            }
        )
    pairs = [(c["n"], entry["class"], c["with"]) for entry in classes for c in entry["confused"]]
    most = sorted(pairs, key=lambda pair: -pair[0])[:5]
    note = ", ".join(f"{label} for {guess} ({n})" for n, label, guess in most)
    title = f"classes of {one.name}, {one.protocol['views']} views"
    return Table.of(title, rows, f"most confused, label for guess: {note}")
