"""Studies in one setting: the trainings they need, shared ones once, and what those show."""

import itertools
import math
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from alexcli.analysis.curves import crossing
from alexcli.config import STUDIES, describe
from alexcli.data.dataset import Dataset
from alexcli.errors import InterruptedRunError, UsageError
from alexcli.results import ArmResult, Difference, Reporter, Silent, StudyResult
from alexcli.run.build import build_data, start_of
from alexcli.run.evaluate import evaluate
from alexcli.run.look import history
from alexcli.run.rundir import RunDirectory
from alexcli.run.study import BASELINE, Arm, Study, open_study
from alexcli.schema import ArmSpec, Metric, Precision, TrainSpec

SIGNS = {None: None, "higher": 1, "lower": -1}
EXECUTORS = ("slurm", "local", "debug")
TAIL = 12  # lines of a failed run's log that are shown
Column = dict[int, float | None]  # by seed; None where it was not reached


@dataclass
class Job:
    """A training that studies need."""

    name: str
    """study/arm."""
    spec: TrainSpec
    words: list[str]
    run: RunDirectory

    def __str__(self) -> str:
        return f"{self.name} seed {self.spec.seed}"

    @property
    def finished(self) -> bool:
        """Whether there is nothing to do."""
        return self.run.result_file.exists()

    @property
    def log(self) -> Path:
        """What a child says, which may fail before it has a directory."""
        return self.run.path.parent / f".{self.run.path.name}.log"

    def command(self, threads: int | None = None) -> list[str]:
        """What a child process is started with."""
        words = [*self.words, f"seed={self.spec.seed}", f"label={self.run.path.parent.name}"]
        if threads and not any(word.startswith("trainer.threads=") for word in words):
            words.append(f"trainer.threads={threads}")
        arm = [] if self.name.endswith(f"/{BASELINE}") else ["--arm", self.name]
        return [sys.executable, "-m", "alexcli", "train", *arm, *words]

    def train(self, threads: int) -> str:
        """Train in a child process; why it failed, or nothing."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            code = subprocess.call(self.command(threads), stdout=subprocess.DEVNULL, stderr=log)
        return f"failed with exit code {code}; see {self.log}" if code or not self.finished else ""


class Ablation:
    """Studies in one setting.

    Args:
        names: of the studies.
        words: that choose the setting.
        seeds: every arm is trained with each.

    Raises:
        UsageError: bad data, what `open_study` refuses, or a study of top-5 errors where five
            guesses are too many.
    """

    def __init__(self, names: Sequence[str], words: Sequence[str], seeds: int) -> None:
        self.studies = [open_study(name, words) for name in dict.fromkeys(names)]
        self.seeds = range(seeds)
        self.typed = shlex.join([*words, f"--seeds={seeds}"])
        """What follows a study's name in a command."""
        self._opened: dict[str, tuple[TrainSpec, Dataset]] = {}
        for study in self.studies:
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
        run = start_of(spec, dataset.fingerprint)[0].path
        label = "" if arm.name == BASELINE else f"-{study.name}-{arm.name}"
        own = run.parent.with_name(run.parent.name + label) / run.name
        alike = sorted(run.parent.parent.glob(f"*/{run.name}"))
        finished = [path for path in alike if (path / "result.json").exists()]
        found = RunDirectory([*finished, *alike, own][0])
        return Job(f"{study.name}/{arm.name}", spec, words, found)

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
        file, classes = study.file, len(dataset.classes)
        top5 = [Metric.top5_err] if classes > 5 else []
        wanted = list(dict.fromkeys([Metric.top1_err, *top5, file.metric]))
        arms: list[ArmResult] = []
        first: dict[Metric, Column] = {}
        missing = 0
        for arm in study.arms:
            jobs = {seed: self.job(study, arm, seed) for seed in self.seeds}
            done = {seed: job.run for seed, job in jobs.items() if job and job.finished}
            if arm.evaluated:
                found = _evaluated(arm.file, done, reporter)
            else:
                found = {seed: _measured(run, file.threshold) for seed, run in done.items()}
                missing += len(jobs) - len(done)
            columns = {m: {seed: values[m] for seed, values in found.items()} for m in wanted}
            first = first or columns
            others = [] if arm.name == BASELINE else wanted
            gaps = [compare(columns[m], first[m], m, arm.file, len(done)) for m in others]
            values = {m.name: column for m, column in columns.items()}
            runs = [str(run.path) for run in done.values()]
            arms.append(ArmResult(arm.name, arm.differences, _command(arm), values, gaps, runs))
        return StudyResult(
            name=study.name,
            about=describe(STUDIES, study.name),
            claim=file.claim,
            metric=file.metric.name,
            threshold=file.threshold if file.metric is Metric.epochs else None,
            setting=f"{spec.model.name}, {len(dataset.train):,} pictures of {classes} classes "
            f"({spec.data.source.name}), {spec.optim.epochs} epochs",
            n=len(dataset.val),
            arms=arms,
            missing=missing,
        )


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
    waiting, failed = [job for job in jobs if not job.finished], list[str]()
    if not waiting:
        return failed
    reporter.note(f"{len(waiting)} of {len(jobs)} runs to train")
    threads = max(1, (os.cpu_count() or 1) // min(at_once, len(waiting)))
    with ThreadPoolExecutor(at_once) as pool:
        futures = {pool.submit(job.train, threads): job for job in waiting}
        try:
            for done, future in enumerate(as_completed(futures), start=1):
                job, why = futures[future], future.result()
                reporter.note(f"{job}: {why or _reached(job.run)}")
                reporter.counted("trainings", done, len(waiting))
                if why:
                    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
                    failed.append("\n".join([f"{job}:", *(f"  {line}" for line in lines[-TAIL:])]))
        except KeyboardInterrupt:
            pool.shutdown(cancel_futures=True)
            finished = sum(job.finished for job in jobs)
            raise InterruptedRunError.of("ablate.stopped", finished=finished, jobs=jobs) from None
        finally:
            reporter.close()
    return failed


def _reached(run: RunDirectory) -> str:
    result = run.result() or {}
    error = result["last"]["val"]["top1_err"]
    return f"top-1 error {error:.2%}, {result['seconds']:.0f} s, {run.path}"


def submit(jobs: Sequence[Job]) -> list[str]:
    """Hand over what is not finished, and do not wait for it.

    Args:
        jobs: of any state; one that another process trains refuses to start twice. The group
            `launcher` of the first says where to.

    Returns:
        The cluster's names of the jobs.

    Raises:
        UsageError: submitit or Slurm is missing, or no such executor.
    """
    spec = jobs[0].spec.launcher
    if spec.executor not in EXECUTORS:
        raise UsageError.of("launch.executor", spec=spec, executors=EXECUTORS)
    if spec.executor == "slurm" and jobs[0].spec.trainer.precision is Precision.auto:
        raise UsageError.of("launch.precision")
    try:
        import submitit
    except ImportError:
        raise UsageError.of("launch.submitit") from None
    try:
        executor = submitit.AutoExecutor(Path(spec.folder).expanduser(), cluster=spec.executor)
    except RuntimeError as error:
        raise UsageError.of("launch.slurm", error=error) from error
    executor.update_parameters(
        name="alexcli",
        timeout_min=spec.minutes,
        cpus_per_task=spec.cpus,
        gpus_per_node=spec.gpus,
        **({"slurm_partition": spec.partition} if spec.partition else {}),
    )
    commands = [job.command() for job in jobs if not job.finished]
    with executor.batch():
        handles = [executor.submit(submitit.helpers.CommandFunction(words)) for words in commands]
    return [str(handle.job_id) for handle in handles]


def train_all(ablation: Ablation, at_once: int, reporter: Reporter) -> list[str]:
    """Train what is not finished, sources before the arms that start from them; see run_jobs."""
    failed = run_jobs(ablation.jobs(), at_once, reporter)
    return failed or run_jobs(ablation.jobs(), at_once, reporter)


def _command(arm: Arm) -> str:
    """What repeats an arm, for a shell; RUN stands for what has to be trained first."""
    if arm.evaluated:
        how = [] if arm.file.ensemble else ["--ten-crop"]
        return shlex.join(["alexcli", "eval", *how, "RUN", *["..."] * arm.file.ensemble])
    return shlex.join(["alexcli", "train", *arm.words, *["init_from=RUN"] * bool(arm.after)])


def _evaluated(
    file: ArmSpec, runs: dict[int, RunDirectory], reporter: Reporter
) -> dict[int, dict[Metric, float | None]]:
    """Errors of the baseline's nets under the arm's protocol; of an ensemble, as if of seed 0."""
    chosen = {seed: [(run, run.last)] for seed, run in runs.items()}
    if file.ensemble:
        chosen = {0: [(run, run.last) for run in runs.values()]} if len(runs) > 1 else {}
    protocols = ["ten" if file.views == 10 else "center"]
    found: dict[int, dict[Metric, float | None]] = {}
    for seed, nets in chosen.items():
        row = evaluate(nets, reporter, split="val", protocols=protocols).results[-1]
        found[seed] = {Metric.top1_err: row.top1_err, Metric.top5_err: row.top5_err}
    return found


def _measured(run: RunDirectory, threshold: float) -> dict[Metric, float | None]:
    """What a finished run reached, from its result and metrics.jsonl."""
    result = run.result() or {}
    val = result["last"]["val"]
    train = [row for row in history(run)[2] if row["split"] == "train"]
    epochs = np.array([0, *(row["epoch"] for row in train)])
    errors = np.array([1 - 1 / result["classes"], *(row["top1_err"] for row in train)])
    return {
        Metric.top1_err: val["top1_err"],
        Metric.top5_err: val["top5_err"],
        Metric.train_err: float(errors[-1]),
        Metric.epochs: None if errors[0] <= threshold else crossing(epochs, errors, threshold),
    }


def compare(
    arm: Column, baseline: Column, metric: Metric, file: ArmSpec, nets: int = 0
) -> Difference:
    """The mean difference of an arm with its 95% interval, beside what is claimed.

    Args:
        arm: values.
        baseline: likewise; seeds are paired, and the interval is Student's t of the pairs.
        metric: `epochs` are compared as a ratio (a geometric mean), all else as a difference.
        file: the arm's claims.
        nets: how many an ensemble averages, which is compared with the mean of those.
    """
    ratio = metric is Metric.epochs
    paper, notes = file.paper.get(metric), file.notes.get(metric)
    if file.ensemble:
        known = [value for value in baseline.values() if value is not None]
        baseline = {0: sum(known) / len(known)} if known else {}
    both = ((value, baseline.get(seed)) for seed, value in arm.items())
    pairs = [(a, b) for a, b in both if a is not None and b is not None]
    missed = sum(value is None for value in arm.values())
    if missed or not pairs:  # a ratio of the lucky seeds alone would mislead
        words = f"not reached by {missed} of {len(arm)}" if missed else "not measured"
        return Difference(metric.name, None, None, None, len(arm), paper, notes, words)
    gaps = [math.log(a) - math.log(b) if ratio else a - b for a, b in pairs]
    mean, ends = sum(gaps) / len(gaps), list[float]()
    claim: Any = notes if paper is None else paper
    claimed = SIGNS[claim] if claim in SIGNS else 1 if claim > int(ratio) else -1
    if max(gaps) - min(gaps) > 1e-9:  # below it is rounding, not spread
        from scipy.stats import ttest_1samp  # of paired differences: the paired test

        ends = list(map(float, ttest_1samp(gaps, 0.0).confidence_interval(0.95)))
    words = _verdict(mean, ends, claimed)
    if not ends:
        several = "all seeds alike" if len(gaps) > 1 else "one seed"
        words += f"; {f'mean of {nets} nets' if file.ensemble else several}, no interval"
    if ratio:
        mean, *ends = map(math.exp, (mean, *ends))
    low, high = ends or (None, None)
    seeds = nets if file.ensemble else len(gaps)
    return Difference(metric.name, mean, low, high, seeds, paper, notes, words)


def _verdict(mean: float, ends: list[float], claimed: int | None) -> str:
    """The comparison in words."""
    if ends and ends[0] <= 0 <= ends[1]:
        return "null: includes zero"
    if claimed is None or not mean:
        return "higher" if mean > 0 else "lower" if mean < 0 else "equal"
    differs = "opposite sign" if ends else "sign differs"
    return "sign agrees" if mean * claimed > 0 else differs
