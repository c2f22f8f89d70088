"""alexcli ablate."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from alexcli.cli.shell import FormatOption, Positive, emit, keep, split_words
from alexcli.errors import RunFailedError, UsageError
from alexcli.render.progress import duration, make_reporter
from alexcli.render.tables import Format, render
from alexcli.results import Analysis, Reporter, StudyResult, Table

if TYPE_CHECKING:
    from alexcli.run.ablate import Job

SEEDS = 3


def ablate(
    what: list[str] | None = None,
    *,
    list_: bool = False,
    seeds: Positive = SEEDS,
    jobs: Positive = 2,
    launch: Literal["local", "slurm"] = "local",
    report_only: bool = False,
    dry_run: bool = False,
    out: Path | None = None,
    format: FormatOption = Format.table,
) -> None:
    """Repeat an ablation of the paper and print its claim beside the measurement.

    Args:
        what (STUDY|KEY=VALUE): Studies (--list), and what chooses their setting, such as
            experiment=ilsvrc2012.
        list_: Name the studies.
        seeds: Runs of each arm.
        jobs: Trainings at a time.
        launch: local: here, until all are done. slurm: submit and return.
        report_only: Train nothing: show what is finished.
        dry_run: List the runs, with an estimate of their time.
        out (DIR): Write STUDY.json and STUDY.csv.

    Examples:
        alexcli ablate lrn
        alexcli ablate lrn pooling --seeds 5 --out results
        alexcli ablate lrn data=folder data.root=DIR --launch slurm trainer.precision=bf16
        alexcli ablate --list
    """
    if list_:
        emit(render(_studies(), format))
        return
    names, words = split_words(what or [])
    if not names:
        raise UsageError.of("ablate.no_name")
    from alexcli.run.ablate import Ablation, submit, train_all

    reporter, failed = make_reporter(), list[str]()
    ablation = Ablation(names, words, seeds)
    if dry_run:
        emit(render(_plan(ablation.jobs()), format))
        return
    if launch == "slurm" and not report_only:
        reporter.note(f"submitted {', '.join(submit(ablation.jobs()))}")
    elif not report_only:
        failed = train_all(ablation, jobs, reporter)
    _show(ablation.results(reporter), out, format, reporter, ablation.typed)
    if failed:
        raise RunFailedError.of("ablate.failed", failed=failed, logs="\n".join(failed))


def _show(
    found: list[StudyResult], out: Path | None, format: Format, reporter: Reporter, typed: str
) -> None:
    """Print, and write STUDY.json, with the command and the machine, and STUDY.csv."""
    from alexcli.render.figures import as_text
    from alexcli.render.studies import study_table
    from alexcli.run.rundir import environment

    tables, records = [study_table(study) for study in found], [asdict(study) for study in found]
    emit(as_text(Analysis("", tables, data=records), format))
    if out is None:
        return
    hint = "choose another folder; --report-only writes them again"
    for table, record in zip(tables, records, strict=True):
        command = f"alexcli ablate {record['name']} {typed}"
        made = Analysis("", [table], data=record | {"command": command, "on": environment()})
        paths = [out / f"{record['name']}.{ending}" for ending in ("json", "csv")]
        keep(made, paths, reporter, f"--out {out}", hint)


def _studies() -> Table:
    """Studies with what they ask, claim and cost."""
    from alexcli.config import STUDIES, choices, describe
    from alexcli.run.study import cost, read_study

    rows = []
    for name in choices(STUDIES):
        file = read_study(name)
        row = {"study": name, "question": describe(STUDIES, name), "claim": file.claim}
        rows.append(row | {"trainings a seed": cost(file)})
    return Table.of("studies", rows)


def _plan(jobs: "list[Job]") -> Table:
    """The runs and their state; how long the new ones would take."""
    from alexcli.run.train import seconds_per_epoch

    new = {job.name: job.spec for job in jobs if not job.finished}
    took = {name: seconds_per_epoch(spec) * spec.optim.epochs for name, spec in new.items()}
    rows, total = [], 0.0
    for job in jobs:
        seconds = 0 if job.finished else took[job.name]
        row = {"run": job.name, "seed": job.spec.seed, "directory": str(job.run.path)}
        rows.append(row | {"to go, alone": duration(seconds)})
        total += seconds
    note = f"about {duration(total)} with every core for one run after another, from a few steps"
    return Table.of("runs", rows, note)
