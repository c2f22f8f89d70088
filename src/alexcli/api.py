"""alexcli from Python: what its commands do, as functions. `import alexcli` offers them.

Overrides are the words of the command line, such as "model.width=0.5" or "data=folder". Wrong ones,
and whatever else a user can put right, raise `alexcli.UsageError` with a message and a hint.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from alexcli.errors import AlexcliError, RunFailedError, UsageError, plural

if TYPE_CHECKING:  # torch and its like are imported by the first function that needs them
    from torch import nn

    from alexcli.model.net import Net
    from alexcli.records.evaluation import Evaluation
    from alexcli.records.features import FeatureBatch
    from alexcli.records.prediction import ImagePrediction
    from alexcli.records.study import StudyResult
    from alexcli.records.training import TrainResult
    from alexcli.reporter import Reporter
    from alexcli.run.find import RunCheckpoint
    from alexcli.run.trained import TrainedModel

__all__ = [
    "AlexcliError",
    "RunFailedError",
    "TrainedNet",
    "UsageError",
    "ablate",
    "build",
    "load",
    "params",
    "train",
]

Images = str | Path | Sequence[str | Path]
"""Image files, and folders of them."""


class TrainedNet:
    """A trained net, and what belongs to it. `load` makes one.

    Args:
        checkpoint: of a run.
        overrides: of data.*, eval.*, placement.* and trainer.*.
        progress: whether to show progress on stderr.

    Raises:
        UsageError: the checkpoint cannot be read, or an override would change the net.
    """

    def __init__(
        self, checkpoint: "RunCheckpoint", overrides: Sequence[str] = (), *, progress: bool = False
    ) -> None:
        from alexcli.run.trained import load

        self._checkpoint = checkpoint
        self._overrides = list(overrides)
        self._progress = progress
        self._trained: TrainedModel = load(checkpoint.run, checkpoint.path, overrides)

    def __repr__(self) -> str:
        classes = plural(len(self.classes), "class")
        return f"<alexcli.TrainedNet {self.name}: {self._trained.spec.model.name}, {classes}>"

    @property
    def name(self) -> str:
        """LABEL/DIRECTORY of the run."""
        return self._trained.name

    @property
    def classes(self) -> list[str]:
        """Names of the classes as the data has them, in the order of the outputs."""
        return self._trained.classes

    @property
    def class_names(self) -> list[str]:
        """Readable names of the classes, in the same order."""
        return self._trained.names

    @property
    def net(self) -> "Net":
        """The net itself, a torch.nn.Module in evaluation mode: (N, C, H, W) float32, as
        `preprocess.crop` makes it, to (N, K) class scores.
        """
        return self._trained.net

    @property
    def preprocess(self) -> "nn.Module":
        """From stored images, (N, S, S, 3) uint8, to the net's input: its method `crop`."""
        return self._trained.preprocess

    def predict(
        self, images: Images, *, top: int | None = None, ten_crop: bool = False
    ) -> "list[ImagePrediction]":
        """The most likely classes of images, which are resized as the net's own data was.

        Args:
            images: files and folders.
            top: number of classes; None for five, or all of a net that has fewer.
            ten_crop: whether to average ten views (section 4.1).

        Returns:
            For each image its file, its predictions (class, name and probability `p`, most likely
            first), and its label where its folder is named after a class.

        Raises:
            UsageError: a path does not exist, a file is no image, or there are fewer classes.
        """
        from alexcli.run.predict import find_images, predict

        files = find_images(_paths(images))
        reporter = _reporter(self._progress)
        return predict(self._trained, files, reporter, top=top, ten_crop=ten_crop)

    def features(
        self,
        images: Images | None = None,
        *,
        split: Literal["train", "val", "test"] | None = None,
        layer: str | None = None,
        at: Literal["product", "activation", "output"] = "output",
    ) -> "FeatureBatch":
        """What a layer makes of images, from their centre crops; all of it in memory.

        Args:
            images: files and folders; or else
            split: a split of the net's own data.
            layer: such as conv5 or fc7; None for the last hidden one.
            at: where in the layer: before its activation, after it, or after all that follows.

        Returns:
            `files`, `labels` (None where unknown) and `values`, (N, U) or (N, C, H, W) float32, in
            the same order.

        Raises:
            UsageError: neither images nor a split, both of them, no such layer, or a file is no
                image.
        """
        from alexcli.run.features import FeatureExtractor, find_labelled
        from alexcli.schema import LayerPoint

        if (images is None) == (split is None):
            raise UsageError(
                "features takes images or a split, one of the two",
                hint='features("DIR"), or features(split="val")',
            )
        _check_word("at", at, [point.name for point in LayerPoint])
        extractor = FeatureExtractor(self._trained, layer, LayerPoint(at))
        reporter = _reporter(self._progress)
        if split is not None:
            _check_word("split", split, ["train", "val", "test"])
            return _joined(list(extractor.of_split(split, reporter)))
        found_images = find_labelled(_paths(images or ()))
        return _joined(list(extractor.of_files(found_images, reporter)))

    def evaluate(
        self,
        split: Literal["val", "test"] = "val",
        *,
        ten_crop: bool = False,
        per_class: bool = False,
    ) -> "Evaluation":
        """The errors on a split of the net's own data, or of the data that the overrides name.

        Args:
            split: which held-out images.
            ten_crop: whether to evaluate with ten views too, from the same pass.
            per_class: whether results hold the error of each class.

        Returns:
            Its `results` hold `top1_err`, `top5_err` and more, first of the centre crop; its
            `predictions` those of every image.

        Raises:
            UsageError: the data is missing or has other classes.
        """
        from alexcli.run.evaluate import evaluate

        _check_word("split", split, ["val", "test"])
        return evaluate(
            [self._checkpoint],
            _reporter(self._progress),
            split,
            ("center", "ten") if ten_crop else ("center",),
            self._overrides,
            per_class=per_class,
        )


