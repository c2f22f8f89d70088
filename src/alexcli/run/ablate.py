"""Running studies: shared runs once, finished ones skipped, several at a time."""

import itertools
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from alexcli.config import STUDIES, describe
from alexcli.data.dataset import Dataset
from alexcli.errors import InterruptedRunError, UsageError
from alexcli.results import ArmResult, Reporter, Silent, StudyResult
from alexcli.run.build import build_data
from alexcli.run.evaluate import evaluate
from alexcli.run.rundir import RunDirectory
from alexcli.run.statistics import compare, measured
from alexcli.run.study import BASELINE, Arm, Study
from alexcli.run.train import seconds_per_epoch
from alexcli.run.transfer import start_of
from alexcli.schema import Metric, TrainSpec

TAIL = 12  # lines of a failed run's log that are shown


@dataclass
class Job:
    """A training that studies need."""

    name: str
    """study/arm."""
    spec: TrainSpec
    words: list[str]
    run: RunDirectory

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do."""
        return self.run.result_file.exists()

    def command(self, threads: int | None = None) -> list[str]:
        """What a child process is started with."""
        words = [*self.words, f"seed={self.spec.seed}", f"label={self.run.path.parent.name}"]
        if threads and not any(word.startswith("trainer.threads=") for word in words):
            words.append(f"trainer.threads={threads}")
        arm = [] if self.name.endswith(f"/{BASELINE}") else ["--arm", self.name]
        return [sys.executable, "-m", "alexcli", "train", *arm, *words]


class Ablation:
    """Studies in one setting.

    Args:
        studies: opened with the same words.
        seeds: every arm is trained with each.

    Raises:
        UsageError: bad data, or a study of top-5 errors where five guesses are too many.
    """

    def __init__(self, studies: Sequence[Study], seeds: int) -> None:
        self.studies, self.seeds = studies, range(seeds)
        self._opened: dict[str, tuple[TrainSpec, Dataset]] = {}
        for study in studies:
            classes = len(self._fitted(study.arms[0].spec)[1].classes)
            if study.file.metric is Metric.top5_err and classes <= 5:
                raise UsageError.of("ablate.top5", study=study, classes=classes)

    def _fitted(self, spec: TrainSpec) -> tuple[TrainSpec, Dataset]:
        """As build_data, which opens the same pictures once."""
        key = repr(spec.data)
        if key not in self._opened:
            self._opened[key] = build_data(spec, Silent())
        known, dataset = self._opened[key]
        model = replace(spec.model, classes=len(dataset.classes))
        return replace(spec, data=known.data, model=model), dataset

    def job(self, study: Study, arm: Arm, seed: int) -> Job | None:
        """The training behind an arm; None while the run that it starts from is unfinished.

        Its directory is that of any run with the same fingerprint.
        """
        arm = study.arms[0] if arm.evaluated else arm
        spec, words = replace(arm.spec, seed=seed), arm.words
        if arm.after:
            source = self.job(study, arm.after, seed)
            if source is None or not source.finished:
                return None
            spec = replace(spec, init_from=str(source.run.path))
            words = [*words, f"init_from={source.run.path}"]
        spec, dataset = self._fitted(spec)
        run = start_of(spec, dataset.fingerprint).run
        known = list(map(RunDirectory, sorted(run.path.parent.parent.glob(f"*/{run.path.name}"))))
        known.sort(key=lambda run: not run.result_file.exists())
        label = "" if arm.name == BASELINE else f"-{study.name}-{arm.name}"
        own = run.path.parent.with_name(run.path.parent.name + label) / run.path.name
        run = known[0] if known else RunDirectory(own)
        return Job(f"{study.name}/{arm.name}", spec, words, run)

    def jobs(self) -> list[Job]:
        """Every training that can be planned now, shared ones once, in the order of the seeds."""
        found: dict[Path, Job] = {}
        for seed, study in itertools.product(self.seeds, self.studies):
            sources = [arm.after for arm in study.arms if arm.after]
            for arm in [*sources, *study.arms]:
                if job := self.job(study, arm, seed):
                    found.setdefault(job.run.path, job)
        return list(found.values())

    def results(self, reporter: Reporter) -> list[StudyResult]:
        """What the finished runs show."""
        return [self._result(study, reporter) for study in self.studies]

    def _result(self, study: Study, reporter: Reporter) -> StudyResult:
        spec, dataset = self._fitted(study.arms[0].spec)
        wanted = [Metric.top1_err, *([Metric.top5_err] if len(dataset.classes) > 5 else [])]
        wanted += [study.file.metric] if study.file.metric not in wanted else []
        values: dict[str, dict[int, dict[Metric, float | None]]] = {}
        arms, missing = [], 0
        for arm in study.arms:
            runs = {seed: self.job(study, arm, seed) for seed in self.seeds}
            done = {seed: job.run for seed, job in runs.items() if job and job.finished}
            missing += 0 if arm.evaluated else len(runs) - len(done)
            values[arm.name] = (
                _evaluated(arm, done, reporter)
                if arm.evaluated
                else {seed: measured(run, study.file.threshold) for seed, run in done.items()}
            )
            by_metric = {m: {s: v[m] for s, v in values[arm.name].items()} for m in wanted}
            first = {m: {s: v[m] for s, v in values[BASELINE].items()} for m in wanted}
            if arm.file.ensemble:  # one net against the mean of those that it averages
                first = {m: _mean(column) for m, column in first.items()}
            nets = len(done) if arm.file.ensemble else 0
            found = [compare(by_metric[m], first[m], m, arm.file, nets) for m in wanted]
            arms.append(
                ArmResult(
                    arm.name,
                    arm.differences,
                    _command(arm),
                    {m.name: column for m, column in by_metric.items()},
                    [] if arm.name == BASELINE else found,
                    [str(run.path) for run in done.values()],
                )
            )
        return StudyResult(
            name=study.name,
            about=describe(STUDIES, study.name),
            claim=study.file.claim,
            metric=study.file.metric.name,
            threshold=study.file.threshold if study.file.metric is Metric.epochs else None,
            setting=f"{spec.model.name}, {len(dataset.train):,} pictures of "
            f"{len(dataset.classes)} classes ({spec.data.source.name}), {spec.optim.epochs} epochs",
            n=len(dataset.val),
            arms=arms,
            missing=missing,
        )


def _command(arm: Arm) -> str:
    """What repeats an arm, for a shell; RUN stands for what has to be trained first."""
    if arm.evaluated:
        how = [] if arm.file.ensemble else ["--ten-crop"]
        return shlex.join(["alexcli", "eval", *how, "RUN", *["..."] * arm.file.ensemble])
    return shlex.join(["alexcli", "train", *arm.words, *["init_from=RUN"] * bool(arm.after)])


def _mean(column: dict[int, float | None]) -> dict[int, float | None]:
    known = [value for value in column.values() if value is not None]
    return {0: sum(known) / len(known)} if known else {}


def _evaluated(
    arm: Arm, runs: dict[int, RunDirectory], reporter: Reporter
) -> dict[int, dict[Metric, float | None]]:
    """Errors of the baseline's nets under the arm's protocol; of an ensemble, as if of seed 0."""
    if not runs or (arm.file.ensemble and len(runs) < 2):
        return {}
    chosen = [(run, run.last) for run in runs.values()]
    protocol = "ten" if arm.file.views == 10 else "center"
    nets = [chosen] if arm.file.ensemble else [[one] for one in chosen]
    rows = [evaluate(n, reporter, split="val", protocols=[protocol]).results[-1] for n in nets]
    return {
        seed: {Metric.top1_err: row.top1_err, Metric.top5_err: row.top5_err}
        for seed, row in zip([0] if arm.file.ensemble else runs, rows, strict=True)
    }


def estimate(jobs: Sequence[Job]) -> list[tuple[Job, float]]:
    """Each run with the seconds it would take alone, from a few steps of its configuration."""
    speed: dict[str, float] = {}
    for job in jobs:
        if not job.finished and job.name not in speed:
            speed[job.name] = seconds_per_epoch(job.spec) * job.spec.optim.epochs
    return [(job, 0 if job.finished else speed[job.name]) for job in jobs]


def train_all(ablation: Ablation, at_once: int, reporter: Reporter) -> list[str]:
    """Train what is not finished, sources before the arms that start from them; see run_jobs."""
    failed: list[str] = []
    for _ in range(2):
        jobs = ablation.jobs()
        if not failed and any(not job.finished for job in jobs):
            failed = run_jobs(jobs, at_once, reporter)
    return failed


def run_jobs(jobs: Sequence[Job], at_once: int, reporter: Reporter) -> list[str]:
    """Train what is not finished, as child processes.

    Args:
        jobs: of any state.
        at_once: trainings at a time, which share the cores.
        reporter: told as each ends.

    Returns:
        A message with the end of the log for each that failed.

    Raises:
        InterruptedRunError: Ctrl-C, which reaches the children too: they have saved.
    """
    waiting = [job for job in jobs if not job.finished]
    failed: list[str] = []
    reporter.note(f"{len(waiting)} of {len(jobs)} runs to train")
    threads = max(1, (os.cpu_count() or 1) // max(1, min(at_once, len(waiting))))
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(_train, job, threads): job for job in waiting}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                job, code = futures[future], future.result()
                reporter.note(f"{job.name} seed {job.spec.seed}: {_outcome(job, code)}")
                reporter.counted("trainings", done, len(waiting))
                failed += [f"{job.name} seed {job.spec.seed}:\n{_tail(job)}"] if code else []
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            finished = sum(job.finished for job in jobs)
            raise InterruptedRunError.of("ablate.stopped", finished=finished, jobs=jobs) from None
        finally:
            reporter.close()
    return failed


def _train(job: Job, threads: int) -> int:
    log = _log(job)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return subprocess.run(
            job.command(threads), stdout=subprocess.DEVNULL, stderr=file, check=False
        ).returncode


def _log(job: Job) -> Path:
    """What a child says, which may fail before it has a directory."""
    return job.run.path.parent / f".{job.run.path.name}.log"


def _tail(job: Job) -> str:
    lines = _log(job).read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL:])


def _outcome(job: Job, code: int) -> str:
    result = job.run.result()
    if code or result is None:
        return f"failed with exit code {code}; see {_log(job)}"
    last = result["last"]["val"]
    return f"top-1 error {last['top1_err']:.2%}, {result['seconds']:.0f} s, {job.run.path}"
