"""alexcli train."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from alexcli.cli.arguments import typed_arguments
from alexcli.cli.options import ConfOption, Hidden, Overrides, use_conf
from alexcli.cli.output import emit, suggest
from alexcli.errors import UsageError, plural
from alexcli.records.training import TrainResult
from alexcli.render.progress import make_reporter
from alexcli.render.sparkline import sparkline
from alexcli.render.tables import Format
from alexcli.reporter import Reporter

if TYPE_CHECKING:
    from alexcli.records.sweep import SweepJob
    from alexcli.schema import TrainSpec


class StartFlags(NamedTuple):
    """The flags that say where a training starts."""

    resume: str
    extend: bool

    def as_arguments(self) -> list[str]:
        """As they are typed."""
        return ["--resume", self.resume, *(["--extend"] if self.extend else [])]


TableFormat = Annotated[Format | None, typer.Option(show_default="table", case_sensitive=False)]


def train(
    context: typer.Context,
    overrides: Overrides = None,
    *,
    resume: str = "auto",
    extend: bool = False,
    dry_run: bool = False,
    format: TableFormat = None,
    conf: ConfOption = None,
    arm: Hidden = None,
) -> None:
    """Train a net. Without KEY=VALUE: a reduced AlexNet on embedded images, within two minutes.

    After Ctrl-C or SIGTERM, the current step is finished and the run saved; the same command
    resumes it. The exit code is 130 after Ctrl-C and 75 after SIGTERM, which asks a scheduler to
    queue the job again (`RequeueExit=75` in slurm.conf).

    The first GPU is used if there is one. To use another: CUDA_VISIBLE_DEVICES=1 alexcli train; to
    use none: trainer.accelerator=cpu.

    Args:
        resume (auto|never|PATH): auto: skip a finished run, resume an unfinished one. never: keep
            the old run as NAME~1 and start over. PATH: resume from that checkpoint of this run,
            which is kept as NAME~1 unless it is its last.ckpt.
        extend: Resume from a finished run that has fewer optim.epochs and is otherwise the same, if
            the schedule allows it (constant, steps, plateau).
        dry_run: Print where it would run, what differs from the chosen experiment, and the whole
            configuration.
        format: Output format of the table of trainings; without it, a single training prints its
            directory.

    Examples:
        alexcli train
        alexcli train experiment=imagenette data.root=DIR
        alexcli train seed=0,1,2 optim.epochs=5
        alexcli train optim.lr=0.01,0.005 --format json
        alexcli train optim=constant optim.epochs=40 --extend
        alexcli train placement=distributed label=two_processes
    """
    from alexcli.config.overrides import expand
    from alexcli.run.worker import handed_config

    start = _start_flags(resume, extend=extend)
    use_conf(conf)
    typed = list(overrides or [])
    command_line = typed_arguments(context)
    reporter = make_reporter()
    resolved = handed_config()
    if resolved is not None:  # this process is one of several that alexcli started
        _train_one(resolved, typed, command_line, start, arm, reporter)
        return
    jobs = expand(typed)
    specs = [_checked(job) for job in jobs]  # every job is checked before the first runs
    if dry_run:
        _print_plans(specs, jobs, start, reporter)
    elif len(jobs) > 1 or format is not None:
        _train_several(jobs, start, format or Format.table, reporter)
    else:
        _train_one(specs[0], typed, command_line, start, arm, reporter)


def _checked(job: Sequence[str]) -> "TrainSpec":
    """The configuration of a job; UsageError if it, or its label, is not allowed."""
    from alexcli.config.compose import compose
    from alexcli.run.directory import run_label
    from alexcli.schema import TrainSpec

    spec = compose(job, TrainSpec)
    run_label(spec)
    return spec


def _start_flags(resume: str, *, extend: bool) -> StartFlags:
    """Where the trainings start; UsageError for two places."""
    if extend and resume != "auto":
        raise UsageError(
            f"--extend and --resume {resume} name two places to start from", hint="leave one out"
        )
    return StartFlags(resume, extend)


def _print_plans(
    specs: "Sequence[TrainSpec]", jobs: Sequence[list[str]], start: StartFlags, reporter: Reporter
) -> None:
    """Print what each job would do."""
    from alexcli.run.dry_run import plan

    for spec, job in zip(specs, jobs, strict=True):
        emit(plan(spec, reporter, overrides=job, resume=start.resume, extend=start.extend))


def _train_several(
    jobs: Sequence[list[str]], start: StartFlags, format: Format, reporter: Reporter
) -> None:
    """Train one job after another; the worst exit code is this command's."""
    from alexcli.render.sweeps import sweep_text
    from alexcli.run.sweep import sweep

    ended = sweep(jobs, start.as_arguments(), reporter)
    reporter.close()
    emit(sweep_text(ended, format))
    _note_sweep(ended, reporter)
    raise typer.Exit(max(job.exit_code or 0 for job in ended))


