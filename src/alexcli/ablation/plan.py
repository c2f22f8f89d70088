"""Studies in one setting, and the trainings they need, each shared training once."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alexcli import run_files
from alexcli.ablation.estimate import PILOT
from alexcli.ablation.jobs import Job
from alexcli.ablation.reuse import (
    Measurement,
    RecordedRun,
    RecordedRuns,
    has_train_eval_beside_fingerprint,
)
from alexcli.ablation.study import BASELINE, Arm, Study, open_study
from alexcli.config.overrides import hydra_value
from alexcli.data.dataset import Dataset
from alexcli.errors import UsageError
from alexcli.reporter import NullReporter
from alexcli.run.build import build_data
from alexcli.run.directory import RunDirectory
from alexcli.run.final_test import measured_images, measured_split
from alexcli.run.start import start_of
from alexcli.schema import Metric, TrainSpec

FEWEST_CLASSES_FOR_TOP5 = 6


class Ablation:
    """Studies in one setting.

    Args:
        names: of the studies, as `open_study` takes them.
        overrides: the KEY=VALUE overrides that choose the setting.
        seeds: every arm is trained with the seeds 0 to seeds - 1; None for as many as the wanted
            precision takes, starting with PILOT.
        setting: one of study.SETTINGS.
        recorded: runs that were measured elsewhere and are not trained again.

    Raises:
        UsageError: bad data, anything that `open_study` refuses, a study named twice with different
            arms, or a study of top-5 errors on data with too few classes for a top-5 error.
    """

    def __init__(
        self,
        names: Sequence[str],
        overrides: Sequence[str],
        seeds: int | None,
        setting: str = "auto",
        recorded: RecordedRuns | None = None,
    ) -> None:
        self.studies = [open_study(name, overrides, setting) for name in dict.fromkeys(names)]
        self._check_names()
        self.recorded = recorded or RecordedRuns()
        self.auto = seeds is None
        first_seeds = PILOT if seeds is None else seeds
        self._seed_counts = {
            (study.name, arm.name): first_seeds * arm.nets_per_value
            for study in self.studies
            for arm in study.arms
        }
        self._arguments = _arguments(overrides, seeds, setting)
        self.evaluations: dict[tuple[object, ...], dict[Metric, float | None]] = {}
        """Errors of the nets evaluated for these studies, by nets, split and protocol."""
        self._opened: dict[str, tuple[TrainSpec, Dataset]] = {}
        for study in self.studies:
            _, dataset = self.with_data(study.baseline.spec)
            classes = len(dataset.classes)
            if study.definition.metric is Metric.top5_err and classes < FEWEST_CLASSES_FOR_TOP5:
                raise UsageError(
                    f"{study.name} compares top-5 errors, but the data has {classes:,} classes",
                    hint=f"data of {FEWEST_CLASSES_FOR_TOP5:,} classes or more, or top-1 errors: "
                    f"metric: top1_err in {study.name}.yaml",
                )

    def _check_names(self) -> None:
        selectors = {study.name: study.selector for study in self.studies}
        for study in self.studies:
            if selectors[study.name] != study.selector:
                raise UsageError(
                    f"{study.selector} and {selectors[study.name]} are the same study",
                    hint=f"{study.name}/ARM,ARM names several of its arms",
                )

    def command(self, name: str) -> str:
        """The command that repeats a study.

        Args:
            name: of the study, without its arms.
        """
        (selector,) = [study.selector for study in self.studies if study.name == name]
        return f"alexcli ablate {selector} {self._arguments}".rstrip()

    def seeds(self, study: Study, arm: Arm) -> range:
        """The seeds that an arm is trained with; the baseline has those of all arms."""
        if arm.name == BASELINE:
            return range(max(self._seed_counts[study.name, other.name] for other in study.arms))
        return range(self._seed_counts[study.name, arm.name])

    def promised_seeds(self, study: Study, arm: Arm) -> int:
        """Number of seeds that a study needs to be finished; more only improve its precision."""
        return min(PILOT, len(self.seeds(study, arm))) if self.auto else len(self.seeds(study, arm))

    def add_seeds(self, study: Study, arm: Arm, count: int) -> None:
        """Request more seeds of an arm, and of the baseline with it.

        Args:
            study: its study.
            arm: not the baseline.
            count: total number of seeds; one below the present number changes nothing.
        """
        key = study.name, arm.name
        self._seed_counts[key] = max(self._seed_counts[key], count)

    def add_finished_seeds(self) -> None:
        """If seeds are automatic, include the seeds that are finished, up to the first gap."""
        if not self.auto:
            return
        for study in self.studies:
            for arm in study.compared_arms:
                count = len(self.seeds(study, arm))
                while self._is_finished(study, arm, count):
                    count += 1
                self.add_seeds(study, arm, count)

    def _is_finished(self, study: Study, arm: Arm, seed: int) -> bool:
        jobs = (self.job(study, compared, seed) for compared in (study.baseline, arm))
        return all(job is not None and job.finished for job in jobs)

    def with_data(self, spec: TrainSpec) -> tuple[TrainSpec, Dataset]:
        """Like `build_data`, but open the same images only once."""
        key = repr(spec.data)
        if key not in self._opened:
            self._opened[key] = build_data(spec, NullReporter())
        fitted, dataset = self._opened[key]
        model = replace(spec.model, classes=len(dataset.classes))
        return replace(spec, data=fitted.data, model=model), dataset

    def job(self, study: Study, arm: Arm, seed: int) -> Job | None:
        """The training of an arm; None while the run that it starts from is unfinished.

        It uses the directory of an existing run with the same fingerprint.
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
            overrides = [*overrides, f"init_from={hydra_value(str(source.run.path))}"]
        spec, dataset = self.with_data(spec)
        path = start_of(spec, dataset.fingerprint).run.path
        run = RunDirectory(_shared_path(path, study, arm))
        recorded = None if run.result_file.exists() else self._recorded_run(study, run, dataset)
        return Job(f"{study.name}/{arm.name}", spec, overrides, run, recorded)

    def _recorded_run(
        self, study: Study, run: RunDirectory, dataset: Dataset
    ) -> RecordedRun | None:
        """The record of a run; None for a study that needs the trained nets."""
        if any(arm.reuses_baseline_nets or arm.source for arm in study.arms):
            return None
        metric = study.definition.metric
        measurement = Measurement(
            compared_metrics(study, len(dataset.classes)),
            study.definition.threshold if metric is Metric.epochs else None,
            measured_split(dataset),
            len(measured_images(dataset)),
            has_train_eval_beside_fingerprint(study.baseline.spec),
        )
        return self.recorded.find(run.path.name, measurement)

    def jobs(self) -> list[Job]:
        """Every training that can be planned now, in the order of the seeds, without duplicates."""
        by_path: dict[Path, Job] = {}
        for seed in range(max(self._seed_counts.values())):
            for study in self.studies:
                arms = [arm for arm in study.arms if seed in self.seeds(study, arm)]
                sources = [arm.source for arm in arms if arm.source]
                for arm in [*sources, *arms]:
                    job = self.job(study, arm, seed)
                    if job is None:
                        continue
                    job_of_path = by_path.setdefault(job.run.path, job)
                    if job.measures_more_than(job_of_path):
                        by_path[job.run.path] = job
        return list(by_path.values())


