"""alexcli ablate."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alexcli.cli.arguments import one_of, split_arguments
from alexcli.cli.options import FormatOption, Positive
from alexcli.cli.output import emit, save_outputs
from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.records.analysis import Analysis
from alexcli.records.study import StudyResult
from alexcli.render.progress import duration, make_reporter
from alexcli.render.tables import Format, render
from alexcli.reporter import Reporter
from alexcli.tables import Table

if TYPE_CHECKING:
    from alexcli.ablation.jobs import Job

SEEDS = 3
SECONDS_LEFT = "estimated_seconds_left_if_alone"
"""Of --dry-run in csv and json: until a run is finished, if nothing else runs on this machine."""


def ablate(
    arguments: list[str] | None = None,
    *,
    list_: bool = False,
    seeds: Positive = SEEDS,
    jobs: Positive = 2,
    launch: str = "local",
    report_only: bool = False,
    dry_run: bool = False,
    out: Path | None = None,
    format: FormatOption = Format.table,
) -> None:
    """Repeat an ablation of the paper and print its claim beside the measurement.

    Args:
        arguments (STUDY|KEY=VALUE): Studies (--list names them), and what chooses their setting,
            such as experiment=ilsvrc2012.
        list_: List the studies.
        seeds: Runs of each arm.
        jobs: Trainings at a time.
        launch (local|slurm): local: train here until all are finished. slurm: submit and return.
        report_only: Train nothing: show what is finished.
        dry_run: List the runs, each with the estimated time left if the study runs alone on this
            machine.
        out (DIR): Write STUDY.json and STUDY.csv.

    Examples:
        alexcli ablate lrn
        alexcli ablate lrn pooling --seeds 5 --out results
        alexcli ablate lrn data=folder data.root=DIR --launch slurm trainer.precision=bf16
        alexcli ablate --list
    """
    if list_:
        _check_list(arguments or [])
        emit(render(_study_list(), format))
        return
    names, overrides = split_arguments(arguments or [])
    if not names:
        raise UsageError("no study is named", hint="alexcli ablate lrn; --list names all")
    _check_out(out, dry_run=dry_run)
    from alexcli.ablation.launchers import LAUNCHERS, submit
    from alexcli.ablation.plan import Ablation, train_all
    from alexcli.ablation.results import study_results

    one_of("launcher", launch, ["local", *LAUNCHERS])
    reporter = make_reporter()
    ablation = Ablation(names, overrides, seeds)
    if dry_run:
        emit(_run_list(ablation.jobs(), format))
        return
    failures: list[str] = []
    if launch != "local" and not report_only:
        reporter.note(f"submitted {', '.join(submit(launch, ablation.jobs()))}")
    elif not report_only:
        failures = train_all(ablation, jobs, reporter)
    studies = study_results(ablation, reporter)
    _print_studies(studies, format)
    if out is not None:
        _save_studies(studies, ablation.arguments, out, reporter)
    _check_failures(failures)


def _check_list(arguments: Sequence[str]) -> None:
    """UsageError for words beside --list, which lists all studies."""
    if arguments:
        raise UsageError(
            f"--list shows every study and takes no arguments: {', '.join(arguments)}",
            hint="alexcli ablate --list",
        )


def _check_out(out: Path | None, *, dry_run: bool) -> None:
    """UsageError for a place of results that cannot be one, before anything is trained."""
    if out is None:
        return
    if dry_run:
        raise UsageError(
            f"--out {out} has no effect with --dry-run, which has no results",
            hint="--format csv or --format json prints the list of runs for other programs",
        )
    if out.exists() and not out.is_dir():
        raise UsageError(f"--out {out} is not a folder", hint="choose a folder, new or not")


def _check_failures(failures: Sequence[str]) -> None:
    """RunFailedError with the logs of the runs that failed."""
    if failures:
        logs = "\n".join(failures)
        raise RunFailedError(
            f"{plural(len(failures), 'run')} failed:\n{logs}",
            hint="the same command tries them again; finished ones stay finished",
        )


def _print_studies(studies: Sequence[StudyResult], format: Format) -> None:
    from alexcli.render.output import as_text
    from alexcli.render.studies import study_table

    tables = [study_table(study) for study in studies]
    emit(as_text(Analysis("", tables, data=[asdict(study) for study in studies]), format))


def _save_studies(
    studies: Sequence[StudyResult], arguments: str, out: Path, reporter: Reporter
) -> None:
    """Write STUDY.json, with the command and the machine, and STUDY.csv."""
    from alexcli.render.studies import study_table
    from alexcli.run.environment import describe_environment

    hint = "choose another folder; --report-only writes them again"
    for study in studies:
        record = asdict(study)
        record["command"] = f"alexcli ablate {study.name} {arguments}"
        record["on"] = describe_environment()
        paths = [out / f"{study.name}.json", out / f"{study.name}.csv"]
        analysis = Analysis("", [study_table(study)], data=record)
        save_outputs(analysis, paths, reporter, f"--out {out}", hint)


def _study_list() -> Table:
    """Studies with what they ask, claim and cost."""
    from alexcli.ablation.study import read_study, trainings_per_seed
    from alexcli.config.files import STUDIES, choices, describe

    rows = []
    for name in choices(STUDIES):
        definition = read_study(name)
        rows.append(
            {
                "study": name,
                "question": describe(STUDIES, name),
                "claim": definition.claim,
                "trainings a seed": trainings_per_seed(definition),
            }
        )
    return Table.from_records("studies", rows)


def _run_list(jobs: "Sequence[Job]", format: Format) -> str:
    """The runs, and how long the unfinished ones would take if nothing else ran here."""
    from alexcli.run.timing import seconds_per_epoch

    seconds_of = {
        job.name: seconds_per_epoch(job.spec) * job.spec.optim.epochs
        for job in jobs
        if not job.finished
    }
    exact_rows: list[dict[str, Any]] = [
        {
            "run": job.name,
            "seed": job.spec.seed,
            "directory": str(job.run.path),
            SECONDS_LEFT: 0.0 if job.finished else seconds_of[job.name],
        }
        for job in jobs
    ]
    rows = [
        {
            "run": row["run"],
            "seed": row["seed"],
            "directory": row["directory"],
            "estimated time left": duration(row[SECONDS_LEFT]),
        }
        for row in exact_rows
    ]
    total = duration(sum(row[SECONDS_LEFT] for row in exact_rows))
    note = (
        "estimated time left: from a few steps, if the study runs alone on this machine; "
        f"about {total} for all runs, one after another"
    )
    table = Table.from_records("runs", rows, note, exact=Table.from_records("runs", exact_rows))
    return render(table, format, exact_rows)