def _note_sweep(ended: "Sequence[SweepJob]", reporter: Reporter) -> None:
    """How many jobs finished, which did not, and how the best is evaluated."""
    from alexcli.records.sweep import best_first

    finished = [job for job in best_first(ended) if job.run is not None]
    reporter.note(f"{len(finished):,} of {plural(len(ended), 'job')} finished")
    for job in ended:
        if job.run is None:
            reporter.warn(f"{job.state}: alexcli train {' '.join(job.overrides)}")
    if finished and finished[0].run is not None:
        suggest(reporter, ["eval", "--ten-crop", str(finished[0].run.path)])


def _train_one(
    spec: "TrainSpec",
    typed: list[str],
    command_line: list[str],
    start: StartFlags,
    arm: str | None,
    reporter: Reporter,
) -> None:
    """Train, in as many processes as the placement takes.

    Args:
        spec: the configuration.
        typed: the KEY=VALUE words.
        command_line: everything that was typed, with which other processes are started.
        start: see `train`.
        arm: see run.train.train.
        reporter: receives progress updates.
    """
    from alexcli.reporter import NullReporter
    from alexcli.run.early import open_early
    from alexcli.run.processes import enter_worker, needs_workers, run_workers
    from alexcli.run.worker import is_main_process, leave_process_group

    main_reporter = reporter if is_main_process() else NullReporter()
    opened = open_early(spec, main_reporter, resume=start.resume, overrides=typed)
    if needs_workers(spec):
        reporter.close()
        run_workers(spec, command_line)
        return
    enter_worker(spec)
    from alexcli.run.train import train as run_train

    result = run_train(
        spec,
        reporter,
        resume=start.resume,
        extend=start.extend,
        overrides=typed,
        arm=arm,
        opened=opened,
    )
    reporter.close()
    leave_process_group()
    if is_main_process():
        _print_result(result, reporter)


def _print_result(outcome: TrainResult, reporter: Reporter) -> None:
    """What came out, and what to type next."""
    best = outcome.result["best"] or outcome.result["last"]["val"]
    last = outcome.result["last"]["val"]
    if outcome.skipped:
        unmet = f" without {', '.join(outcome.without_effect)}" if outcome.without_effect else ""
        reporter.note(f"{outcome.directory} is finished{unmet} (to start it over: --resume never)")
    reporter.note(
        f"validation error {100 * last['top1_err']:.2f}% after epoch {last['epoch']} "
        f"(best {100 * best['top1_err']:.2f}%, epoch {best['epoch']}), "
        f"{outcome.result['seconds']:,.0f} s of training"
    )
    _print_curve(outcome, reporter)
    test = outcome.result.get("test")
    if test is not None:
        reporter.note(f"test error {100 * test['top1_err']:.2f}% on {test['n']:,} images")
    emit(f"{outcome.directory}\n")
    suggest(reporter, ["eval", "--ten-crop", str(outcome.directory)])


def _print_curve(outcome: TrainResult, reporter: Reporter) -> None:
    """The validation error of every epoch, drawn in a line; nothing for a run of one epoch."""
    from alexcli.run.directory import RunDirectory

    rows = RunDirectory(Path(outcome.directory)).rows()
    errors = [row["top1_err"] for row in rows if row["split"] == "val"]
    if len(errors) > 1:
        line = sparkline(errors)
        reporter.note(f"validation error by epoch: {errors[0]:.1%} {line} {errors[-1]:.1%}")