def compared_metrics(study: Study, classes: int) -> list[Metric]:
    """The errors on held-out images and the study's own metric, without duplicates."""
    metrics = [Metric.top1_err]
    if classes >= FEWEST_CLASSES_FOR_TOP5:
        metrics.append(Metric.top5_err)
    if study.definition.metric not in metrics:
        metrics.append(study.definition.metric)
    return metrics


def _arguments(overrides: Sequence[str], seeds: int | None, setting: str) -> str:
    """The arguments after a study's name that choose the same setting and seeds."""
    options = [] if seeds is None else [f"--seeds={seeds}"]
    if setting != "auto":
        options.append(f"--setting={setting}")
    return shlex.join([*overrides, *options])


def _shared_path(path: Path, study: Study, arm: Arm) -> Path:
    """The directory of a run with this fingerprint, preferably a finished one, or else a new one.

    Args:
        path: where `train` would put it.
        study: its study.
        arm: the arm; the label of a new run contains its name.
    """
    same_fingerprint = sorted(path.parent.parent.glob(f"*/{path.name}"))
    finished = [
        candidate for candidate in same_fingerprint if (candidate / run_files.RESULT).exists()
    ]
    if finished:
        return finished[0]
    if same_fingerprint:
        return same_fingerprint[0]
    suffix = "" if arm.name == BASELINE else f"-{study.name}-{arm.name}"
    return path.parent.with_name(path.parent.name + suffix) / path.name
