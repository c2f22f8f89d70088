"""alexcli ablate."""

import json
import shlex
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alexcli.cli.shell import FormatOption, emit, split_words
from alexcli.errors import RunFailedError, UsageError, written
from alexcli.render.tables import Format, render
from alexcli.results import StudyResult, Table

if TYPE_CHECKING:
    from alexcli.run.launch import Job

SEEDS = 3


class Launch(Enum):
    """Where trainings run."""

    local = "local"
    slurm = "slurm"


What = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="STUDY|KEY=VALUE",
        help="Studies (--list), and what chooses their setting, such as experiment=ilsvrc2012.",
        show_default=False,
    ),
]


def ablate(
    what: What = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the studies.")] = False,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each arm.")] = SEEDS,
    jobs: Annotated[int, typer.Option(min=1, help="Trainings at a time.")] = 2,
    launch: Annotated[
        Launch, typer.Option(help="local: here, until all are done. slurm: submit and return.")
    ] = Launch.local,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Train nothing: show what is finished.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List the runs, with an estimate of their time.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write STUDY.json and STUDY.csv.")
    ] = None,
    format: FormatOption = Format.table,  # noqa: A002
) -> None:
    """Repeat an ablation of the paper and print its claim beside the measurement.

    Examples:
        alexcli ablate lrn
        alexcli ablate lrn pooling --seeds 5 --out results
        alexcli ablate lrn data=folder data.root=DIR --launch slurm trainer.precision=bf16
        alexcli ablate --list
    """
    if list_:
        _list(format)
        return
    names, words = split_words(what or [])
    if not names:
        raise UsageError("no study is named", hint="alexcli ablate lrn; --list names all")
    from alexcli.render.progress import make_reporter
    from alexcli.run.ablate import Ablation, train_all
    from alexcli.run.study import open_study

    reporter = make_reporter()
    ablation = Ablation([open_study(name, words) for name in dict.fromkeys(names)], seeds)
    failed: list[str] = []
    if dry_run:
        _plan(ablation.jobs(), format)
        return
    if launch is Launch.slurm and not report_only:
        from alexcli.run.launch import submit

        reporter.note(f"submitted {', '.join(submit(ablation.jobs()))}")
    elif not report_only:
        failed = train_all(ablation, jobs, reporter)
    found = ablation.results(reporter)
    _show(found, format)
    if out:
        typed = shlex.join([*words, f"--seeds={seeds}"])
        for path in _write(found, out, typed):
            reporter.note(f"wrote {path}")
    if failed:
        raise RunFailedError(
            f"{len(failed)} runs failed:\n" + "\n".join(failed),
            hint="the same command tries them again; finished ones stay finished",
        )


def _show(found: list[StudyResult], format: Format) -> None:  # noqa: A002
    from alexcli.render.studies import study_table

    if format is Format.json:
        emit(json.dumps([asdict(study) for study in found], indent=1) + "\n")
        return
    tables = [study_table(study, numbers=format is Format.csv) for study in found]
    emit("\n".join(render(table, format, None) for table in tables))


def _write(found: list[StudyResult], out: Path, typed: str) -> list[Path]:
    """STUDY.json, with the command and the machine, and STUDY.csv."""
    from alexcli.render.studies import study_table
    from alexcli.run.rundir import environment

    files = {}
    for study in found:
        record = asdict(study) | {"command": f"alexcli ablate {study.name} {typed}"}
        text = json.dumps(record | {"on": environment()}, indent=1) + "\n"
        files[out / f"{study.name}.json"] = text
        rows = render(study_table(study, numbers=True), Format.csv, None)
        files[out / f"{study.name}.csv"] = rows
    with written(f"--out {out}", hint="choose another folder; --report-only writes them again"):
        out.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content, encoding="utf-8")
    return list(files)


def _list(format: Format) -> None:  # noqa: A002
    """Studies with what they ask, claim and cost."""
    from alexcli.config import STUDIES, choices, describe
    from alexcli.run.study import cost, read_study

    files = {name: read_study(name) for name in choices(STUDIES)}
    rows = [
        {
            "study": name,
            "question": describe(STUDIES, name),
            "claim": file.claim,
            "trainings a seed": cost(file),
        }
        for name, file in files.items()
    ]
    emit(render(Table.of("studies", rows), format, rows))


def _plan(jobs: "list[Job]", format: Format) -> None:  # noqa: A002
    """The runs and their state; how long the new ones would take."""
    from alexcli.render.progress import duration
    from alexcli.run.launch import estimate

    found = estimate(jobs)
    rows = [
        {
            "run": job.name,
            "seed": job.spec.seed,
            "directory": str(job.run.path),
            "to go, alone": duration(seconds),
        }
        for job, seconds in found
    ]
    total = duration(sum(seconds for _, seconds in found))
    note = f"about {total} with every core for one run after another, from a few steps"
    emit(render(Table.of("runs", rows, note), format, rows))
