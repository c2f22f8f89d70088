"""alexcli train."""

import shutil
import sys

import typer

from alexcli.cli.shell import Hidden, Overrides, emit
from alexcli.render.progress import make_reporter
from alexcli.results import Reporter, TrainResult


def train(
    overrides: Overrides = None, *, resume: str = "auto", dry_run: bool = False, arm: Hidden = None
) -> None:
    """Train a net. Without KEY=VALUE: a reduced AlexNet on embedded pictures, in two minutes.

    Args:
        resume (auto|never|PATH): auto: skip a finished run, go on with an unfinished one. never:
            put what is there aside and start over. PATH: go on from that checkpoint of this run.
        dry_run: Print the configuration and where it would run.

    Examples:
        alexcli train
        alexcli train experiment=imagenette data.root=DIR
        alexcli train seed=0,1,2 optim.epochs=5
        alexcli train placement=ranks label=two_processes
    """
    from alexcli.config import compose, expand
    from alexcli.schema import TrainSpec

    words = list(overrides or [])
    reporter = make_reporter()
    jobs = expand(words)
    specs = [compose(job, TrainSpec) for job in jobs]  # every job is checked before the first runs
    if dry_run:
        from alexcli.run.build import plan

        for spec, job in zip(specs, jobs, strict=True):
            emit(plan(spec, reporter, overrides=job))
        return
    if len(jobs) > 1:
        from alexcli.run.processes import sweep

        codes = sweep(jobs, ["--resume", resume], reporter)
        reporter.note(f"{codes.count(0)} of {len(jobs)} jobs finished")
        raise typer.Exit(max(codes))
    from alexcli.run.processes import launched, speaks

    flags = ["--resume", resume, *(["--arm", arm] if arm else [])]
    if launched(specs[0], ["train", *flags, *words]):
        return
    from alexcli.run.train import train as run_train

    done = run_train(specs[0], reporter, resume=resume, overrides=words, arm=arm)
    reporter.close()
    if speaks():
        _tell(done, reporter)


def _tell(done: TrainResult, reporter: Reporter) -> None:
    """What came out, and what to type next."""
    best, last = done.result["best"], done.result["last"]["val"]
    if done.skipped:
        reporter.note(f"{done.directory} is finished (to start it over: --resume never)")
    reporter.note(
        f"validation error {100 * last['top1_err']:.2f}% after epoch {last['epoch']} "
        f"(best {100 * best['top1_err']:.2f}%, epoch {best['epoch']}), "
        f"{done.result['seconds']:.0f} s of training"
    )
    emit(f"{done.directory}\n")
    # As it has to be typed here: a fresh environment is often not on the PATH.
    typed = sys.argv[0] if not sys.argv[0].endswith(".py") else f"{sys.executable} -m alexcli"
    program = "alexcli" if shutil.which("alexcli") else typed
    reporter.note(f"next: {program} eval --ten-crop {done.directory}")