def load(
    run_or_name: str | Path | None = None,
    *overrides: str,
    runs: str | Path = "runs",
    progress: bool = False,
) -> TrainedNet:
    """A trained net.

    Args:
        run_or_name: a run directory, a checkpoint file or a wildcard; LABEL/DIRECTORY or LABEL (the
            newest of its finished runs) below `runs`; None for the newest finished run of all.
        overrides: of data.*, eval.*, placement.* and trainer.*, such as "data.root=DIR".
        runs: the directory of runs.
        progress: whether to show progress on stderr.

    Raises:
        UsageError: there is no such run, or it cannot be read.
    """
    from alexcli.run.find import single_checkpoint

    names = [] if run_or_name is None else [_run_name(str(run_or_name), Path(runs))]
    return TrainedNet(single_checkpoint(names, Path(runs)), overrides, progress=progress)


def build(model: str, *overrides: str, seed: int = 0) -> "Net":
    """A net with its initial weights, in evaluation mode.

    Args:
        model: a choice of `alexcli config list model`, such as alexnet, alexnet_145 or resnet18.
        overrides: of model.*, such as "model.classes=10".
        seed: of the initial weights.

    Returns:
        A torch.nn.Module: (N, C, H, W) float32 to (N, K) class scores. Its input is on the 0-255
        scale of the paper, with the mean subtracted (section 2). In training mode, dropout needs
        the place in the run: `net(x, alexcli.rng.DropoutContext(seed=0, step=step, row=0))`.

    Raises:
        UsageError: no such model, or its layers do not fit together.
    """
    from alexcli.config.compose import compose
    from alexcli.run.build import build_net
    from alexcli.schema import TrainSpec

    all_overrides = ["experiment=null", f"model={model}", *overrides, f"seed={seed}"]
    return build_net(compose(all_overrides, TrainSpec)).eval()


def train(*overrides: str, resume: str = "auto", progress: bool = True) -> "TrainResult":
    """Train a net in this process, or resume it, or skip what is finished.

    Args:
        overrides: as `alexcli train` takes them; without any, the quick start.
        resume: auto, never, or the path of a checkpoint of this run.
        progress: whether to show progress on stderr.

    Returns:
        Its `directory`, which `load` takes, and its `result`: errors, seconds, parameters.

    Raises:
        UsageError: wrong configuration or data, or a placement that takes several processes.
        RunFailedError: full disk, non-finite loss.
    """
    from alexcli.config.compose import compose
    from alexcli.run.processes import needs_workers
    from alexcli.run.train import train as run_train
    from alexcli.schema import TrainSpec

    spec = compose(overrides, TrainSpec)
    if needs_workers(spec):
        raise UsageError(
            f"placement={spec.placement.kind.name} takes several processes here",
            hint=f"alexcli train {' '.join(overrides)}",
        )
    reporter = _reporter(progress)
    try:
        return run_train(spec, reporter, resume=resume, overrides=overrides)
    finally:
        reporter.close()


