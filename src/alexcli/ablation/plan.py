"""Studies in one setting, and the trainings that they need, shared ones once."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexcli.ablation.jobs import Job, run_jobs
from alexcli.ablation.study import BASELINE, Arm, Study, open_study
from alexcli.data.dataset import Dataset
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter, Reporter
from alexcli.run.build import build_data
from alexcli.run.directory import RunDirectory
from alexcli.run.start import start_of
from alexcli.run.training_processes import TrainingProcesses
from alexcli.schema import Metric, TrainSpec

FEWEST_CLASSES_FOR_TOP5 = 6


class Ablation:
    """Studies in one setting.

    Args:
        names: of the studies.
        overrides: the KEY=VALUE words that choose the setting.
        seeds: every arm is trained with the seeds 0 to seeds - 1.

    Raises:
        UsageError: bad data, what `open_study` refuses, or a study of top-5 errors on data of so
            few classes that there is no top-5 error.
    """

    def __init__(self, names: Sequence[str], overrides: Sequence[str], seeds: int) -> None:
        self.studies = [open_study(name, overrides) for name in dict.fromkeys(names)]
        self.seeds = range(seeds)
        self.arguments = shlex.join([*overrides, f"--seeds={seeds}"])
        """What follows a study's name in a command that repeats it."""
        self._opened: dict[str, tuple[TrainSpec, Dataset]] = {}
        for study in self.studies:
            _, dataset = self.with_data(study.baseline.spec)
            classes = len(dataset.classes)
            if study.definition.metric is Metric.top5_err and classes < FEWEST_CLASSES_FOR_TOP5:
                raise UsageError(
                    f"{study.name} compares top-5 errors, and the data has {classes:,} classes"
                )

    def with_data(self, spec: TrainSpec) -> tuple[TrainSpec, Dataset]:
        """As `build_data`, but the same images are opened only once."""
        key = repr(spec.data)
        if key not in self._opened:
            self._opened[key] = build_data(spec, NullReporter())
        fitted, dataset = self._opened[key]
        model = replace(spec.model, classes=len(dataset.classes))
        return replace(spec, data=fitted.data, model=model), dataset

    def job(self, study: Study, arm: Arm, seed: int) -> Job | None:
        """The training behind an arm; None while the run that it starts from is unfinished.

        Its directory is that of any run with the same fingerprint.
        """
        if arm.reuses_baseline_nets:
            arm = study.baseline
        spec = replace(arm.spec, seed=seed)
        overrides = arm.overrides
        if arm.source:
            source = self.job(study, arm.source, seed)
            if source is None or not source.finished:
                return None
            spec = replace(spec, init_from=str(source.run.path))
            overrides = [*overrides, f"init_from={source.run.path}"]
        spec, dataset = self.with_data(spec)
        path = start_of(spec, dataset.fingerprint).run.path
        run = RunDirectory(_shared_path(path, study, arm))
        return Job(f"{study.name}/{arm.name}", spec, overrides, run)

    def jobs(self) -> list[Job]:
        """Every training that can be planned now, shared ones once, in the order of the seeds."""
        by_path: dict[Path, Job] = {}
        for seed in self.seeds:
            for study in self.studies:
                sources = [arm.source for arm in study.arms if arm.source]
                for arm in [*sources, *study.arms]:
                    job = self.job(study, arm, seed)
                    if job is not None:
                        by_path.setdefault(job.run.path, job)
        return list(by_path.values())


def _shared_path(path: Path, study: Study, arm: Arm) -> Path:
    """An existing run of this fingerprint, finished ones first; else a directory of its own.

    Args:
        path: where `train` would put it.
        study: its study.
        arm: the arm; a run of its own has its name in the label.
    """
    same_fingerprint = sorted(path.parent.parent.glob(f"*/{path.name}"))
    finished = [candidate for candidate in same_fingerprint if (candidate / "result.json").exists()]
    if finished:
        return finished[0]
    if same_fingerprint:
        return same_fingerprint[0]
    suffix = "" if arm.name == BASELINE else f"-{study.name}-{arm.name}"
    return path.parent.with_name(path.parent.name + suffix) / path.name


def train_all(ablation: Ablation, parallel: int, reporter: Reporter) -> list[str]:
    """Train what is not finished, sources before the arms that start from them; see `run_jobs`."""
    with TrainingProcesses(reporter) as processes:
        failures = run_jobs(ablation.jobs(), parallel, processes, reporter)
        if failures:
            return failures
        # The sources are finished now, so the arms that start from them can be planned.
        return run_jobs(ablation.jobs(), parallel, processes, reporter)
