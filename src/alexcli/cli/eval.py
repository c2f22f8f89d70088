"""alexcli eval."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from alexcli.cli.arguments import split_arguments, typed_arguments
from alexcli.cli.options import ConfOption, FormatOption, Runs, TenCrop, use_conf
from alexcli.cli.output import check_writable, save_outputs, show, suggest
from alexcli.errors import UsageError
from alexcli.records.analysis import Analysis
from alexcli.records.evaluation import Evaluation
from alexcli.render.progress import make_reporter
from alexcli.render.tables import Format
from alexcli.reporter import Reporter
from alexcli.run_files import DEFAULT_RUNS

if TYPE_CHECKING:  # torch would slow down every --help
    from alexcli.run.find import RunCheckpoint

Protocols = Annotated[Literal["center", "ten", "all"] | None, typer.Option(show_default="center")]

PROTOCOLS = {"center": ["center"], "ten": ["ten"], "all": ["center", "ten"]}
"""What each choice of --protocols evaluates."""


def eval_(
    context: typer.Context,
    arguments: list[str] | None = None,
    *,
    ten_crop: TenCrop = False,
    protocols: Protocols = None,
    split: Literal["train", "val", "test"] = "val",
    per_class: bool = False,
    out: Path | None = None,
    probabilities: bool = False,
    runs: Runs = DEFAULT_RUNS,
    conf: ConfOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Measure the top-1 and top-5 errors of trained nets.

    By default, the newest finished run is evaluated. Several are also averaged as an ensemble.

    Args:
        arguments (RUN_OR_CKPT|KEY=VALUE): Run directories, checkpoints or wildcards, and overrides
            of data.*, eval.*, placement.* or trainer.*.
        protocols: Views to average: center, ten (same as --ten-crop), or all (both, from one pass).
        split: Images to evaluate; those of train without random crops and noise.
        per_class: Also show the error of each class and the classes that it is most confused with.
        out (DIR): Write results.json, results.csv, predictions.npz and, with --per-class,
            per_class.csv and confusion.png.
        probabilities: Store all softmax outputs in predictions.npz.

    Examples:
        alexcli eval --ten-crop
        alexcli eval 'runs/quickstart/s*' --protocols all --per-class --out eval
        alexcli eval 'runs/quickstart/s0-*' --format json
    """
    protocol = _protocol(ten_crop, protocols)
    _check_outputs(out, probabilities)
    names, overrides = split_arguments(arguments or [])
    use_conf(conf)
    checkpoints = _checkpoints(names, runs, overrides)
    from alexcli.run.evaluate import evaluate  # torch, which takes seconds to import
    from alexcli.run.processes import enter_worker, needs_workers, run_workers
    from alexcli.run.trained import eval_config

    reporter = make_reporter()
    spec = eval_config(checkpoints[0].run, overrides)
    if needs_workers(spec):
        reporter.close()
        run_workers(spec, _worker_arguments(typed_arguments(context), names, checkpoints))
        return
    enter_worker(spec)
    evaluation = evaluate(
        checkpoints,
        reporter,
        split,
        PROTOCOLS[protocol],
        overrides,
        per_class=per_class,
        probabilities=probabilities,
    )
    _leave(evaluation, out, format, reporter)
    _note_next(checkpoints, split, overrides, reporter)


def _checkpoints(
    names: Sequence[str], runs: Path, overrides: Sequence[str]
) -> "list[RunCheckpoint]":
    """The nets that are named; UsageError, before torch is imported, for words that do not fit."""
    from alexcli.run.early import check_evaluation
    from alexcli.run.find import find_checkpoints

    checkpoints = find_checkpoints(names, runs)
    check_evaluation(checkpoints, overrides)
    return checkpoints


def _protocol(ten_crop: bool, protocols: str | None) -> str:
    """The choice of --protocols; UsageError if --ten-crop contradicts it."""
    if ten_crop and protocols == "center":
        raise UsageError(
            "--ten-crop and --protocols center contradict each other", hint="--protocols all"
        )
    if protocols is not None:
        return protocols
    return "ten" if ten_crop else "center"


def _check_outputs(out: Path | None, probabilities: bool) -> None:
    """UsageError if --out names a file, or --probabilities has no place to go to."""
    if out is None:
        if probabilities:
            raise UsageError("--probabilities needs a place to write them", hint="--out DIR")
        return
    if out.is_file() or out.suffix in (".csv", ".json", ".npz"):
        raise UsageError(
            f"--out {out} names a file; it takes a folder",
            hint=f"--out {out.with_suffix('')} writes results.csv, results.json, predictions.npz",
        )
    check_writable(out)


def _worker_arguments(
    typed: Sequence[str], names: Sequence[str], checkpoints: "Sequence[RunCheckpoint]"
) -> list[str]:
    """The command line of the processes that a placement takes: what the user typed.

    If no run was named, the newest one is added, because another may have finished by the time
    that these processes look.
    """
    if names:
        return list(typed)
    return [*typed, *(str(checkpoint.path) for checkpoint in checkpoints)]


def _leave(evaluation: Evaluation, out: Path | None, format: Format, reporter: Reporter) -> None:
    """Part from the other processes, if there are any; the main one shows the results."""
    from alexcli.run.worker import is_main_process, leave_process_group

    leave_process_group()
    if is_main_process():
        _show(evaluation, out, format, reporter)


def _note_next(
    checkpoints: "Sequence[RunCheckpoint]", split: str, overrides: Sequence[str], reporter: Reporter
) -> None:
    """How to finish what is not, and how to look inside a net that was evaluated alone.

    An analysis shows images of `val`, which data that the overrides name may lack.
    """
    from alexcli.run.worker import is_main_process

    if not is_main_process():
        return
    for run, path in checkpoints:
        if path == run.last and not run.result_file.exists():
            reporter.note(f"{run.name} is not finished: repeat its train command to resume it")
    if len(checkpoints) == 1 and (split == "val" or not overrides):
        run = checkpoints[0].run
        arguments = [*overrides, "--run", str(run.path), "--out", "figures"]
        suggest(reporter, ["analyze", "predictions", *arguments])


def _show(evaluation: Evaluation, out: Path | None, format: Format, reporter: Reporter) -> None:
    """Print the errors, and write all files of --out."""
    from alexcli.render.evaluations import class_analysis, error_analysis

    errors = error_analysis(evaluation)
    classes = None
    if evaluation.results[-1].per_class is not None:
        classes = class_analysis(evaluation)
    tables = [*errors.tables, *(classes.tables if classes else [])]
    if format is Format.csv:  # one table: that which --per-class asks for
        tables.reverse()
    shown = Analysis(errors.title, tables, data=errors.data)  # json has the classes in each row
    show(shown, format, reporter, "--out DIR or --format json")
    if out is None:
        return
    hint = "choose another folder: --out DIR"
    files = [out / name for name in ("results.json", "results.csv", "predictions.npz")]
    save_outputs(errors, files, reporter, f"--out {out}", hint)
    if classes is not None:
        files = [out / "per_class.csv"]
        if classes.panels:
            files.append(out / "confusion.png")
        save_outputs(classes, files, reporter, f"--out {out}", hint)
