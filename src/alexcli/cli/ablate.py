"""alexcli ablate."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from alexcli.cli.arguments import one_of, split_arguments, typed_arguments
from alexcli.cli.options import ConfOption, FormatOption, Positive, use_conf
from alexcli.cli.output import check_writable, emit, save_outputs
from alexcli.cli.study_options import AUTO, auto_seeds, parse_seeds
from alexcli.errors import RunFailedError, UsageError, plural
from alexcli.records.analysis import Analysis
from alexcli.records.study import StudyResult
from alexcli.render.progress import duration, make_reporter
from alexcli.render.tables import Format, render
from alexcli.reporter import Reporter
from alexcli.tables import Table

if TYPE_CHECKING:
    from alexcli.ablation.jobs import Job
    from alexcli.ablation.plan import Ablation
    from alexcli.ablation.precision import AutoSeeds
    from alexcli.ablation.reuse import RecordedRuns

SECONDS_LEFT = "estimated_seconds_left_if_alone"
"""Column of --dry-run in csv and json: until a run is finished, if nothing else runs here."""


STUDY_COLUMNS = ("study", "question", "claim", "trainings a seed", "settings")
"""Columns of --list."""


OF_TRAININGS = (
    *("--seeds", "--precision", "--budget", "--setting", "--jobs"),
    *("--launch", "--report-only", "--dry-run", "--reuse"),
)
"""Options without effect where nothing is trained."""


def ablate(
    context: typer.Context,
    arguments: list[str] | None = None,
    *,
    list_: bool = False,
    recorded: Path | None = None,
    seeds: str = AUTO,
    precision: float | None = None,
    budget: str | None = None,
    setting: Literal["auto", "mechanism", "plain"] = "auto",
    jobs: Positive = 2,
    launch: str = "local",
    report_only: bool = False,
    dry_run: bool = False,
    reuse: Path | None = None,
    out: Path | None = None,
    conf: ConfOption = None,
    format: FormatOption = Format.table,
) -> None:
    """Repeat an ablation of the paper and print its claim beside the measurement.

    Each study has its own setting on embedded images, in which the mechanism behind its claim can
    show. A group such as experiment= or data= chooses another setting.

    Args:
        arguments (STUDY|KEY=VALUE): Studies (see --list; depth/no_conv3,no_conv4 takes only these
            arms of depth), and overrides that choose their setting, such as experiment=ilsvrc2012.
        list_: List the studies.
        seeds (auto|N): Runs of each arm. auto: four, then as many as --precision requires.
        precision (POINTS): For --seeds auto: half-width of a 95% interval; 0.5 or the study's own.
        budget (TIME): For --seeds auto: minutes (or 2h, 3d) to start trainings in; 15 for each arm.
        setting: On embedded images: the study's own (mechanism) or the quick start's (plain).
        jobs: Trainings at a time.
        launch (local|slurm): local: train here until all are finished. slurm: submit and return.
        report_only: Train nothing: show what is finished.
        dry_run: List the runs, each with its estimated time if the study runs alone.
        recorded (DIR): Show the studies that --out wrote into a folder, as one table and figure.
        reuse (DIR): Folder that --out wrote; runs that are recorded there are not trained again.
        out (DIR): Write STUDY-SETTING.json and .csv; SETTING is the label of a setting of your own.

    Examples:
        alexcli ablate lrn --setting plain --precision 0.3 --budget 1h
        alexcli ablate lrn pooling --seeds 5 --out results
        alexcli ablate lrn --seeds 12 --reuse results --out results
        alexcli ablate lrn data=folder data.root=DIR --launch slurm trainer.precision=bf16
        alexcli ablate --recorded results --format md
    """
    use_conf(conf)
    if list_ or recorded:
        _print_overview(typed_arguments(context), recorded, arguments or [], format, out)
        return
    _check_words(arguments or [], launch, out, dry_run=dry_run)
    auto = auto_seeds(parse_seeds(seeds), precision, budget)
    ablation = _open_studies(arguments or [], parse_seeds(seeds), setting, reuse)
    if dry_run:
        emit(_run_list(ablation.jobs(), auto, format))
        return
    failures = [] if report_only else _train(ablation, auto, launch, jobs)
    _show(ablation, auto, jobs, format, out)
    _check_failures(failures)


def _check_overview(typed: Sequence[str]) -> None:
    """UsageError for options that have no effect where nothing is trained.

    Args:
        typed: the words of the command line.
    """
    options = [word.partition("=")[0] for word in typed]
    mode = "--list" if "--list" in options else "--recorded"
    of_recorded = () if mode == "--recorded" else ("--recorded", "--out")
    others = [option for option in options if option in (*OF_TRAININGS, *of_recorded)]
    if others:
        verb = "has" if len(others) == 1 else "have"
        raise UsageError(
            f"{', '.join(others)} {verb} no effect with {mode}, which trains nothing",
            hint=f"leave out {mode} or {others[0]}",
        )


def _open_studies(
    arguments: Sequence[str], seeds: int | None, setting: str, reuse: Path | None
) -> "Ablation":
    """The studies that a command line names, with all seeds that are planned so far."""
    names, overrides = split_arguments(arguments)
    if not names:
        raise UsageError("no study is named", hint="alexcli ablate lrn; --list names all")
    from alexcli.ablation.reuse import read_recorded_runs

    recorded = read_recorded_runs(reuse) if reuse else None
    from alexcli.ablation.plan import Ablation  # torch, which takes seconds to import

    ablation = Ablation(names, overrides, seeds, setting, recorded)
    ablation.add_finished_seeds()
    if recorded is not None:
        make_reporter().note(_reuse_note(ablation.jobs(), recorded, reuse))
    return ablation


def _reuse_note(jobs: "Sequence[Job]", recorded: "RecordedRuns", folder: Path | None) -> str:
    """How many of the runs are recorded in the folder; if none are, what was recorded instead."""
    count = sum(job.recorded is not None for job in jobs)
    note = f"{count:,} of {plural(len(jobs), 'run')} are recorded in {folder}"
    if count:
        return note
    if all(job.finished for job in jobs):
        return f"all {plural(len(jobs), 'run')} are finished here"
    note += ": other seeds, configurations or images, or studies that need the trained nets"
    studies = {job.name.partition("/")[0] for job in jobs}
    commands = [record.command for record in recorded.records.values() if record.command]
    of_same_studies = [command for command in commands if studies & set(command.split())]
    return "\n".join([note, *(f"recorded was {command}" for command in of_same_studies)])


def _check_words(arguments: Sequence[str], launch: str, out: Path | None, *, dry_run: bool) -> None:
    """UsageError for a study, launcher or folder that does not exist, before torch is imported."""
    _check_out(out, dry_run=dry_run)
    from alexcli.ablation.launchers import LAUNCHERS
    from alexcli.config.files import STUDIES, choices

    names, overrides = split_arguments(arguments)
    for name in names:
        one_of("study", name.partition("/")[0], choices(STUDIES), "alexcli ablate --list")
    one_of("launcher", launch, ["local", *LAUNCHERS], "alexcli ablate --help")
    if any(override.startswith("data.root=") for override in overrides):
        from alexcli.config.compose import compose
        from alexcli.run.early import check_root
        from alexcli.schema import TrainSpec

        check_root(compose(overrides, TrainSpec), make_reporter())


def _train(ablation: "Ablation", auto: "AutoSeeds | None", launch: str, jobs: int) -> list[str]:
    """Train here, or hand the trainings over; the logs of those that failed here."""
    reporter = make_reporter()
    from alexcli.ablation.launchers import submit
    from alexcli.ablation.training import add_missing_seeds, train_all, train_until_precise

    if launch != "local":
        if auto is not None and all(job.finished for job in ablation.jobs()):
            add_missing_seeds(ablation, auto, reporter)
        submit(launch, ablation.jobs(), reporter)
        return []
    if auto is not None:
        return train_until_precise(ablation, auto, jobs, reporter)
    return train_all(ablation, jobs, reporter)


def _print_overview(
    typed: Sequence[str],
    recorded: Path | None,
    arguments: Sequence[str],
    format: Format,
    out: Path | None,
) -> None:
    """All studies, or those that are recorded in a folder; UsageError for words beside that."""
    _check_overview(typed)
    option = "--list" if recorded is None else f"--recorded {recorded}"
    if arguments:
        raise UsageError(
            f"{option} shows every study and takes no arguments: {', '.join(arguments)}",
            hint=f"alexcli ablate {option}",
        )
    if recorded is None:
        emit(render(_study_list(), format))
        return
    from alexcli.ablation.forest import overview_panels
    from alexcli.ablation.recorded import read_studies
    from alexcli.render.studies import overview

    studies = read_studies(recorded)
    table = overview(studies)
    emit(render(table, format))
    if out is not None:
        analysis = Analysis("", [table], overview_panels(studies))
        paths = [out / f"recorded{ending}" for ending in (".csv", ".png", ".svg")]
        hint = "choose another folder"
        save_outputs(analysis, paths, make_reporter(), f"--out {out}", hint)


def _check_out(out: Path | None, *, dry_run: bool) -> None:
    """UsageError for a place of results that cannot be one, before anything is trained."""
    if out is None:
        return
    if dry_run:
        raise UsageError(
            f"--out {out} has no effect with --dry-run, which has no results",
            hint="--format csv or --format json prints the list of runs for other programs",
        )
    check_writable(out)


def _check_failures(failures: Sequence[str]) -> None:
    """RunFailedError with the logs of the runs that failed."""
    if failures:
        logs = "\n".join(failures)
        raise RunFailedError(
            f"{plural(len(failures), 'run')} failed:\n{logs}",
            hint="the same command tries them again; finished ones stay finished",
        )


def _show(
    ablation: "Ablation", auto: "AutoSeeds | None", jobs: int, format: Format, out: Path | None
) -> None:
    """Print what is finished, and write it to --out."""
    reporter = make_reporter()
    from alexcli.ablation.results import study_results
    from alexcli.render.output import as_text
    from alexcli.render.studies import study_table

    studies = study_results(ablation, reporter, auto, jobs)
    tables = [study_table(study) for study in studies]
    emit(as_text(Analysis("", tables, data=[asdict(study) for study in studies]), format))
    if out is not None:
        _save_studies(ablation, studies, out, reporter)


def _save_studies(
    ablation: "Ablation", studies: Sequence[StudyResult], out: Path, reporter: Reporter
) -> None:
    """Write STUDY-SETTING.json, with the command and the machine, and STUDY-SETTING.csv."""
    from alexcli.ablation.recorded import file_name
    from alexcli.render.studies import study_table
    from alexcli.run.environment import describe_environment

    hint = "choose another folder; --report-only writes them again"
    for study in studies:
        record = asdict(study)
        record["command"] = ablation.command(study.name)
        record["on"] = describe_environment()
        paths = [out / f"{file_name(study)}{ending}" for ending in (".json", ".csv")]
        analysis = Analysis("", [study_table(study)], data=record)
        save_outputs(analysis, paths, reporter, f"--out {out}", hint)


def _study_list() -> Table:
    """Studies with what they ask, claim and cost."""
    from alexcli.ablation.study import read_study, settings_of, trainings_per_seed
    from alexcli.config.files import STUDIES, choices, describe

    rows: list[dict[str, Any]] = []
    for name in choices(STUDIES):
        try:
            definition = read_study(name)
        except UsageError as error:  # a file of the user's, which does not hide the others
            row = dict.fromkeys(STUDY_COLUMNS, "")
            rows.append({**row, "study": name, "question": f"not valid: {error.message}"})
            continue
        rows.append(
            {
                "study": name,
                "question": describe(STUDIES, name),
                "claim": definition.claim,
                "trainings a seed": trainings_per_seed(definition),
                "settings": ", ".join(settings_of(definition)),
            }
        )
    note = (
        "settings: mechanism (embedded images in which the effect can show; the default) and plain "
        "(those of the quick start) by --setting, CIFAR-10 by experiment=cifar_ablation "
        "data.root=DIR, ILSVRC by experiment=ilsvrc2012 data.root=DIR; trainings a seed: one less "
        "where an arm is the setting's own baseline"
    )
    return Table.from_records("studies", rows, note)


def _run_list(jobs: "Sequence[Job]", auto: "AutoSeeds | None", format: Format) -> str:
    """The runs, and how long the unfinished ones would take if nothing else ran here.

    Raises:
        UsageError: a budget was typed that is shorter.
    """
    from alexcli.ablation.training import check_pilot, seconds_of_trainings

    seconds_of = seconds_of_trainings([job for job in jobs if not job.finished])
    exact_rows: list[dict[str, Any]] = [
        {
            "run": job.name,
            "seed": job.spec.seed,
            "directory": f"in {job.recorded.file}" if job.recorded else str(job.run.path),
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
    seconds_left = sum(row[SECONDS_LEFT] for row in exact_rows)
    if auto is not None and auto.minutes is not None:
        check_pilot(sum(not job.finished for job in jobs), seconds_left / 60, auto.minutes)
    note = (
        "estimated time left: from a few steps, if the study runs alone on this machine; "
        f"about {duration(seconds_left)} for all runs, one after another"
    )
    table = Table.from_records("runs", rows, note, exact=Table.from_records("runs", exact_rows))
    return render(table, format, exact_rows)
