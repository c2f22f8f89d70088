"""Runs of recorded studies, which need not be trained again.

The name of a run's directory is the fingerprint of its configuration, its images and its seed. A
recorded study lists these names and the values that each seed reached.
"""

import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from alexcli.ablation.recorded import read_study_file, study_files
from alexcli.records.study import ArmResult, ReusedRecord, StudyResult
from alexcli.schema import Metric, TrainSpec

RUN_NAME = re.compile(r"s([0-9]{1,9})-[0-9a-f]+")
"""Name of a run's directory: its seed, and the fingerprint of the rest."""
TRAIN_EVAL = "trainer.train_eval=true"
STOP = "trainer.stop_at_train_error="
Values = dict[Metric, float | None]
"""Results of one run; None for an error that was not measured or a threshold not reached."""


@dataclass(frozen=True)
class Measurement:
    """The quantities that a study measures for each run."""

    metrics: Sequence[Metric]
    threshold: float | None
    """The training error up to which epochs are counted; None if they are not compared."""
    split: str
    """The images that errors are measured on: val, or test."""
    images: int
    """Number of those images."""
    train_eval: bool = False
    """Whether training errors are those of train_eval: `has_train_eval_beside_fingerprint`."""

    @property
    def of_training(self) -> bool:
        """Whether it has an error of the training images."""
        return not {Metric.train_err, Metric.epochs}.isdisjoint(self.metrics)


@dataclass
class RecordedRun:
    """The results of a run of a recorded study."""

    values: Values
    measured: Measurement
    file: str
    """The name of the record."""

    def has(self, other: Measurement) -> bool:
        """Whether it has everything that another study measures."""
        thresholds = (None, self.measured.threshold)
        return (
            set(self.measured.metrics) >= set(other.metrics)
            and other.threshold in thresholds
            and other.split == self.measured.split
            and other.images == self.measured.images
            and (other.train_eval == self.measured.train_eval or not other.of_training)
        )


@dataclass
class RecordedRuns:
    """The runs of all recorded studies in a folder; empty by default."""

    runs: dict[str, list[RecordedRun]] = field(default_factory=dict)
    """Runs by the name of their directory; several studies may have measured the same one."""
    records: dict[str, ReusedRecord] = field(default_factory=dict)
    """How each record was made, by the record's name."""

    def find(self, name: str, measurement: Measurement) -> RecordedRun | None:
        """A run of this name that has everything to be measured."""
        return next((run for run in self.runs.get(name, []) if run.has(measurement)), None)

    def sources(self, runs: Sequence[RecordedRun]) -> list[ReusedRecord]:
        """The records that runs come from, each with its number of runs."""
        counts = Counter(run.file for run in runs)
        return [replace(self.records[file], runs=count) for file, count in counts.items()]


def has_train_eval_beside_fingerprint(spec: TrainSpec) -> bool:
    """Whether a run evaluates the training set (train_eval), and its fingerprint does not say so.

    Training errors are otherwise running means over the epochs, which lag behind and include
    dropout. A run that stops at a training error evaluates it too, and its fingerprint says so.

    Args:
        spec: the run's configuration.
    """
    trainer = spec.trainer
    return trainer.train_eval and trainer.stop_at_train_error is None


def read_recorded_runs(folder: Path) -> RecordedRuns:
    """The runs of the studies that `ablate --out` wrote.

    Args:
        folder: where it wrote them.

    Raises:
        UsageError: there are none, or a file holds something else.
    """
    recorded = RecordedRuns()
    for path in study_files(folder, f"--reuse {folder}"):
        study, extras = read_study_file(path)
        recorded.records[path.name] = ReusedRecord(
            file=path.name,
            runs=0,
            command=str(extras.get("command", "")),
            on=extras.get("on") or {},
            earlier=[asdict(record) for record in study.reused],
        )
        for arm in study.arms:
            for name, run in _runs_of(study, arm, path.name):
                recorded.runs.setdefault(name, []).append(run)
    return recorded


def _runs_of(study: StudyResult, arm: ArmResult, file: str) -> list[tuple[str, RecordedRun]]:
    """The names and runs of an arm.

    An arm that lists the baseline's runs gives none: its values are those of an ensemble or of
    ten crops.
    """
    baseline = study.arms[0]
    if arm is not baseline and set(arm.runs) & set(baseline.runs):
        return []
    metrics = [Metric[name] for name in arm.values]
    typed = shlex.split(arm.command)
    train_eval = TRAIN_EVAL in typed and not any(word.startswith(STOP) for word in typed)
    measured = Measurement(metrics, study.threshold, study.split, study.n, train_eval)
    runs = []
    for path in arm.runs:
        match = RUN_NAME.fullmatch(Path(path).name)
        if match and all(int(match[1]) in column for column in arm.values.values()):
            values = {Metric[key]: column[int(match[1])] for key, column in arm.values.items()}
            runs.append((match[0], RecordedRun(values, measured, file)))
    return runs