def ablate(
    *studies: str,
    overrides: Sequence[str] = (),
    seeds: int | None = None,
    setting: Literal["auto", "mechanism", "plain"] = "auto",
    precision: float | None = None,
    minutes: float | None = None,
    jobs: int = 2,
    progress: bool = True,
) -> "list[StudyResult]":
    """Repeat studies of the paper; every training has a process of its own.

    Args:
        studies: names that `alexcli ablate --list` shows.
        overrides: what chooses the setting, such as "experiment=ilsvrc2012".
        seeds: runs of each arm; None for as many as the precision takes.
        setting: of embedded images: the study's own (mechanism), or that of the quick start.
        precision: for automatic seeds: half-width of a 95% interval, points of error.
        minutes: for automatic seeds: the budget.
        jobs: trainings at a time.
        progress: whether to show progress on stderr.

    Returns:
        For each study its arms with their errors by seed, their differences from the baseline,
        intervals and verdicts.

    Raises:
        UsageError: no such study, or a setting that it cannot be measured in.
        RunFailedError: trainings failed; the message ends with their logs.
    """
    from alexcli.ablation.plan import Ablation
    from alexcli.ablation.precision import AutoSeeds
    from alexcli.ablation.results import study_results
    from alexcli.ablation.training import train_all, train_until_precise

    if not studies:
        raise UsageError("no study is named", hint='ablate("lrn"); alexcli ablate --list')
    if seeds is not None and seeds < 1:
        raise UsageError(f"seeds={seeds} is out of range: it must be at least 1", hint="seeds=4")
    reporter = _reporter(progress)
    ablation = Ablation(studies, overrides, seeds, setting)
    auto = None
    if seeds is None:
        auto = AutoSeeds(None if precision is None else precision / 100, minutes)
        failures = train_until_precise(ablation, auto, jobs, reporter)
    else:
        failures = train_all(ablation, jobs, reporter)
    if failures:
        logs = "\n".join(failures)
        raise RunFailedError(f"{plural(len(failures), 'run')} failed:\n{logs}")
    return study_results(ablation, reporter, auto, jobs)


def params(model: str, *overrides: str) -> dict[str, Any]:
    """Shapes, neurons, parameters, operations and memory of a net, without torch.

    Args:
        model: a choice of `alexcli config list model`.
        overrides: of model.*, and batch=N for the memory.

    Returns:
        What `alexcli analyze params --format json` prints: `layers`, `totals` and more.

    Raises:
        UsageError: no such model, or its layers do not fit together.
    """
    from alexcli.analysis.params import run
    from alexcli.config.compose import compose
    from alexcli.schema import AnalyzeSpec

    counts: dict[str, Any] = run(compose([f"model={model}", *overrides], AnalyzeSpec)).data
    return counts


def _reporter(progress: bool) -> "Reporter":
    """What shows progress on stderr, or nothing."""
    if not progress:
        from alexcli.reporter import NullReporter

        return NullReporter()
    from alexcli.render.progress import make_reporter

    return make_reporter()


def _paths(images: Images) -> list[Path]:
    """The paths of one or several images."""
    several = [images] if isinstance(images, str | Path) else images
    return [Path(image).expanduser() for image in several]


def _run_name(name: str, runs: Path) -> str:
    """The path of a run: the name itself, or what it means below the directory of runs."""
    from alexcli.run.find import newest

    below = runs / name
    if Path(name).expanduser().exists() or not below.is_dir():
        return name
    if (below / "config.yaml").exists():
        return str(below)
    return str(newest(runs, ("train", "import"), label=name).path)


def _joined(batches: "Sequence[FeatureBatch]") -> "FeatureBatch":
    """Features of several batches as one."""
    import numpy as np

    from alexcli.records.features import FeatureBatch

    return FeatureBatch(
        files=[file for batch in batches for file in batch.files],
        labels=[label for batch in batches for label in batch.labels],
        values=np.concatenate([batch.values for batch in batches]),
    )


def _check_word(parameter: str, word: str, allowed: Sequence[str]) -> None:
    """UsageError for a word that a parameter does not take."""
    if word not in allowed:
        raise UsageError(
            f"{parameter}={word!r} is not one of {', '.join(allowed)}",
            hint=f"{parameter}={allowed[0]!r}",
        )
